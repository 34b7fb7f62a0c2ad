"""Open Online of 25 MB, from the posted file to the message's page, against a route that discards the bytes.

Both stand behind the key server's own embedded server, each in a process of its own. And the memory of that
process while ten such files are posted and opened at once.
"""

import logging
import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter
from urllib.parse import urlencode

from flask import Flask, request
from flask.typing import ResponseReturnValue

from bench import Row
from bench.sealing import LARGE, SMALL, mail_of
from envelope import Level
from keyserver import create_app, serving
from keyserver.db import Database, upgrade
from keyserver.settings import Settings
from tests import factories
from tests.http import posting

ROUNDS = 15
AT_ONCE = 10
#: Bytes: what the server may hold above what it holds when idle.
ALLOWED = 200_000_000
FORM = {"Content-Type": "application/x-www-form-urlencoded", **posting.FROM_FILE}

#: Each request comes from a place of its own: one alone may not post an envelope that often.
_places = cycle(range(256))

Make = Callable[[Settings], Flask]


def run() -> Iterator[Row]:
    """The rows of this room."""
    with tempfile.TemporaryDirectory() as folder:
        small, body = _prepare(_settings(folder))
        with _server(_floor, folder) as (floor, _), _server(create_app, folder) as (online, process):
            _open(online, small)  # the first takes imports along
            yield _memory(online, body, process)
            yield _time(floor, online, body)


def _time(floor: int, online: int, body: bytes) -> Row:
    taken: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        taken.append(
            (_timed(lambda: _open(online, body)), _timed(lambda: _post(floor, "/", body, posting.TYPE)))
        )
    ours, bare = (median(times) * 1e3 for times in zip(*taken, strict=True))
    return Row(
        what="Open Online of 25 MB, post to page / a bare route that discards the bytes",
        ratio=median(one / other for one, other in taken),
        limit=4,
        note=f"{ours:.0f} ms against {bare:.0f} ms",
    )


def _memory(online: int, body: bytes, process: int) -> Row:
    """By what the process ever held, before and after: nothing large was posted to it until now."""
    idle = _held(process, "VmRSS")
    with ThreadPoolExecutor(AT_ONCE) as clients:
        list(clients.map(lambda _: _open(online, body), range(AT_ONCE)))
    above = _held(process, "VmHWM") - idle
    return Row(
        what="memory of ten such posts at once, above idle / 200 MB",
        ratio=above / ALLOWED,
        limit=1,
        note=f"{above / 1e6:.0f} MB above {idle / 1e6:.0f} MB",
    )


def _open(port: int, body: bytes) -> None:
    """What a person does at level none: the file's button, the page's, and there is the message."""
    page = _post(port, "/online", body, posting.TYPE)
    found = re.search(rb'name="ticket" value="([^"]+)"', page)
    assert found
    message = _post(port, "/online/open", urlencode({"ticket": found[1]}).encode(), FORM["Content-Type"])
    assert b"here are the figures" in message


def _post(port: int, path: str, body: bytes, content_type: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": content_type, "X-Forwarded-For": f"192.0.{next(_places)}.1"}
    connection.request("POST", path, body, {**posting.FROM_FILE, **headers})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, (path, answer.status)
    return content


def _timed(job: Callable[[], object]) -> float:
    start = perf_counter()
    job()
    return perf_counter() - start


def _settings(folder: str) -> Settings:
    return factories.make_settings(
        f"sqlite:///{folder}/online.sqlite",
        copies_url=(Path(folder) / "copies").as_uri(),
        listen="127.0.0.1:0",
        trusted_proxies=1,
    )


def _prepare(settings: Settings) -> list[bytes]:
    """A small message and one of 25 MB, at level none; the forms that their files post."""
    database = Database(settings.database_url)
    upgrade(database.engine)
    files = [posting.File(database, mail_of(size), level=Level.NONE) for size in (SMALL, LARGE)]
    database.dispose()
    return [posting.form(file.fields) for file in files]


def _held(process: int, which: str) -> int:
    """Bytes of memory, now (VmRSS) or at most (VmHWM); Linux."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    return int(re.findall(rf"{which}:\s+(\d+) kB", status)[0]) * 1024


@contextmanager
def _server(make: Make, folder: str) -> Iterator[tuple[int, int]]:
    """The application in a process of its own; yields its port and the process's number."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(make, folder, theirs), daemon=True)
    process.start()
    assert process.pid is not None
    try:
        yield ours.recv(), process.pid
    finally:
        process.terminate()
        process.join()


def _serve(make: Make, folder: str, pipe: Connection) -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # warns of each request that waits a moment
    settings = _settings(folder)
    server = serving.server(make(settings), settings)
    pipe.send(server.effective_port)
    server.run()


def _floor(_settings: Settings) -> Flask:
    """Reads what is posted, and forgets it."""
    app = Flask(__name__)

    @app.post("/")
    def route() -> ResponseReturnValue:
        while request.stream.read(128 * 1024):
            pass
        return ""

    return app
