"""The gateway's side of keyserver/API.md: what it asks, and how it takes what it hears."""

import re
import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from envelope import b64u_decode
from gateway.errors import PermanentError, TemporaryError
from gateway.keyserver_client import KeyServerClient
from gateway.settings import KeyServer
from tests.gateway.conftest import Send
from tests.gateway.neighbours import Answer, NextHop, ScriptedKeyServer

API = (Path(__file__).parents[2] / "keyserver" / "API.md").read_text("utf-8")


@pytest.fixture
def client(tmp_path: Path, key_server: ScriptedKeyServer) -> Iterator[KeyServerClient]:
    (tmp_path / "secret").write_text("s3cret\n")
    client = KeyServerClient(KeyServer(url=key_server.url, secret_file=tmp_path / "secret"))
    yield client
    client.close()


def documented_fields(after: str) -> set[str]:
    """The keys of the first JSON example behind a heading of API.md."""
    example = API.split(after, 1)[1].split("{", 1)[1].split("\n\n", 1)[0].split("\n    2", 1)[0]
    return set(re.findall(r'"(\w+)":', "{" + example))


def test_registration_has_the_documented_fields_and_no_other(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S5, S9."""
    send()

    key_server.wait(lambda: bool(key_server.requests))
    (request,) = key_server.requests
    body = request.body
    assert request.method == "PUT"
    assert re.fullmatch(r"/api/v1/messages/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", request.path)
    assert request.headers["Authorization"] == "Bearer the-gateways-own-secret"
    assert request.headers["Content-Type"] == "application/json"
    assert set(body) | {"address", "visible"} == documented_fields("PUT /api/v1/messages/<id>`")
    for name in ("key_share", "possession_sha256", "policy_sha256"):
        assert len(b64u_decode(body[name], size=32)) == 32
    assert datetime.strptime(body["sent"], "%Y-%m-%dT%H:%M:%S%z")
    assert (body["sender"], body["sender_name"], body["subject"], body["expires_after"]) == (
        "ada@bank.example",
        "Ada",
        None,
        None,
    )


def test_expiry_counts_in_seconds(send: Send, key_server: ScriptedKeyServer) -> None:
    """D8."""
    send(b"From: ada@bank.example\r\nSubject: [secure]\r\n\r\nx\r\n")

    key_server.wait(lambda: bool(key_server.requests))
    assert key_server.requests[0].body["expires_after"] == 30 * 86400


def problem(status: int, code: str, **more: Any) -> Answer:
    return Answer(status, {"type": "about:blank", "title": "why", "status": status, "code": code, **more})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(401, "unauthenticated"), "unauthenticated"),
        (problem(403, "wrong-scope"), "wrong-scope"),
        (problem(400, "unknown-profile"), "unknown-profile"),
        (problem(500, "server-error", id="7"), "server-error"),
        (problem(429, "throttled", retry_after=7), "throttled"),
        (Answer(502, b"<html>bad gateway"), "no-api"),
        (Answer(404, b"<html>"), "no-api"),
        (Answer(301, b"", (("Location", "/elsewhere"),)), "no-api"),
        (Answer(200, b"null"), "no-api"),
    ],
)
def test_what_an_operator_can_put_right_is_temporary(
    answer: Answer, code: str, client: KeyServerClient, key_server: ScriptedKeyServer
) -> None:
    key_server.answers = [answer]

    with pytest.raises(TemporaryError) as error:
        client.register(uuid4(), {})
    assert error.value.code == code
    assert error.value.retry_after == (7 if code == "throttled" else None)
    assert len(key_server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(403, "sender-not-allowed"), "sender-not-allowed"),
        (problem(409, "conflict"), "conflict"),
        (problem(400, "invalid-field", field="sent"), "invalid-field"),
        (problem(400, "bad-json"), "bad-json"),
        (problem(413, "too-large"), "too-large"),
    ],
)
def test_what_the_mail_itself_is_to_blame_for_is_permanent(
    answer: Answer, code: str, client: KeyServerClient, key_server: ScriptedKeyServer
) -> None:
    key_server.answers = [answer]

    with pytest.raises(PermanentError) as error:
        client.register(uuid4(), {})
    assert error.value.code == code


def test_registered_again_is_as_good(client: KeyServerClient, key_server: ScriptedKeyServer) -> None:
    key_server.answers = [problem(201, ""), problem(200, "")]

    client.register(uuid4(), {})
    client.register(uuid4(), {})


def test_server_that_is_not_there_is_temporary(
    client: KeyServerClient, key_server: ScriptedKeyServer
) -> None:
    key_server.stop()

    with pytest.raises(TemporaryError, match="unreachable"):
        client.register(uuid4(), {})


def test_gateway_without_a_secret_waits_to_be_provisioned(tmp_path: Path) -> None:
    client = KeyServerClient(KeyServer(url="http://127.0.0.1:9", secret_file=tmp_path / "missing"))

    with pytest.raises(TemporaryError, match="provision this gateway first"):
        client.register(uuid4(), {})


def test_certificate_is_checked(tmp_path: Path, key_server: ScriptedKeyServer) -> None:
    """A server that cannot prove its name hears no secret."""
    (tmp_path / "secret").write_text("s3cret\n")
    url = key_server.url.replace("http:", "https:")
    client = KeyServerClient(KeyServer(url=url, secret_file=tmp_path / "secret"))

    with pytest.raises(TemporaryError, match="unreachable"):
        client.register(uuid4(), {})
    assert ssl.create_default_context().check_hostname
    assert key_server.requests == []
    client.close()


def test_proxy_is_asked_instead(tmp_path: Path, key_server: ScriptedKeyServer) -> None:
    """S25."""
    (tmp_path / "secret").write_text("s3cret\n")
    settings = KeyServer(url="http://localhost:9", secret_file=tmp_path / "secret", proxy=key_server.url)
    client = KeyServerClient(settings)

    client.register(uuid4(), {})

    assert key_server.requests[0].path.startswith("http://localhost:9/api/v1/messages/")
    client.close()
