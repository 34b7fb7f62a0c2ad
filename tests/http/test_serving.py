"""The embedded server around the key server: what it takes in, and that no answer of it goes to disk."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from envelope.options import Level
from keyserver import create_app, serving
from keyserver.db import Database, upgrade
from tests.factories import make_settings
from tests.http.posting import FROM_FILE, TYPE, File, form
from tests.unit.mails import PLAIN, encoded, multipart

#: More than the server would hold of an answer without being told.
LARGE = os.urandom(6_000_000)
FORM = {"Content-Type": "application/x-www-form-urlencoded", **FROM_FILE}


@dataclass(frozen=True)
class Server:
    """A key server in a process of its own, and its database."""

    port: int
    pid: int
    database: Database


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    database = Database(f"sqlite:///{tmp_path}/test.sqlite")
    upgrade(database.engine)
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(str(tmp_path), theirs), daemon=True)
    process.start()
    assert process.pid is not None
    yield Server(ours.recv(), process.pid, database)
    process.terminate()
    process.join()
    process.close()
    ours.close()
    theirs.close()
    database.dispose()


def serve(folder: str, pipe: Connection) -> None:
    """In the process."""
    copies = (Path(folder) / "copies").as_uri()
    settings = make_settings(f"sqlite:///{folder}/test.sqlite", copies_url=copies, listen="127.0.0.1:0")
    server = serving.server(create_app(settings), settings)
    pipe.send(server.effective_port)
    server.run()


def request(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def ticket_in(page: bytes) -> str:
    return page.partition(b'name="ticket" value="')[2].partition(b'"')[0].decode()


def opened(served: Server) -> str:
    """The ticket of a message page whose first file is LARGE."""
    mail = multipart("mixed", PLAIN, encoded("application/pdf", LARGE, "Content-Disposition: attachment"))
    file = File(served.database, mail, level=Level.NONE)
    status, page = request(served.port, "/online", form(file.fields), {"Content-Type": TYPE, **FROM_FILE})
    assert status == 200
    status, page = request(served.port, "/online/open", urlencode({"ticket": ticket_in(page)}).encode(), FORM)
    assert status == 200
    return ticket_in(page)


def nameless_files(served: Server) -> list[str]:
    """Files without a name that the server has open and that hold something."""
    found = []
    for descriptor in Path(f"/proc/{served.pid}/fd").iterdir():
        try:
            if "(deleted)" in str(descriptor.readlink()) and descriptor.stat().st_size:
                found.append(str(descriptor.readlink()))
        except OSError:
            continue
    return found


def test_large_envelope_is_taken_and_its_file_comes_back(served: Server) -> None:
    body = urlencode({"ticket": opened(served), "part": 1}).encode()

    status, content = request(served.port, "/online/file", body, FORM)

    assert (status, content == LARGE) == (200, True)


def test_download_to_a_slow_reader_waits_in_memory_and_not_on_disk(served: Server) -> None:
    body = urlencode({"ticket": opened(served), "part": 1}).encode()
    with socket.create_connection(("127.0.0.1", served.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        names = {**FORM, "Host": "x", "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in names.items())
        slow.sendall(f"POST /online/file HTTP/1.1\r\n{head}\r\n".encode() + body)
        assert slow.recv(12) == b"HTTP/1.1 200"
        time.sleep(0.5)  # the server has by then decrypted all it may

        assert nameless_files(served) == []


def test_body_beyond_all_limits_is_refused_at_once(served: Server) -> None:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.putrequest("POST", "/online")
    connection.putheader("Content-Length", str(serving.MOST_BODY + 1))
    connection.putheader("Content-Type", TYPE)
    connection.endheaders()

    assert connection.getresponse().status == 413
    connection.close()
