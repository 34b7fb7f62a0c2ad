"""The API for gateways, as API.md has it: provisioning, registering, and every way of being refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from envelope.ids import b64u_encode
from keyserver import accounts, gateways, people
from keyserver.db import Database
from keyserver.models import Message
from tests.factories import make_account

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
SHARE, OTHER = b64u_encode(bytes(range(32))), b64u_encode(bytes(32))

Send = Callable[..., TestResponse]
NESTED = b"[" * 60_000


def profile(**changes: Any) -> dict[str, Any]:
    brand = {"name": "Bank A", "colour": "#0a5c8f", "link": None, "logo": None}
    return {"name": "standard", "level": "medium", "locale": "de", "brand": brand, **changes}


def provisioning(**changes: Any) -> dict[str, Any]:
    body = {"gateway": "mx1.a.example", "administrator": "admin@a.example", "profiles": [profile()]}
    return {**body, **changes}


def registration(**changes: Any) -> dict[str, Any]:
    body = {
        "profile": "standard",
        "key_share": SHARE,
        "possession_sha256": OTHER,
        "policy_sha256": OTHER,
        "level": "medium",
        "sender": "ada@a.example",
        "sender_name": "Ada",
        "subject": None,
        "sent": "2026-11-23T18:00:00Z",
        "expires_after": None,
        "recipients": [{"address": "bob@b.example", "visible": True}],
        "mailed_code": False,
        "online": True,
        "remember": False,
        "receipt": False,
    }
    return {**body, **changes}


@pytest.fixture
def token(database: Database) -> str:
    now = datetime.now(UTC)
    with database.writing() as db:
        return accounts.provisioning_token(db, make_account(db, now=now), now=now)


@pytest.fixture
def send(app: Flask) -> Send:
    """Sends JSON (or bytes as they are) with a bearer secret."""
    client = app.test_client()

    def request(method: str, path: str, body: Any, secret: str | None) -> TestResponse:
        headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.open(path, method=method, data=data, headers=headers, content_type="application/json")

    return request


@pytest.fixture
def secret(send: Send, token: str) -> str:
    return str(send("POST", "/api/v1/provision", provisioning(), token).get_json()["secret"])


@pytest.fixture
def register(send: Send, secret: str) -> Send:
    """Registers under a new id, or the given one, with changes to a good registration."""

    def put(*, id: object = None, body: Any = None, bearer: str = secret, **changes: Any) -> TestResponse:
        path = f"/api/v1/messages/{id or uuid4()}"
        return send("PUT", path, registration(**changes) if body is None else body, bearer)

    return put


def refused(answer: TestResponse) -> tuple[int, str]:
    """Status and code of a refusal, which is a problem as RFC 9457 has it."""
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == "about:blank"
    assert problem["title"]
    return answer.status_code, problem["code"]


def test_gateway_is_provisioned(send: Send, token: str, database: Database) -> None:
    """S24, S71, S72: profile and administrator are registered, and the gateway gets a secret."""
    answer = send("POST", "/api/v1/provision", provisioning(), token)

    body = answer.get_json()
    assert answer.status_code == 200
    assert body.keys() == {"account", "gateway", "profiles", "secret"}
    assert (body["account"], body["profiles"]) == ("Bank A", ["standard"])
    with database.reading() as db:
        assert people.person_of(db, "admin@a.example")


def test_provisioning_again_with_the_secret_is_harmless(send: Send, token: str, secret: str) -> None:
    again = send("POST", "/api/v1/provision", provisioning(), secret)

    assert again.status_code == 200
    assert "secret" not in again.get_json()


def test_profiles_brand_is_shown_to_everybody(send: Send, token: str, app: Flask, database: Database) -> None:
    """S33: several brands, each with a logo at the key server."""
    logo = {"type": "image/png", "data": b64u_encode(PNG)}
    brand = {"name": "Bank A", "colour": "#0a5c8f", "link": "https://a.example", "logo": logo}
    send("POST", "/api/v1/provision", provisioning(profiles=[profile(brand=brand)]), token)
    with database.reading() as db:
        account = accounts.named(db, "Bank A")
        assert account is not None
        profile_id = gateways.profiles.id_of(db, account, "standard")

    picture = app.test_client().get(f"/brand/{profile_id}/logo")
    colours = app.test_client().get(f"/brand/{profile_id}/colours.css")

    assert (picture.data, picture.content_type) == (PNG, "image/png")
    assert "--accent: #0a5c8f" in colours.text
    assert colours.content_type.startswith("text/css")


def test_brand_of_no_profile_is_not_found(app: Flask) -> None:
    assert app.test_client().get(f"/brand/{uuid4()}/logo").status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"gateway": ""}, "gateway"),
        ({"gateway": 7}, "gateway"),
        ({"administrator": "nobody"}, "administrator"),
        ({"profiles": []}, "profiles"),
        ({"profiles": [1]}, "profiles"),
        ({"profiles": [profile(), profile()]}, "profiles"),
        ({"profiles": [profile(level="ultra")]}, "profiles[0].level"),
        ({"profiles": [profile(locale="tlh")]}, "profiles[0].locale"),
        ({"profiles": [profile(brand={})]}, "profiles[0].brand.name"),
        ({"profiles": [profile(brand=None)]}, "profiles[0].brand"),
        ({"profiles": [profile(colour="red")]}, "profiles[0].colour"),
        ({"extra": 1}, "extra"),
    ],
)
def test_bad_provisioning_names_the_field(
    send: Send, token: str, changes: dict[str, Any], field: str
) -> None:
    answer = send("POST", "/api/v1/provision", provisioning(**changes), token)

    assert refused(answer) == (400, "invalid-field")
    assert answer.get_json()["field"] == field


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "blue"},
        {"link": "javascript:alert(1)"},
        {"logo": {"type": "image/svg+xml", "data": b64u_encode(b"<svg/>")}},
        {"logo": {"type": "image/png", "data": b64u_encode(b"GIF89a")}},
        {"logo": {"type": "image/png", "data": b64u_encode(PNG * 200)}},
    ],
)
def test_brand_that_pages_cannot_show_is_refused(send: Send, token: str, changes: dict[str, Any]) -> None:
    brand = {"name": "Bank A", "colour": "#0a5c8f", "link": None, "logo": None, **changes}

    answer = send("POST", "/api/v1/provision", provisioning(profiles=[profile(brand=brand)]), token)

    assert refused(answer) == (400, "invalid-field")


def test_message_is_registered(register: Send) -> None:
    """S5, S9."""
    message_id = uuid4()

    first, again = register(id=message_id), register(id=message_id)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json() == {"id": str(message_id), "expires": None}


def test_expiry_counts_from_registration(register: Send) -> None:
    """D8."""
    before = datetime.now(UTC)
    expires = datetime.fromisoformat(register(expires_after=86_400).get_json()["expires"])

    assert timedelta(0) <= expires - before - timedelta(days=1, seconds=-1) < timedelta(minutes=1)


def test_other_values_conflict(register: Send) -> None:
    message_id = uuid4()
    register(id=message_id)

    assert refused(register(id=message_id, subject="Other")) == (409, "conflict")


def test_sender_of_another_domain_is_refused(register: Send) -> None:
    assert refused(register(sender="ada@b.example")) == (403, "sender-not-allowed")


def test_unknown_profile_is_refused(register: Send) -> None:
    assert refused(register(profile="gold")) == (400, "unknown-profile")


def test_thousand_recipients_are_registered_but_no_more(register: Send) -> None:
    recipients = [{"address": f"{'r' * 200}{number}@b.example", "visible": False} for number in range(1001)]

    assert register(recipients=recipients[:1000]).status_code == 201
    assert refused(register(recipients=recipients)) == (400, "invalid-field")


def test_address_that_stands_twice_is_one_recipient(register: Send, database: Database) -> None:
    message_id = uuid4()
    recipients = [
        {"address": "bob@b.example", "visible": False},
        {"address": "BOB@b.example", "visible": True},
    ]

    assert register(id=message_id, recipients=recipients).status_code == 201
    with database.reading() as db:
        assert db.get(Message, message_id) is not None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key_share": "AAAA"}, "key_share"),
        ({"key_share": SHARE + "="}, "key_share"),
        ({"key_share": None}, "key_share"),
        ({"possession_sha256": "!" * 43}, "possession_sha256"),
        ({"level": None}, "level"),
        ({"sender": "ada"}, "sender"),
        ({"sender": "ada@a.example\r\nBcc: eve@e.example"}, "sender"),
        ({"sender_name": "A\0a"}, "sender_name"),
        ({"sender_name": "\ud800"}, "sender_name"),
        ({"subject": "x" * 1001}, "subject"),
        ({"sent": "yesterday"}, "sent"),
        ({"sent": "2026-11-23T18:00:00+01:00"}, "sent"),
        ({"sent": 7}, "sent"),
        ({"expires_after": 0}, "expires_after"),
        ({"expires_after": True}, "expires_after"),
        ({"expires_after": 1.5}, "expires_after"),
        ({"expires_after": 10**12}, "expires_after"),
        ({"recipients": []}, "recipients"),
        ({"recipients": {"address": "bob@b.example"}}, "recipients"),
        ({"recipients": [{"address": "bob@b.example"}]}, "recipients[0].visible"),
        ({"recipients": [{"address": "bob", "visible": True}]}, "recipients"),
        ({"recipients": [{"address": "b@b.example", "visible": True, "bcc": 1}]}, "recipients[0].bcc"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_bad_field_is_named(register: Send, changes: dict[str, Any], field: str) -> None:
    answer = register(**changes)

    assert refused(answer) == (400, "invalid-field")
    assert answer.get_json()["field"] == field


def test_missing_field_is_named(register: Send) -> None:
    body = registration()
    del body["sent"]

    answer = register(body=body)

    assert answer.get_json()["field"] == "sent"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff\xfe", NESTED, b"[" * 9 + b"\0"],
)
def test_what_is_no_json_object_is_refused(register: Send, body: bytes) -> None:
    assert refused(register(body=body)) == (400, "bad-json")


def test_body_over_the_limit_is_refused(send: Send, secret: str, register: Send) -> None:
    big = b" " * (1024 * 1024 + 1)

    assert refused(register(body=big)) == (413, "too-large")
    assert refused(send("POST", "/api/v1/provision", big, secret)) == (413, "too-large")


@pytest.mark.parametrize("bearer", ["", "x", "sealpost-gateway." + "0" * 32 + "." + "A" * 43, "\xe9"])
def test_unknown_secret_is_refused_before_anything_is_read(register: Send, bearer: str) -> None:
    answer = register(bearer=bearer, body=b"not even JSON")

    assert refused(answer) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_no_secret_is_refused(send: Send) -> None:
    assert refused(send("PUT", f"/api/v1/messages/{uuid4()}", {}, None)) == (401, "unauthenticated")
    assert refused(send("POST", "/api/v1/provision", {}, None)) == (401, "unauthenticated")


def test_provisioning_token_registers_nothing(register: Send, token: str) -> None:
    assert refused(register(bearer=token)) == (403, "wrong-scope")


def test_revoked_secret_is_refused(register: Send, database: Database) -> None:
    with database.writing() as db:
        ((gateway, _account),) = gateways.every(db)
        gateways.revoke(db, gateway.id, now=datetime.now(UTC))

    assert refused(register()) == (401, "unauthenticated")


def test_what_is_no_id_is_not_found(register: Send) -> None:
    assert refused(register(id="not-an-id")) == (404, "not-found")


def test_api_reads_and_sets_no_cookie(register: Send, app: Flask) -> None:
    answer = app.test_client().get("/api/v1/health", headers={"Cookie": "sealpost-session=x"})

    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_health_is_ok_while_the_database_answers(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/health")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
