"""What a gateway and a link's page do about stored copies, step by step; each tells what it was answered."""

import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import Flask
from werkzeug.test import TestResponse

from envelope.format import HEADER_SIZE, PRELUDE_SIZE, TAG_SIZE, Header
from envelope.ids import b64u_encode
from envelope.options import Algorithm
from keyserver import accounts, messages
from keyserver.copy_store import CopyStore
from keyserver.errors import CopyMissingError
from tests.factories import SealedMessage, make_account, make_keyring, make_registration
from tests.http.test_api import provisioning

POLICY = b'{"level":"medium","sender":"ada@a.example"}'
SEGMENT_SIZE = 1_048_576
BOB = "bob@b.example"


def payload(message_id: UUID, *, size: int = 100_000, policy: bytes = POLICY) -> bytes:
    """One segment of so many bytes behind header and key check; nobody opens it here."""
    digest = sha256(policy).digest()
    header = Header(
        algorithm=Algorithm.AES_256, message_id=message_id, policy_digest=digest, segment_size=SEGMENT_SIZE
    )
    return header.pack() + os.urandom(PRELUDE_SIZE - HEADER_SIZE + size + TAG_SIZE)


class Gateway:
    """A gateway of Bank A and the envelopes that it sealed."""

    def __init__(self, app: Flask) -> None:
        self.client, self.database = app.test_client(), app.extensions["sealpost"].database
        self.secret = self._provision("Bank A", "a.example")

    def message(self, *recipients: str, **options: Any) -> SealedMessage:
        """An envelope that the key server knows."""
        sealed = make_registration(*recipients, policy_sha256=sha256(POLICY).digest(), **options)
        with self.database.writing() as db:
            account = accounts.named(db, "Bank A")
            assert account is not None
            messages.register(db, account, sealed.registration, now=datetime.now(UTC), keyring=make_keyring())
        return sealed

    def put(
        self, message_id: UUID, body: bytes | BytesIO, *, secret: str | None = None, **environ: Any
    ) -> TestResponse:
        """The copy, as far as it comes; `environ`: how its connection differs from a good one's."""
        headers = {"Authorization": f"Bearer {secret or self.secret}"}
        stream = body if isinstance(body, BytesIO) else BytesIO(body)
        length = {} if isinstance(body, BytesIO) else {"CONTENT_LENGTH": str(len(body))}
        return self.client.put(
            f"/api/v1/messages/{message_id}/copy",
            input_stream=stream,
            headers=headers,
            environ_overrides={**length, **environ},
        )

    def stored(self, **options: Any) -> tuple[SealedMessage, bytes]:
        """A message with its copy."""
        sealed = self.message(**options)
        body = POLICY + b"\n" + payload(sealed.id)
        answer = self.put(sealed.id, body)
        assert (answer.status_code, answer.get_json()) == (201, {"size": len(body)})
        return sealed, body

    def stranger(self) -> str:
        """The secret of another organisation's gateway."""
        return self._provision("Bank C", "c.example")

    def _provision(self, name: str, domain: str) -> str:
        now = datetime.now(UTC)
        with self.database.writing() as db:
            account = make_account(db, now=now, name=name, domains=(domain,))
            token = accounts.provisioning_token(db, account, now=now)
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.client.post("/api/v1/provision", json=provisioning(), headers=headers)
        return str(answer.get_json()["secret"])


class Link:
    """The page behind a link, with no cookie; `source` is the network it is in."""

    def __init__(self, app: Flask, source: str = "192.0.2.1") -> None:
        self.client, self._environ = app.test_client(), {"REMOTE_ADDR": source}

    def fetch(self, sealed: SealedMessage, **changes: Any) -> TestResponse:
        return self.post(f"/api/v1/copies/{changes.pop('id', sealed.id)}", self._shown(sealed, **changes))

    def state(self, sealed: SealedMessage, **changes: Any) -> TestResponse:
        body = {"message": str(sealed.id), **self._shown(sealed, **changes)}
        return self.post("/api/v1/openings/state", body)

    def post(self, path: str, body: Any) -> TestResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
        answer = self.client.post(
            path,
            data=data,
            headers=headers,
            content_type="text/plain",
            environ_base=self._environ,
            buffered=True,
        )
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        return answer

    def _shown(self, sealed: SealedMessage, **changes: Any) -> dict[str, Any]:
        return {"recipient": BOB, "possession_proof": b64u_encode(sealed.possession_proof), **changes}


def is_stored(store: CopyStore, copy_id: UUID) -> bool:
    try:
        store.open(copy_id).close()
    except CopyMissingError:
        return False
    return True
