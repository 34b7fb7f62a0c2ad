"""How long stored copies last, and what happens while the store cannot be used."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from keyserver import copies, create_app, messages
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.models import StoredCopy
from keyserver.worker import Worker
from tests.factories import make_settings
from tests.http.copy_steps import POLICY, Gateway, Link, is_stored, payload
from tests.http.test_api import refused


@pytest.fixture
def purge(app: Flask, database: Database) -> Callable[..., None]:
    """What the worker does from time to time."""
    settings = app.extensions["sealpost"].settings
    worker = Worker.of(settings, database)
    return lambda **later: worker.purge(now=datetime.now(UTC) + timedelta(**later))


def test_copy_goes_a_week_after_its_message_expired(
    gateway: Gateway, store: CopyStore, purge: Callable[..., None], database: Database
) -> None:
    expiring, _body = gateway.stored(expires_after=timedelta(hours=1))
    lasting, _body = gateway.stored()

    purge(days=7)
    within_grace = is_stored(store, expiring.id)
    purge(days=7, hours=2)

    assert within_grace
    assert not is_stored(store, expiring.id)
    assert is_stored(store, lasting.id)
    with database.reading() as db:
        assert db.scalars(select(StoredCopy.id)).all() == [lasting.id]


def test_copy_whose_date_was_moved_in_time_stays(
    gateway: Gateway, link: Link, purge: Callable[..., None], database: Database
) -> None:
    """S124."""
    sealed, body = gateway.stored(expires_after=timedelta(hours=1))
    with database.writing() as db:
        messages.set_expiry(db, sealed.id, expires=None, actor="ada", now=datetime.now(UTC))

    purge(days=8)

    assert link.fetch(sealed).data == body


def test_posted_copy_goes_after_its_minutes(
    gateway: Gateway, store: CopyStore, purge: Callable[..., None], database: Database
) -> None:
    sealed, now = gateway.message(), datetime.now(UTC)
    with database.writing() as db:
        copy_id = copies.begin(db, sealed.id, lifetime=copies.POSTED_LIFETIME, now=now)
    size = store.write(copy_id, [b"\n", payload(sealed.id)])
    with database.writing() as db:
        copies.finish(db, copy_id, size=size)

    purge(minutes=29)
    within_lifetime = is_stored(store, copy_id)
    purge(minutes=31)

    assert within_lifetime
    assert not is_stored(store, copy_id)


def test_copy_that_was_never_finished_goes_after_an_hour(
    gateway: Gateway, purge: Callable[..., None], database: Database
) -> None:
    sealed = gateway.message()
    gateway.put(sealed.id, POLICY + b"\n")

    def rows() -> int:
        with database.reading() as db:
            return len(db.scalars(select(StoredCopy.id)).all())

    purge(minutes=59)
    before = rows()
    purge(minutes=61)

    assert (before, rows()) == (1, 0)


@pytest.fixture
def app_without_store(database_url: str) -> Iterator[Flask]:
    """A key server whose bucket does not answer."""
    url = "s3://id:hunter2@copies?endpoint=http://127.0.0.1:1"
    app = create_app(make_settings(database_url, copies_url=url))
    database: Database = app.extensions["sealpost"].database
    yield app
    database.dispose()


def test_store_that_does_not_answer_is_a_passing_trouble(
    app_without_store: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway tries again later, and the operator finds out why."""
    gateway = Gateway(app_without_store)
    sealed = gateway.message()
    with gateway.database.writing() as db:
        copies.begin(db, sealed.id, lifetime=None, now=datetime.now(UTC))
        copies.finish(db, sealed.id, size=100)

    with caplog.at_level(logging.ERROR):
        put = gateway.put(sealed.id, POLICY + b"\n" + payload(sealed.id))
        fetched = Link(app_without_store).fetch(sealed)

    for answer in (put, fetched):
        assert refused(answer) == (503, "store-unavailable")
        assert "127.0.0.1:1" not in answer.text
    assert "127.0.0.1:1" in caplog.text
    assert "Traceback" not in caplog.text
    assert "hunter2" not in caplog.text


def test_worker_goes_on_without_the_store_and_drops_later(
    app_without_store: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(app_without_store)
    sealed, now = gateway.message(), datetime.now(UTC)
    with gateway.database.writing() as db:
        copies.begin(db, sealed.id, lifetime=None, now=now)
    worker = Worker.of(app_without_store.extensions["sealpost"].settings, gateway.database)

    with caplog.at_level(logging.ERROR):
        worker.purge(now=now + timedelta(hours=2))

    assert "copies not dropped" in caplog.text
    with gateway.database.reading() as db:
        assert db.scalars(select(StoredCopy.id)).all() == [sealed.id]
