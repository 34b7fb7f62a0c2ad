"""Makes the test vectors beside it; run once for each, never in tests: `python tests/vectors/make.py`.

Each `<name>.json` is one payload with what an opener must make of it; every opener reads the same files:

    {"name": "aes-256",                    the file's name
     "about": "...",                       what is special about it, for people
     "payload": "<b64u>",                  header || key_check || segments (FORMAT.md section 2)
     "key_share": "<b64u>", "envelope_secret": "<b64u>",
     "message_id": "<UUID>",               under which the message was registered
     "policy": "...",                      the canonical policy, as the file would carry it
     "expect": {"error": "<code>"}         FORMAT.md section 6
            or {"content": {"headers": {...}, "parts": [{"role", "type", "size", "sha256", ...}]},
                "possession_proof": "<b64u>"}}

A part has `name`, `id` and `group` where the manifest has them; `size` and `sha256` (hex) are of the decoded
bytes. The inputs are made from the vector's name, so that a run makes the same bytes again (deflated parts:
with the same zlib). A file that exists is left alone: envelopes that were sealed stay as they are.
"""

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from envelope import content, format, keys
from envelope.content import Content, Part, Role
from envelope.ids import b64u_encode
from envelope.options import Algorithm, Level, Policy

FOLDER = Path(__file__).parent

POLICY = Policy(
    sender="ada@a.example",
    sender_name="Ada Lovelace",
    recipients=("bob@b.example", "eve@e.example"),
    level=Level.MEDIUM,
    sent=datetime(2026, 11, 23, 18, 0, 0, tzinfo=UTC),
    expires=None,
    subject=None,
)

HEADERS = {
    "from": "Ada Lovelace <ada@a.example>",
    "to": "Bob <bob@b.example>",
    "cc": "Eve <eve@e.example>",
    "subject": "Größe, 大きさ, размер",
    "date": "2026-11-23T19:00:00+01:00",
}

