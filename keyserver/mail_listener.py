"""Mail that some mail server hands us by SMTP, for the open address alone; knows nothing of what is in it.

A mail is handled before it is answered: «250» means that it is done with, and whatever keeps us from it is a
temporary refusal, after which the mail server, whose business that is, keeps the mail and tries again.
"""

import asyncio
import logging
import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from aiosmtpd.smtp import SMTP

from keyserver.errors import InvalidFieldError
from keyserver.inbound import MOST, Inbound, where
from keyserver.mailboxes import mailbox

log = logging.getLogger(__name__)

#: Connections at a time; each may bring a mail of `MOST` octets, which is held in memory.
MOST_CONNECTIONS = 8
#: How long a client may be silent, in seconds (RFC 5321 section 4.5.3.2.7).
PATIENCE = 300
#: Longer than mail may have, but mail programs do (RFC 5321 section 4.5.3.1.6).
MOST_LINE = 65_536

ACCEPTED = "250 2.0.0 Done"
NOT_HERE = "550 5.1.1 No such address here"
LATER = "451 4.3.0 This mail cannot be handled now, try again later"
BUSY = "421 4.3.2 Too many connections, try again later"


class _Handler:
    """What is done with a mail, by the names that aiosmtpd looks for."""

    def __init__(self, address: str, inbound: Inbound) -> None:
        self._address, self._inbound = mailbox(address), inbound

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, smtp_envelope: Any, address: str, _options: list[str]
    ) -> str:
        try:
            if mailbox(address) != self._address:
                return NOT_HERE
        except InvalidFieldError:
            return NOT_HERE
        smtp_envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Any, _session: Any, smtp_envelope: Any) -> str:  # noqa: N802 - see above
        sender = "" if smtp_envelope.mail_from in (None, "<>") else smtp_envelope.mail_from
        return await asyncio.to_thread(self._take, bytes(smtp_envelope.content), sender)

    async def handle_exception(self, error: Exception) -> str:
        log.error("inbound smtp session failed: %s", where(error))
        return LATER

    def _take(self, mail: bytes, sender: str) -> str:
        try:
            self._inbound.take(mail, sender, now=datetime.now(UTC))
        except Exception as error:
            # The top of this thread: the client gets an answer in any case.
            log.error("inbound mail left for later: %s", where(error))
            return LATER
        return ACCEPTED


class _Session(SMTP):
    """One connection."""

    line_length_limit = MOST_LINE
    transport: Any  # set before any of our methods runs; aiosmtpd types it as optional

    def __init__(self, handler: _Handler, sessions: set["_Session"]) -> None:
        super().__init__(
            handler,
            data_size_limit=MOST,
            enable_SMTPUTF8=True,
            ident="Sealpost",
            timeout=PATIENCE,
            loop=asyncio.get_running_loop(),
        )
        self._sessions = sessions

    def connection_lost(self, error: Exception | None) -> None:
        self._sessions.discard(self)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        self._sessions.add(self)
        if len(self._sessions) > MOST_CONNECTIONS:
            await self.push(BUSY)
            self.transport.close()
        else:
            await super()._handle_client()


class MailListener:
    """The listening socket, and the thread that serves it."""

    def __init__(self, host: str, port: int, *, address: str, inbound: Inbound) -> None:
        self._host, self.port = host, port
        self._handler = _Handler(address, inbound)
        self._sessions: set[_Session] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Listen; `port` is the real one from then on, for one that was given as 0. Raises OSError."""
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # its lines repeat what clients say
        started: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="inbound")
        self._thread.start()
        self.port = started.result()

    def stop(self) -> None:
        """Take no more mail; what is on its way in is not accepted, and comes again."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._loop = None

    async def _serve(self, started: "Future[int]") -> None:
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: _Session(self._handler, self._sessions), self._host, self.port
            )
        except OSError as error:
            started.set_exception(error)
            return
        self._loop = loop
        started.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()
        for session in list(self._sessions):
            session.transport.close()
