"""Transactions, times and migrations, on both databases."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver import audit
from keyserver.db import Base, Database, is_current, let_others_write, upgrade
from keyserver.models import Account, AuditEntry, Device


def test_migrations_arrive_at_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, Base.metadata) == []


def test_upgrade_again_changes_nothing(database: Database) -> None:
    before = inspect(database.engine).get_table_names()

    upgrade(database.engine)

    assert inspect(database.engine).get_table_names() == before


def test_schema_is_current_after_the_upgrade(empty_database_url: str) -> None:
    database = Database(empty_database_url)

    before = is_current(database.engine)
    upgrade(database.engine)
    after = is_current(database.engine)
    database.dispose()

    assert (before, after) == (False, True)


def test_reading_transaction_cannot_write(database: Database) -> None:
    with database.reading() as db:
        db.add(Account(id=uuid7(), name="A", created=datetime.now(UTC)))

        with pytest.raises(DBAPIError):
            db.flush()


def test_connection_that_read_can_write_again(database: Database) -> None:
    for number in range(3):
        with database.reading() as db:
            db.execute(select(Account)).all()
        with database.writing() as db:
            db.add(Account(id=uuid7(), name=f"A{number}", created=datetime.now(UTC)))

    with database.reading() as db:
        assert len(db.execute(select(Account)).all()) == 3


def test_writing_transaction_rolls_back_on_error(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.writing() as db:
        db.add(Account(id=uuid7(), name="A", created=datetime.now(UTC)))
        db.flush()
        raise ZeroDivisionError

    with database.reading() as db:
        assert db.execute(select(Account)).all() == []


def test_time_comes_back_in_utc(db: Session) -> None:
    east = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    account = Account(id=uuid7(), name="A", created=east)
    db.add(account)
    db.flush()
    db.expire(account)

    assert account.created == east
    assert account.created.tzinfo == UTC


def test_time_without_zone_is_refused(db: Session) -> None:
    db.add(Account(id=uuid7(), name="A", created=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point

    with pytest.raises(Exception, match="time zone"):
        db.flush()


def test_reference_to_nothing_is_refused(db: Session, now: datetime) -> None:
    unowned = {"label": "", "secret_sha256": bytes(32), "created": now, "last_used": now, "expires": now}
    db.add(Device(id=uuid7(), person_id=uuid7(), **unowned))

    with pytest.raises(DBAPIError):
        db.flush()


def test_writers_of_one_process_take_turns(database: Database, now: datetime) -> None:
    def write() -> None:
        for _ in range(10):
            with database.writing() as db:
                audit.record(db, "tested", account_id=None, now=now)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.reading() as db:
        assert [verdict.entries for verdict in audit.verify(db)] == [40]


def test_waiting_for_something_else_lets_others_write(database: Database, now: datetime) -> None:
    with database.writing() as waits:
        waits.execute(select(Account)).all()
        let_others_write(waits)
        with database.writing() as db:
            audit.record(db, "tested", account_id=None, now=now)

        assert len(waits.execute(select(AuditEntry)).all()) == 1


def test_what_was_written_survives_letting_others_write(database: Database, now: datetime) -> None:
    with database.writing() as db:
        audit.record(db, "tested", account_id=None, now=now)
        let_others_write(db)

    with database.reading() as db:
        assert len(db.execute(select(AuditEntry)).all()) == 1


def test_secrets_of_the_url_are_not_shown() -> None:
    assert "hunter2" not in repr(Database("postgresql+psycopg://a:hunter2@127.0.0.1/x"))
