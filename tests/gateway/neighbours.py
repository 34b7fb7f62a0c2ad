"""Whom the gateway talks to: a next hop and a key server, in this process, that answer as they are told."""

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP

PATIENCE = 60.0


@dataclass(frozen=True)
class Delivered:
    """One mail that the next hop took."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes


class Patient:
    """Something that other threads fill and a test waits for."""

    def __init__(self) -> None:
        self.changed = threading.Condition()

    def wait(self, holds: Callable[[], bool]) -> None:
        """Until something holds: seen at once where it changes here, a little later on disk."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while not holds():
                assert time.monotonic() < deadline, "it did not happen"
                self.changed.wait(0.05)


class NextHop(Patient):
    """A mail server. `answers` are used up one by one: by recipient's address, or by "MAIL" and "DATA"."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.mails: list[Delivered] = []
        self.answers: dict[str, list[str]] = defaultdict(list)
        self.asked: list[str] = []
        self.utf8 = True
        self.port = port
        self._started: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> "NextHop":
        self._thread.start()
        self.port = self._started.result()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._sessions: set[Any] = set()
        server = await self._loop.create_server(self._session, "127.0.0.1", self.port)
        self._started.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()
        for session in list(self._sessions):
            session.transport.close()
        await asyncio.sleep(0.01)

    def _session(self) -> SMTP:
        hop = self

        class Session(SMTP):
            line_length_limit = 1_000_000

            def connection_made(self, transport: Any) -> None:
                hop._sessions.add(self)
                super().connection_made(transport)

            def connection_lost(self, error: Exception | None) -> None:
                hop._sessions.discard(self)
                super().connection_lost(error)

        return Session(self, loop=self._loop, enable_SMTPUTF8=self.utf8, data_size_limit=None)

    def _answer(self, what: str) -> str | None:
        with self.changed:
            self.asked.append(what)
            self.changed.notify_all()
            answers = self.answers[what]
            return answers.pop(0) if answers else None

    def taken(self, recipient: str) -> list[Delivered]:
        return [mail for mail in self.mails if recipient in mail.recipients]

    # aiosmtpd and http.server find these by their names.
    # ruff: noqa: N802, N815
    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if answer := self._answer("MAIL"):
            return answer
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if answer := self._answer(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if answer := self._answer("DATA"):
            return answer
        sender = "" if envelope.mail_from == "<>" else envelope.mail_from
        with self.changed:
            self.mails.append(Delivered(sender, tuple(envelope.rcpt_tos), bytes(envelope.content)))
            self.changed.notify_all()
        return "250 taken"


@dataclass(frozen=True)
class Request:
    """What the gateway asked of the key server; `data` are the body's bytes, `body` the JSON in them."""

    method: str
    path: str
    headers: dict[str, str]
    data: bytes

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.data)
        return body


@dataclass(frozen=True)
class Answer:
    """What the key server says to one request; `body` may be bytes that are no JSON."""

    status: int = 201
    body: Any = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()


class ScriptedKeyServer(Patient):
    """Records requests, gives the answers it was told, then 201."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> "ScriptedKeyServer":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        keyserver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                answer = keyserver._answer(Request(self.command, self.path, dict(self.headers), asked))
                data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in (*answer.headers, ("Content-Length", str(len(data)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_PUT = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def _answer(self, request: Request) -> Answer:
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
            return self.answers.pop(0) if self.answers else Answer(body={"id": "1", "expires": None})
