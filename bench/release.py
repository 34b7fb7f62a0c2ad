"""Key release against bare Flask routes with one select and one insert: same server, same disk, same run.

A release is two requests, approve and result, each with a durable commit of its own; a floor is one request
with one. All are counted in requests per second over kept connections, on SQLite with synchronous=FULL.
There are two floors: the route as our database layer lets one write it, and the route on the driver alone,
which says what SQLAlchemy costs on top.
"""

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

import waitress
from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy import Column, LargeBinary, MetaData, Table, Uuid, bindparam, insert, select

from bench import Row
from envelope.ids import b64u_encode, uuid7
from keyserver import create_app, openings
from keyserver.db import Database, execute, upgrade
from tests import factories

THREADS = 8
CLIENTS = 4
#: Requests of one round of either; rounds alternate, so that whatever else the machine does meets both.
REQUESTS, ROUNDS = 300, 7


def run() -> Iterator[Row]:
    """How many times as long as a floor's request a request of a release takes."""
    for name, make, limit in (("same database layer", _layer, 3.0), ("bare driver", _driver, 5.0)):
        floor, release = measure(make)
        note = f"{release:.0f} requests/s, {release / 2:.0f} releases/s; bare route {floor:.0f}/s"
        yield Row(
            what=f"release, per request, to a bare route, {name}",
            ratio=floor / release,
            limit=limit,
            note=note,
        )


def measure(make_floor: Callable[[str], Flask]) -> tuple[float, float]:
    """Requests per second of a floor and of the release, in the round whose ratio is the median."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _server(make_floor, folder) as floor,
        _server(_key_server, folder) as release,
    ):
        pages = _prepare(Path(folder))
        cookie = _sign_in(release)
        rounds = []
        for number in range(ROUNDS):
            bare = _rate(floor, [[("/", "", {})]] * REQUESTS)
            rounds.append((bare, _rate(release, [_steps(page, cookie) for page in pages[number::ROUNDS]])))
    return sorted(rounds, key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]


Request = tuple[str, str, dict[str, str]]


def _steps(page: factories.Page, cookie: str) -> list[Request]:
    """What the portal's window and then the page ask."""
    secret = f'{{"poll_secret": "{b64u_encode(page.poll_secret)}"}}'
    form = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    return [
        (f"/open/{page.opening}", "", form),
        (f"/api/v1/openings/{page.opening}/result", secret, {"Content-Type": "text/plain"}),
    ]


def _rate(port: int, jobs: list[list[Request]]) -> float:
    """Requests per second, each client on one connection."""
    local = threading.local()

    def do(job: list[Request]) -> None:
        if not hasattr(local, "connection"):
            local.connection = HTTPConnection("127.0.0.1", port)
        for path, body, headers in job:
            _post(local.connection, path, body, headers)

    with ThreadPoolExecutor(CLIENTS) as clients:
        start = time.perf_counter()
        list(clients.map(do, jobs))
        took = time.perf_counter() - start
    return sum(map(len, jobs)) / took


def _post(connection: HTTPConnection, path: str, body: str, headers: dict[str, str]) -> Any:
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status < 400, (path, answer.status)
    return answer.headers


def _prepare(folder: Path) -> list[factories.Page]:
    """One person, one message, and the openings that they will approve."""
    database = Database(f"sqlite:///{folder}/release.sqlite")
    upgrade(database.engine)
    now = datetime.now(UTC)
    with database.writing() as db:
        factories.make_person(db, now=now)
        account = factories.make_account(db, now=now)
        sealed = [factories.make_message(db, account, now=now) for _ in range(REQUESTS * ROUNDS // 2)]
    pages = [factories.Page(message) for message in sealed]
    with database.writing() as db:
        for page in pages:
            ring = factories.make_keyring()
            openings.ask(db, page.ask(), source=factories.SOURCE, now=now, keyring=ring)
    database.dispose()
    return pages


def _sign_in(port: int) -> str:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"address=bob%40b.example&passphrase={factories.PASSPHRASE.replace(' ', '+')}"
    headers = _post(HTTPConnection("127.0.0.1", port), "/signin", body, form)
    return "; ".join(cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie"))


@contextmanager
def _server(make: Callable[[str], Flask], folder: str) -> Iterator[int]:
    """The application in a process of its own, behind waitress; yields its port."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(make, folder, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(make: Callable[[str], Flask], folder: str, pipe: Connection) -> None:
    server = waitress.create_server(make(folder), listen="127.0.0.1:0", threads=THREADS)
    pipe.send(server.effective_port)
    server.run()


def _key_server(folder: str) -> Flask:
    return create_app(factories.make_settings(f"sqlite:///{folder}/release.sqlite", trusted_proxies=0))


def _layer(folder: str) -> Flask:
    """A route as one writes it with what the key server has: one transaction, one select, one insert."""
    app, database = Flask(__name__), Database(f"sqlite:///{folder}/floor.sqlite")
    entry = Table("entry", MetaData(), Column("id", Uuid, primary_key=True), Column("data", LargeBinary))
    entry.metadata.create_all(database.engine)
    find, add = select(entry.c.data).where(entry.c.id == bindparam("key")), insert(entry)

    @app.post("/")
    def route() -> ResponseReturnValue:
        key = uuid7()
        with database.writing() as db:
            execute(db, find, key=key).first()
            execute(db, add, id=key, data=bytes(113))
        return {"id": key.hex}

    return app


def _driver(folder: str) -> Flask:
    """The least that Flask and SQLite can do: one connection per thread, one lock for the writers."""
    app, local, lock = Flask(__name__), threading.local(), threading.Lock()

    def connection() -> sqlite3.Connection:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(f"{folder}/floor.sqlite", isolation_level=None)
            local.connection.execute("PRAGMA journal_mode = WAL")
            local.connection.execute("PRAGMA synchronous = FULL")
            local.connection.execute("PRAGMA busy_timeout = 15000")
            local.connection.execute("CREATE TABLE IF NOT EXISTS entry (id BLOB PRIMARY KEY, data BLOB)")
        return local.connection  # type: ignore[no-any-return]  # a thread's own

    @app.post("/")
    def route() -> ResponseReturnValue:
        db, key = connection(), uuid7().bytes
        with lock:
            db.execute("BEGIN IMMEDIATE")
            db.execute("SELECT data FROM entry WHERE id = ?", (key,)).fetchone()
            db.execute("INSERT INTO entry VALUES (?, ?)", (key, bytes(113)))
            db.execute("COMMIT")
        return {"id": UUID(bytes=key).hex}

    return app
