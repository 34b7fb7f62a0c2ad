"""A migrated database of either kind, and the moment at which these tests take place."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from keyserver.db import Database
from keyserver.settings import Settings
from tests import factories


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return factories.make_settings(database_url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """One transaction around the whole test, dropped at its end."""
    with database.session(writing=True) as db:
        yield db
