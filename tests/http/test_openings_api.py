"""The API for envelopes, as API.md has it: asked from a file on disk, answered to whoever holds it."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from envelope.ids import b64u_decode, b64u_encode
from envelope.options import Level
from keyserver import accounts, messages, openings
from keyserver.db import Database
from keyserver.models import Opening
from keyserver.openings import Released
from tests.factories import Page, SealedMessage, make_account, make_keyring, make_message, make_person
from tests.http.test_api import refused

Make = Callable[..., SealedMessage]


@pytest.fixture
def message(database: Database) -> Make:
    """A registered message of Bank A."""

    def make(*recipients: str, **options: Any) -> SealedMessage:
        now = datetime.now(UTC)
        with database.writing() as db:
            account = accounts.named(db, "Bank A") or make_account(db, now=now)
            return make_message(db, account, *recipients, **{"now": now, **options})

    return make


class File:
    """An envelope open in a browser, with no origin and no cookie."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def post(self, path: str, body: Any) -> TestResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
        answer = self.client.post(path, data=data, headers=headers, content_type="text/plain")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Set-Cookie" not in answer.headers
        return answer

    def ask(self, page: Page, **changes: object) -> TestResponse:
        wanted = page.ask()
        body = {
            "message": str(wanted.message_id),
            "recipient": wanted.recipient,
            "possession_proof": b64u_encode(wanted.possession_proof),
            "opening": str(wanted.id),
            "public_key": b64u_encode(wanted.public_key),
            "poll_sha256": b64u_encode(wanted.poll_sha256),
        }
        return self.post("/api/v1/openings", {**body, **changes})

    def result(self, page: Page) -> TestResponse:
        secret = b64u_encode(page.poll_secret)
        return self.post(f"/api/v1/openings/{page.opening}/result", {"poll_secret": secret})


@pytest.fixture
def file(app: Flask) -> File:
    return File(app)


def released(answer: TestResponse) -> Released:
    body = answer.get_json()
    assert body.keys() == {"state", "enc", "sealed", "expires", "offer"}
    assert body["state"] == "released"
    enc, sealed = b64u_decode(body["enc"], size=65), b64u_decode(body["sealed"], size=48)
    expires = datetime.fromisoformat(body["expires"]) if body["expires"] else None
    return Released(enc, sealed, expires, body["offer"])


def approve(database: Database, page: Page) -> None:
    now = datetime.now(UTC)
    with database.writing() as db:
        bob = make_person(db, now=now)
        openings.approve(db, page.opening, bob, now=now, keyring=make_keyring())


def test_envelope_asks_waits_and_is_handed_the_share(file: File, message: Make, database: Database) -> None:
    """S10, S11."""
    sealed = message()
    page = Page(sealed)

    asked, waiting = file.ask(page), file.result(page)
    approve(database, page)
    answer = file.result(page)

    assert (asked.status_code, asked.get_json()) == (
        201,
        {"state": "waiting", "expires_in": 600, "poll_after": 3},
    )
    assert (waiting.status_code, waiting.get_json()) == (200, {"state": "waiting", "poll_after": 3})
    assert answer.status_code == 200
    assert page.open(released(answer)) == sealed.key_share
    assert refused(file.result(page)) == (410, "gone")


def test_no_passphrase_envelope_is_answered_at_once(file: File, message: Make) -> None:
    """S50."""
    sealed = message(level=Level.NONE)
    page = Page(sealed)

    answer = file.ask(page)

    assert answer.status_code == 201
    assert page.open(released(answer)) == sealed.key_share


def test_same_ask_again_is_the_same_opening(file: File, message: Make) -> None:
    page = Page(message())

    assert [file.ask(page).status_code for _ in range(2)] == [201, 201]
    other = b64u_encode(os.urandom(32))
    assert refused(file.ask(page, poll_sha256=other)) == (409, "conflict")


