"""Stored copies, as API.md has them: put by the gateway, handed to whoever holds the envelope."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from envelope.format import HEADER_SIZE, MAX_PAYLOAD_SIZE, PRELUDE_SIZE, TAG_SIZE
from envelope.ids import b64u_encode
from envelope.options import Level
from keyserver import copies, create_app, messages, serving
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.models import MessageRecipient
from tests.bucket import Bucket
from tests.factories import make_settings
from tests.http.copy_steps import BOB, POLICY, SEGMENT_SIZE, Gateway, Link, is_stored, payload
from tests.http.test_api import refused


def test_copy_that_a_gateway_put_is_handed_to_who_holds_the_envelope(gateway: Gateway, link: Link) -> None:
    """S26."""
    sealed, body = gateway.stored()

    answer = link.fetch(sealed)

    assert answer.status_code == 200
    assert answer.content_type == "application/octet-stream"
    assert int(answer.headers["Content-Length"]) == len(body)
    assert answer.data == body


def test_copy_lies_in_a_bucket_as_well(database_url: str, bucket: Bucket) -> None:
    """S27."""
    url = bucket.url()
    app = create_app(make_settings(database_url, copies_url=url))
    database: Database = app.extensions["sealpost"].database

    gateway = Gateway(app)
    sealed, body = gateway.stored()
    bad = gateway.message()

    refusal = gateway.put(bad.id, POLICY + b"\n" + payload(bad.id, size=8 * (SEGMENT_SIZE + TAG_SIZE)))

    assert refused(refusal) == (400, "invalid-field")
    assert Link(app).fetch(sealed).data == body
    assert (bucket.objects(url), bucket.unfinished()) == (1, 0)
    database.dispose()


def test_same_copy_again_is_harmless(gateway: Gateway, link: Link) -> None:
    sealed, body = gateway.stored()

    assert gateway.put(sealed.id, body).status_code == 201

    assert link.fetch(sealed).data == body


def test_bad_copy_leaves_the_good_one(gateway: Gateway, link: Link) -> None:
    sealed, body = gateway.stored()

    assert refused(gateway.put(sealed.id, body[:-100_000])) == (400, "invalid-field")

    assert link.fetch(sealed).data == body


def bad_copies() -> dict[str, Callable[[UUID], bytes]]:
    """What is no copy of a message, by what is wrong with it."""
    line = POLICY + b"\n"
    return {
        "empty": lambda _id: b"",
        "no policy": payload,
        "only a policy": lambda _id: line,
        "another policy": lambda id: b"{}\n" + payload(id),
        "no line feed": lambda id: POLICY + payload(id),
        "another message": lambda _id: line + payload(uuid4()),
        "payload bound to another policy": lambda id: line + payload(id, policy=b"{}"),
        "no payload": lambda _id: line + b"x" * 100_000,
        "a future version": lambda id: line + payload(id).replace(b"SEALPOST\1", b"SEALPOST\2"),
        "cut within the header": lambda id: line + payload(id)[: HEADER_SIZE - 1],
        "cut within the prelude": lambda id: line + payload(id)[: PRELUDE_SIZE - 1],
        "cut within a tag": lambda id: line + payload(id, size=0),
        "forty megabytes of zeros": lambda _id: bytes(40_000_000),
        "an endless first line": lambda _id: b"x" * (copies.MAX_POLICY_SIZE + 100_000),
    }


@pytest.mark.parametrize("fault", bad_copies())
def test_what_is_no_copy_of_the_message_is_refused_and_not_kept(
    gateway: Gateway, link: Link, store: CopyStore, fault: str
) -> None:
    sealed = gateway.message()

    answer = gateway.put(sealed.id, bad_copies()[fault](sealed.id))

    assert refused(answer) == (400, "invalid-field")
    assert answer.get_json()["field"] == "copy"
    assert not is_stored(store, sealed.id)
    assert refused(link.fetch(sealed)) == (410, "no-copy")


class Endless(BytesIO):
    """A body that never says how long it is."""

    def __init__(self, start: bytes) -> None:
        super().__init__(start)
        self.given = 0

    def readinto(self, buffer: Any) -> int:
        given = super().readinto(buffer) or len(buffer)
        self.given += given
        return given


def test_copy_over_the_limit_is_refused_by_its_length(gateway: Gateway) -> None:
    sealed = gateway.message()

    answer = gateway.put(sealed.id, b"", CONTENT_LENGTH=str(copies.MAX_SIZE + 1))

    assert refused(answer) == (413, "too-large")


def test_copy_over_the_limit_is_refused_by_its_count(gateway: Gateway, store: CopyStore) -> None:
    """A body in chunks says no length beforehand."""
    sealed = gateway.message()
    body = Endless(POLICY + b"\n" + payload(sealed.id))

    answer = gateway.put(sealed.id, body, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": True})

    assert refused(answer) == (413, "too-large")
    assert MAX_PAYLOAD_SIZE < body.given <= copies.MAX_SIZE + 1_048_576
    assert not is_stored(store, sealed.id)


def test_body_that_ends_early_is_refused_and_not_kept(gateway: Gateway, store: CopyStore) -> None:
    sealed = gateway.message()
    body = POLICY + b"\n" + payload(sealed.id)

    answer = gateway.put(sealed.id, body, CONTENT_LENGTH=str(len(body) + 1))

    assert answer.status_code == 400
    assert not is_stored(store, sealed.id)


def test_copy_of_somebody_elses_message_is_not_found(gateway: Gateway, store: CopyStore) -> None:
    sealed = gateway.message()
    body = POLICY + b"\n" + payload(sealed.id)

    foreign, unknown = gateway.put(sealed.id, body, secret=gateway.stranger()), gateway.put(uuid4(), body)

    assert refused(foreign) == refused(unknown) == (404, "not-found")
    assert foreign.data == unknown.data
    assert not is_stored(store, sealed.id)


def test_copy_is_put_only_with_a_gateways_secret(gateway: Gateway) -> None:
    sealed = gateway.message()

    assert refused(gateway.put(sealed.id, b"x", secret="nonsense")) == (401, "unauthenticated")


def test_strangers_get_one_answer(gateway: Gateway, link: Link) -> None:
    sealed, _body = gateway.stored()
    without = gateway.message()
    nothing = b64u_encode(bytes(32))

    for ask in (link.fetch, link.state):
        answers = [ask(sealed, possession_proof=nothing), ask(without, possession_proof=nothing)]
        assert [refused(answer) for answer in answers] == [(404, "not-found")] * 2
        assert answers[0].data == answers[1].data
    assert refused(link.fetch(sealed, id=uuid4())) == (404, "not-found")


def test_others_are_told_it_is_not_for_them(gateway: Gateway, link: Link) -> None:
    sealed, _body = gateway.stored()

    for ask in (link.fetch, link.state):
        assert refused(ask(sealed, recipient="eve@e.example")) == (403, "not-a-recipient")


def test_locked_and_expired_messages_copies_are_not_handed_out(
    gateway: Gateway, link: Link, database: Database
) -> None:
    """S121."""
    sealed, body = gateway.stored()
    now = datetime.now(UTC)
    with database.writing() as db:
        messages.lock(db, sealed.id, actor="ada", reason="Wrong figures", now=now)
    locked = (link.fetch(sealed), link.state(sealed))
    with database.writing() as db:
        messages.unlock(db, sealed.id, actor="ada", now=now)
        messages.set_expiry(db, sealed.id, expires=now, actor="ada", now=now)
    expired = (link.fetch(sealed), link.state(sealed))
    with database.writing() as db:
        messages.set_expiry(db, sealed.id, expires=None, actor="ada", now=now)

    assert [refused(answer) for answer in locked] == [(403, "message-locked")] * 2
    assert [answer.get_json()["reason"] for answer in locked] == ["Wrong figures"] * 2
    assert [refused(answer) for answer in expired] == [(403, "message-expired")] * 2
    assert link.fetch(sealed).data == body


def test_message_without_a_copy_says_so(gateway: Gateway, link: Link) -> None:
    assert refused(link.fetch(gateway.message())) == (410, "no-copy")


def test_copy_that_was_taken_from_the_store_is_missing(
    gateway: Gateway, link: Link, store: CopyStore
) -> None:
    sealed, _body = gateway.stored()
    store.delete(sealed.id)

    assert refused(link.fetch(sealed)) == (410, "no-copy")


def test_one_source_does_not_get_the_same_copy_without_end(app: Flask, gateway: Gateway, link: Link) -> None:
    sealed, _body = gateway.stored()
    other, _body = gateway.stored()
    for _ in range(60):
        assert link.fetch(sealed).status_code == 200

    answer = link.fetch(sealed)

    assert refused(answer) == (429, "throttled")
    assert answer.headers["Retry-After"] == "1"
    assert link.fetch(other).status_code == 200
    assert Link(app, "192.0.2.2").fetch(sealed).status_code == 200


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    """Of the embedded server with a single thread."""
    settings = make_settings("sqlite://", threads=1, listen="127.0.0.1:0")
    server = serving.server(app, settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server.effective_port
    while server.active_channels:
        time.sleep(0.01)
    # By the server's own thread, which otherwise may just be waiting for what is closed under it.
    server.trigger.pull_trigger(server.close)
    thread.join()
    server.task_dispatcher.shutdown()


def test_slow_readers_keep_nobody_waiting(gateway: Gateway, port: int) -> None:
    """Each of these copies is far larger than what the network holds for a reader who does not read."""
    sealed = gateway.message()
    gateway.put(sealed.id, POLICY + b"\n" + payload(sealed.id, size=30 * SEGMENT_SIZE))
    shown = {"recipient": BOB, "possession_proof": b64u_encode(sealed.possession_proof)}
    body = json.dumps(shown).encode()
    head = (
        f"POST /api/v1/copies/{sealed.id} HTTP/1.1\r\nHost: keys.test\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    with ExitStack() as readers:
        for _ in range(3):
            reader = readers.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            reader.sendall(head.encode() + body)
            assert reader.recv(12) == b"HTTP/1.1 200"
        other = readers.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=30)))
        other.request("GET", "/api/v1/health")

        assert other.getresponse().status == 200


def test_get_hands_out_nothing(gateway: Gateway, link: Link) -> None:
    sealed, _body = gateway.stored()

    for path in (f"/api/v1/copies/{sealed.id}", "/api/v1/openings/state"):
        assert refused(link.client.get(path)) == (405, "method-not-allowed")


@pytest.mark.parametrize(
    ("field", "value"), [("recipient", "bob"), ("possession_proof", "AAAA"), ("cookie", "x")]
)
def test_bad_field_is_named(gateway: Gateway, link: Link, field: str, value: str) -> None:
    sealed, _body = gateway.stored()

    for ask in (link.fetch, link.state):
        answer = ask(sealed, **{field: value})
        assert refused(answer) == (400, "invalid-field")
        assert answer.get_json()["field"] == field


@pytest.mark.parametrize(
    ("level", "allowed", "remember"),
    [(Level.MEDIUM, True, True), (Level.MEDIUM, False, False), (Level.HIGH, True, False)],
)
def test_remembered_envelope_hears_what_holds_and_opens_nothing(
    gateway: Gateway, link: Link, database: Database, *, level: Level, allowed: bool, remember: bool
) -> None:
    """S133, S48, D8."""
    sealed = gateway.message(level=level, remember=allowed, expires_after=timedelta(hours=1))

    answer = link.state(sealed)

    body = answer.get_json()
    assert answer.status_code == 200
    assert body.keys() == {"expires", "remember", "receipt"}
    assert body["remember"] is remember
    assert abs(datetime.fromisoformat(body["expires"]) - datetime.now(UTC) - timedelta(hours=1)) < timedelta(
        minutes=1
    )
    with database.reading() as db:
        assert db.scalars(select(MessageRecipient.first_opened)).all() == [None]


def test_page_hears_of_the_receipt_and_that_nothing_expires(gateway: Gateway, link: Link) -> None:
    """S54: who opens it is told beforehand."""
    answer = link.state(gateway.message(receipt=True)).get_json()

    assert answer == {"expires": None, "remember": False, "receipt": True}