TEXT = Part(role=Role.TEXT, type="text/plain", data="Grüße aus Zürich\n".encode(), group=0)


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One payload with the halves that open it; the fields are those of the file."""

    name: str
    about: str
    payload: bytes
    key_share: bytes
    envelope_secret: bytes
    message_id: UUID
    policy: str
    expect: dict[str, object]

    def write(self) -> None:
        fields = {
            "name": self.name,
            "about": self.about,
            "payload": b64u_encode(self.payload),
            "key_share": b64u_encode(self.key_share),
            "envelope_secret": b64u_encode(self.envelope_secret),
            "message_id": str(self.message_id),
            "policy": self.policy,
            "expect": self.expect,
        }
        text = json.dumps(fields, indent=1, ensure_ascii=False) + "\n"
        (FOLDER / f"{self.name}.json").write_text(text, encoding="utf-8")


def draw(name: str, purpose: str, size: int = 32) -> bytes:
    """Bytes that look random and are always the same."""
    return hashlib.shake_256(f"{name}: {purpose}".encode()).digest(size)


def vector(
    name: str,
    about: str,
    *,
    cleartext: bytes,
    expect: dict[str, object],
    algorithm: Algorithm = Algorithm.AES_256,
    segment_size: int = format.SEGMENT_SIZE,
    policy: Policy = POLICY,
) -> Vector:
    share, secret = draw(name, "key share"), draw(name, "envelope secret")
    digits = draw(name, "message id", 16).hex()
    message_id = UUID(f"019ab1c0{digits[:4]}7{digits[4:7]}8{digits[7:10]}{digits[10:22]}")
    header = format.Header(
        algorithm=algorithm, message_id=message_id, policy_digest=policy.digest(), segment_size=segment_size
    )
    key = keys.message_key(share, secret, header=header.pack(), algorithm=algorithm)
    segments = [
        bytes(view) for view in format.encrypt([cleartext], size=len(cleartext), header=header, key=key)
    ]
    return Vector(
        name=name,
        about=about,
        payload=b"".join([header.pack(), key.check, *segments]),
        key_share=share,
        envelope_secret=secret,
        message_id=message_id,
        policy=policy.canonical(),
        expect=expect,
    )


def good(name: str, about: str, parts: list[Part], **options: Any) -> Vector:
    sealed = Content(headers=HEADERS, parts=tuple(parts))
    made = vector(name, about, cleartext=b"".join(content.pack(sealed)), expect={}, **options)
    proof = keys.possession_proof(made.envelope_secret, made.message_id)
    expect: dict[str, object] = {"content": described(sealed), "possession_proof": b64u_encode(proof)}
    return replace(made, expect=expect)


def described(sealed: Content) -> dict[str, object]:
    return {"headers": dict(sealed.headers), "parts": [describe(part) for part in sealed.parts]}


def describe(part: Part) -> dict[str, object]:
    entry: dict[str, object] = {"role": part.role.value, "type": part.type}
    if part.role in (Role.TEXT, Role.HTML):
        entry["group"] = part.group
    entry |= {key: value for key, value in (("id", part.id), ("name", part.name)) if value}
    return entry | {"size": len(part.data), "sha256": hashlib.sha256(part.data).hexdigest()}


def bad(name: str, about: str, code: str, *, change: Callable[[bytes], bytes] = bytes) -> Vector:
    """A good payload of three segments, altered after sealing."""
    cleartext = b"".join(content.pack(Content(headers=HEADERS, parts=(TEXT, attachment("a.bin", 8_000)))))
    made = vector(name, about, cleartext=cleartext, expect={"error": code}, segment_size=4096)
    return replace(made, payload=change(made.payload))


def laid_out(parts: list[dict[str, object]]) -> bytes:
    return framed(json.dumps({"headers": {}, "parts": parts}, separators=(",", ":")).encode())


def framed(manifest: bytes) -> bytes:
    return len(manifest).to_bytes(4, "big") + manifest


def entry(**fields: object) -> dict[str, object]:
    usual = {
        "role": "attachment",
        "type": "application/octet-stream",
        "name": "a.bin",
        "length": 0,
        "size": 0,
    }
    return usual | {"encoding": "identity"} | fields


def deflated(data: bytes, size: int) -> dict[str, object]:
    return entry(role="text", encoding="deflate-raw", length=len(data), size=size)


def deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def flip(at: int) -> Callable[[bytes], bytes]:
    def flipped(payload: bytes) -> bytes:
        changed = bytearray(payload)
        changed[at] ^= 1
        return bytes(changed)

    return flipped


def put(at: int, value: bytes) -> Callable[[bytes], bytes]:
    return lambda payload: payload[:at] + value + payload[at + len(value) :]


def attachment(name: str, size: int, type: str = "application/octet-stream") -> Part:
    return Part(role=Role.ATTACHMENT, type=type, name=name, data=draw(name, "data", size))


def good_vectors() -> list[Vector]:
    html = '<p>Grüße <img src="cid:logo@a.example"></p>'.encode()
    long_text = ("Der Hase läuft über die Wiese. 兎が野原を走る。\n" * 200).encode()
    rich = [
        TEXT,
        Part(role=Role.HTML, type="text/html", data=html, group=0),
        Part(
            role=Role.INLINE,
            type="image/png",
            id="logo@a.example",
            name="logo.png",
            data=draw("logo", "data", 300),
        ),
        attachment("offer.pdf", 1000, "application/pdf"),
        attachment("見積書.xlsx", 777),
        attachment("empty.txt", 0, "text/plain"),
        Part(role=Role.TEXT, type="text/plain", data=b"a footer\n", group=1),
        Part(role=Role.SOURCE, type="text/plain", data=b"Subject: raw\r\nX-Other: \xff\r\n\r\n"),
    ]
    full_policy = replace(
        POLICY,
        expires=datetime(2026, 12, 24, tzinfo=UTC),
        subject="Größe </script> & 大きさ 🐇",
        sender_name="Änne",
    )
    # Manifest and data fill the last segment to the byte.
    empty = (
        len(b"".join(content.pack(Content(headers=HEADERS, parts=(attachment("full.bin", 1000),))))) - 1000
    )
    full = attachment("full.bin", 3 * 4096 - empty)
    return [
        good("aes-256", "one segment, AES-256-GCM", [TEXT]),
        good("aes-192", "one segment, AES-192-GCM", [TEXT], algorithm=Algorithm.AES_192),
        good("segments", "segments of 4,096 bytes", [TEXT, attachment("a.bin", 14_000)], segment_size=4096),
        good(
            "segments-192",
            "the same, AES-192-GCM",
            [TEXT, attachment("a.bin", 9_000)],
            segment_size=4096,
            algorithm=Algorithm.AES_192,
        ),
        good("last-segment-full", "the last segment is as long as the others", [full], segment_size=4096),
        good(
            "deflate",
            "text and html are deflated",
            [
                Part(role=Role.TEXT, type="text/plain", data=long_text, group=0),
                Part(role=Role.HTML, type="text/html", data=b"<p>" + long_text, group=0),
            ],
        ),
        good("rich", "inline image, attachments, two bodies, source", rich),
        good(
            "rich-segments",
            "the same across segments of 4,096 bytes",
            [*rich, attachment("b.bin", 9_001)],
            segment_size=4096,
        ),
        good("empty", "no parts", []),
        good(
            "policy-full", "expiry, subject, letters beyond ASCII in the policy", [TEXT], policy=full_policy
        ),
    ]


def altered_vectors() -> list[Vector]:
    """Payloads of three segments (two of 4,112 bytes and a short one), altered after sealing."""
    first, second, third = 96, 96 + 4112, 96 + 2 * 4112
    other_id = UUID("019ab1c0-0000-7000-8000-000000000000").bytes
    altered: list[tuple[str, str, str, Callable[[bytes], bytes]]] = [
        ("truncated", "the last byte is missing", "payload-corrupt", lambda p: p[:-1]),
        ("truncated-segment", "the last segment is missing", "payload-corrupt", lambda p: p[:third]),
        (
            "truncated-tag",
            "only a tag's length is left of the last segment",
            "format",
            lambda p: p[: third + 16],
        ),
        ("truncated-prelude", "the payload ends within the key check", "format", lambda p: p[:90]),
        ("no-segments", "the payload ends after the key check", "format", lambda p: p[:first]),
        (
            "reordered",
            "the first two segments changed places",
            "payload-corrupt",
            lambda p: p[:first] + p[second:third] + p[first:second] + p[third:],
        ),
        ("repeated", "a segment stands there twice", "payload-corrupt", lambda p: p[:second] + p[first:]),
        ("extended", "a byte too many", "payload-corrupt", lambda p: p + b"\0"),
        ("bit-in-segment", "a flipped bit in the first segment", "payload-corrupt", flip(first)),
        ("bit-in-tag", "a flipped bit in the last tag", "payload-corrupt", flip(-1)),
        ("bit-in-header", "a flipped bit in the header's message id", "wrong-key", flip(31)),
        ("bit-in-key-check", "a flipped bit in the key check", "wrong-key", flip(64)),
        ("bit-in-magic", "a flipped bit in the magic", "format", flip(0)),
        ("bit-in-policy-digest", "a flipped bit in the policy's digest", "payload-corrupt", flip(40)),
        ("wrong-message-id", "the header names another message", "wrong-key", put(16, other_id)),
        ("future-version", "version 2", "unsupported-version", put(8, b"\x02")),
        ("unknown-algorithm", "algorithm 3", "unsupported-version", put(9, b"\x03")),
        ("reserved", "the reserved bytes are not 0", "format", put(10, b"\x01")),
        ("segment-size-odd", "segment size 4,097", "format", put(12, b"\x00\x00\x10\x01")),
        ("segment-size-zero", "segment size 0", "format", put(12, bytes(4))),
        ("segment-size-small", "segment size 2,048", "format", put(12, b"\x00\x00\x08\x00")),
        ("segment-size-large", "segment size 2 GiB", "limit-exceeded", put(12, b"\x80\x00\x00\x00")),
        (
            "segment-size-other",
            "a segment size that is allowed, but not the sealed one",
            "wrong-key",
            put(12, b"\x00\x02\x00\x00"),
        ),
    ]
    return [bad(name, about, code, change=change) for name, about, code, change in altered]


def mismatched_vectors() -> list[Vector]:
    """Good payloads beside which something else is wrong."""
    policy = bad("policy-mismatch", "the policy beside it says another level", "payload-corrupt")
    share = bad("wrong-key-share", "the key share of another envelope", "wrong-key")
    secret = bad("wrong-envelope-secret", "the envelope secret of another envelope", "wrong-key")
    return [
        replace(policy, policy=replace(POLICY, level=Level.NONE).canonical()),
        replace(share, key_share=draw("wrong", "key share")),
        replace(secret, envelope_secret=draw("wrong", "envelope secret")),
    ]


def hostile_vectors() -> list[Vector]:
    """Payloads that decrypt, with a cleartext that no sealer writes: (name, about, code, cleartext)."""
    no_text = b'{"headers":{"to":"\xff"},"parts":[]}'
    hostile = [
        ("manifest-length-huge", "the manifest claims 4 GiB", "limit-exceeded", b"\xff\xff\xff\xff{}"),
        ("manifest-length-over", "the manifest claims a byte more than there is", "format", b"\0\0\0\x03{}"),
        ("manifest-cut", "less than the manifest's length field", "format", b"\0\0"),
        ("manifest-not-json", "the manifest is no JSON", "format", framed(b"{]")),
        ("manifest-not-utf8", "the manifest is no UTF-8", "format", framed(no_text)),
        ("manifest-without-parts", "the manifest lacks its parts", "format", framed(b'{"headers":{}}')),
        ("too-many-parts", "4,097 parts", "limit-exceeded", laid_out([{}] * 4097)),
    ]
    for name, about, code, parts in hostile_sums():
        hostile.append((name, about, code, laid_out(parts) + b"four"))
    for name, about, code, part, data in hostile_deflation():
        hostile.append((name, about, code, laid_out([part]) + data))
    few = deflate(b"few")
    claims = [deflated(few, 4_194_305)] * 2
    over = "deflated parts that claim over 8 MiB together"
    hostile.append(("inflate-limit", over, "limit-exceeded", laid_out(claims) + few * 2))
    return [
        vector(name, about, cleartext=cleartext, expect={"error": code})
        for name, about, code, cleartext in hostile
    ]


def hostile_sums() -> list[tuple[str, str, str, list[dict[str, object]]]]:
    """Manifests in front of four stored bytes."""
    return [
        ("sum-short", "the parts end before the cleartext", "format", [entry(length=3, size=3)]),
        ("sum-long", "the parts go on after the cleartext", "format", [entry(length=5, size=5)]),
        (
            "sum-overflow",
            "lengths that wrap around 32 bits",
            "format",
            [entry(length=2**32, size=2**32), entry(length=4, size=4)],
        ),
        (
            "length-negative",
            "a negative length that makes the sum right",
            "format",
            [entry(length=-4, size=-4), entry(length=8, size=8)],
        ),
        ("size-differs", "an identity part with two sizes", "format", [entry(length=4, size=5)]),
        ("encoding-unknown", "an unknown encoding", "format", [entry(encoding="br", length=4, size=4)]),
        ("role-unknown", "an unknown role", "format", [entry(role="script", length=4, size=4)]),
    ]


def hostile_deflation() -> list[tuple[str, str, str, dict[str, object], bytes]]:
    """One deflated part and its stored bytes."""
    bomb, few = deflate(bytes(1_000_000)), deflate(b"few")
    return [
        ("inflate-bomb", "a part that inflates past its size", "format", deflated(bomb, 1000), bomb),
        ("inflate-short", "a part that inflates to less than its size", "format", deflated(few, 4), few),
        ("inflate-cut", "a deflated part without its end", "format", deflated(few[:-1], 3), few[:-1]),
        ("inflate-trailing", "bytes after a deflated part", "format", deflated(few + b"\0", 3), few + b"\0"),
    ]


def main() -> None:
    for made in (*good_vectors(), *altered_vectors(), *mismatched_vectors(), *hostile_vectors()):
        if not (FOLDER / f"{made.name}.json").exists():
            made.write()


if __name__ == "__main__":
    main()