def test_unknown_message_and_wrong_proof_look_the_same(file: File, message: Make) -> None:
    page = Page(message())

    answers = [
        file.ask(page, message=str(uuid4())),
        file.ask(page, possession_proof=b64u_encode(bytes(32))),
    ]

    assert [refused(answer) for answer in answers] == [(404, "not-found")] * 2
    assert answers[0].data == answers[1].data


def test_others_are_told_it_is_not_for_them(file: File, message: Make) -> None:
    assert refused(file.ask(Page(message(), "eve@e.example"))) == (403, "not-a-recipient")


def test_locked_message_says_the_reason(file: File, message: Make, database: Database) -> None:
    sealed = message()
    page = Page(sealed)
    file.ask(page)
    with database.writing() as db:
        messages.lock(db, sealed.id, actor="ada", reason="Wrong figures", now=datetime.now(UTC))

    for answer in (file.ask(Page(sealed)), file.result(page)):
        assert refused(answer) == (403, "message-locked")
        assert answer.get_json()["reason"] == "Wrong figures"


def test_expired_message_says_since_when(file: File, message: Make, database: Database) -> None:
    """S121."""
    sealed = message()
    page = Page(sealed)
    file.ask(page)
    past = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
    with database.writing() as db:
        messages.set_expiry(db, sealed.id, expires=past, actor="ada", now=datetime.now(UTC))

    for answer in (file.ask(Page(sealed)), file.result(page)):
        assert refused(answer) == (403, "message-expired")
        assert answer.get_json()["expired_at"] == "2026-11-01T12:00:00Z"


def test_too_many_openings_from_one_place_wait(file: File, message: Make) -> None:
    sealed = message()
    for _ in range(openings.ASKS):
        assert file.ask(Page(sealed)).status_code == 201

    answer = file.ask(Page(sealed))

    assert refused(answer) == (429, "throttled")
    assert answer.headers["Retry-After"] == str(answer.get_json()["retry_after"])


def test_wrong_poll_secret_finds_nothing(file: File, message: Make) -> None:
    page = Page(message())
    file.ask(page)
    page.poll_secret = os.urandom(32)

    assert refused(file.result(page)) == (404, "not-found")
    assert refused(file.post("/api/v1/openings/no-id/result", {})) == (404, "not-found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message", "not-an-id"),
        ("message", None),
        ("message", "0" * 32),
        ("recipient", "bob"),
        ("recipient", 7),
        ("possession_proof", "AAAA"),
        ("opening", "0190AB4F-3C2D-4E5F-8A6B-7C8D9E0F1A2B"),
        ("public_key", b64u_encode(bytes(65))),
        ("public_key", b64u_encode(bytes(33))),
        ("poll_sha256", ""),
        ("cookie", "x"),
    ],
)
def test_bad_field_is_named(file: File, message: Make, field: str, value: object) -> None:
    answer = file.ask(Page(message()), **{field: value})

    assert refused(answer) == (400, "invalid-field")
    assert answer.get_json()["field"] == field


@pytest.mark.parametrize("body", [b"", b"null", b"{", b"\0"])
def test_what_is_no_json_object_is_refused(file: File, body: bytes) -> None:
    assert refused(file.post("/api/v1/openings", body)) == (400, "bad-json")
    assert refused(file.post(f"/api/v1/openings/{uuid4()}/result", body)) == (400, "bad-json")


def test_body_over_the_limit_is_refused(file: File) -> None:
    assert refused(file.post("/api/v1/openings", b" " * 70_000)) == (413, "too-large")


def test_get_asks_nothing(file: File, message: Make, database: Database) -> None:
    """Design, section 5: GET never releases a key."""
    page = Page(message())
    file.ask(page)
    for path in ("/api/v1/openings", f"/api/v1/openings/{page.opening}/result"):
        answer = file.client.get(path)
        assert refused(answer) == (405, "method-not-allowed")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"

    with database.reading() as db:
        assert db.get_one(Opening, page.opening).state == "waiting"
