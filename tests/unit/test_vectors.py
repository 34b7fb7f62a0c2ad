"""The test vectors as the Python opener reads them; the JavaScript opener reads the same files (tests/js)."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from envelope import Part, Role, b64u_decode, b64u_encode, errors, open_payload, possession_proof

VECTORS = sorted((Path(__file__).parents[1] / "vectors").glob("*.json"))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector_opens_or_is_refused_as_it_says(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))

    assert outcome(vector) == vector["expect"]


def test_vectors_cover_every_code_and_both_algorithms() -> None:
    """S57: AES-192 or AES-256."""
    vectors = [json.loads(path.read_text("utf-8")) for path in VECTORS]
    algorithms = {b64u_decode(vector["payload"])[9] for vector in vectors if "content" in vector["expect"]}
    codes = {vector["expect"].get("error") for vector in vectors} - {None}

    assert algorithms == {1, 2}
    assert codes == {"format", "unsupported-version", "limit-exceeded", "wrong-key", "payload-corrupt"}


def outcome(vector: dict[str, Any]) -> dict[str, object]:
    secret = b64u_decode(vector["envelope_secret"])
    try:
        content = open_payload(
            b64u_decode(vector["payload"]),
            key_share=b64u_decode(vector["key_share"]),
            envelope_secret=secret,
            policy=vector["policy"],
        )
    except errors.EnvelopeError as error:
        return {"error": error.code}
    described = {"headers": dict(content.headers), "parts": [described_part(part) for part in content.parts]}
    proof = possession_proof(secret, UUID(vector["message_id"]))
    return {"content": described, "possession_proof": b64u_encode(proof)}


def described_part(part: Part) -> dict[str, object]:
    entry: dict[str, object] = {"role": part.role.value, "type": part.type}
    if part.role in (Role.TEXT, Role.HTML):
        entry["group"] = part.group
    entry |= {key: value for key, value in (("id", part.id), ("name", part.name)) if value}
    return entry | {"size": len(part.data), "sha256": sha256(part.data).hexdigest()}
