"""The database: engines, transactions, types and migrations; knows no table by name."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    DateTime,
    Delete,
    Dialect,
    Engine,
    Executable,
    MetaData,
    Update,
    create_engine,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, SessionTransaction, sessionmaker
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from alembic.config import Config

#: How long a writer waits for writers of other processes before it gives up (SQLite).
BUSY_TIMEOUT_MS = 15_000

#: Names that do not depend on the database, so that migrations can name what they alter.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, on databases that know time zones and on those that do not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """What all mapped classes share."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own class attribute


class Database:
    """One database and the two ways to use it.

    `reading()` cannot change anything: the database itself refuses, so no GET ever does. `writing()`
    commits at its end. On SQLite the writers of one process queue for a lock of their own, because the
    database's waiting is polling: with many threads that alone costs most of a second (facts: p99 0.2 to
    0.8 s without it).
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        reads = self.engine.execution_options(sealpost_writes=False, postgresql_readonly=True)
        self._reader = sessionmaker(reads, expire_on_commit=False)
        self._writer = sessionmaker(
            self.engine.execution_options(sealpost_writes=True), class_=WritingSession, expire_on_commit=False
        )
        if self.engine.dialect.name == "sqlite":
            _queue_writers(self._writer)

    def __repr__(self) -> str:
        return f"Database({self.engine.dialect.name})"

    def session(self, *, writing: bool) -> Session:
        """A session whose transaction begins with its first use; the caller commits or closes it."""
        return self._writer() if writing else self._reader()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that only reads."""
        with self._reader() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction, committed unless an exception leaves it."""
        with self._writer() as db:  # not `begin()`: it would forbid `let_others_write`
            yield db
            db.commit()

    def dispose(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()


class WritingSession(Session):
    """A session that knows whether its transaction has changed anything yet."""

    wrote = False


def let_others_write(db: Session) -> None:
    """Call before computing for long: ends a transaction that has only read, so that no writer waits.

    What was read is read again when it is next used. A transaction that has already written goes on as it is.
    """
    if isinstance(db, WritingSession) and not (db.wrote or db.new or db.dirty or db.deleted):
        db.rollback()


def insert_into(db: Session, model: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """This database's INSERT, which can say `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_for(dialect_of(db), model)


def insert_for(dialect: str, model: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """As `insert_into`, for statements that are put together before there is a session."""
    return sqlite.insert(model) if dialect == "sqlite" else postgresql.insert(model)


def dialect_of(db: Session) -> str:
    """``sqlite`` or ``postgresql``."""
    return db.get_bind().dialect.name


def execute(db: Session, statement: Executable, **values: Any) -> CursorResult[Any]:
    """Run a prepared statement straight on the connection: on the hot path the ORM would cost most.

    Nothing is flushed before, and no loaded object learns of it.
    """
    if isinstance(db, WritingSession) and statement.is_dml:
        db.wrote = True
    return db.connection().execute(statement, values)


def rows_changed(db: Session, statement: Update | Delete) -> int:
    """Execute an UPDATE or DELETE; how many rows it met."""
    return cast("CursorResult[Any]", db.execute(statement)).rowcount


def upgrade(engine: Engine) -> None:
    """Bring the schema to this release's, step by step; harmless when it is there already."""
    from alembic import command

    with _alembic() as config, engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(engine: Engine) -> bool:
    """Whether the schema is this release's."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with _alembic() as config, engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_heads()
        return found == tuple(ScriptDirectory.from_config(config).get_heads())


@contextmanager
def _alembic() -> "Iterator[Config]":
    """Alembic's settings; imported here because only upgrades and starts need it."""
    from alembic.config import Config

    config = Config()
    with resources.as_file(resources.files("keyserver") / "migrations") as folder:
        config.set_main_option("script_location", str(folder))
        yield config


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, pool_size=16, max_overflow=16, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(parsed, pool_size=16, max_overflow=16, pool_pre_ping=True, hide_parameters=True)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """FULL: a registered key outlives a power cut. secure_delete: what was purged is not in free pages."""
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "foreign_keys = ON",
        "secure_delete = ON",
        "wal_autocheckpoint = 4000",  # pages; a checkpoint makes the writer that meets it wait
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the write lock at once: a reader that turns writer may find its view stale, and fail."""
    reads = connection.get_execution_options().get("sealpost_writes") is False
    raw = cast("sqlite3.Connection", connection.connection.dbapi_connection)
    if connection.info.get("query_only") is not reads:
        raw.execute(f"PRAGMA query_only = {int(reads)}")
        connection.info["query_only"] = reads
    raw.execute("BEGIN" if reads else "BEGIN IMMEDIATE")


def _queue_writers(sessions: "sessionmaker[WritingSession]") -> None:
    lock = threading.Lock()

    def begin(db: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None:
            db.info[lock] = lock.acquire(timeout=BUSY_TIMEOUT_MS / 1000)
            if not db.info[lock]:
                raise TimeoutError("another transaction of this process does not end")

    def end(db: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None and db.info.pop(lock, False):
            lock.release()

    event.listen(sessions, "after_transaction_create", begin)
    event.listen(sessions, "after_transaction_end", end)


@event.listens_for(WritingSession, "after_transaction_create")
def _fresh(db: WritingSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        db.wrote = False


@event.listens_for(WritingSession, "after_flush")
def _flushed(db: WritingSession, _context: object) -> None:
    db.wrote = True


@event.listens_for(WritingSession, "do_orm_execute")
def _executed(state: ORMExecuteState) -> None:
    if not state.is_select and isinstance(state.session, WritingSession):
        state.session.wrote = True
