"""Speaks SMTP with whoever may submit mail; what is accepted, and what becomes of it, is the intake's."""

import asyncio
import errno
import logging
import threading
from collections import defaultdict
from concurrent.futures import Future
from typing import Any

from aiosmtpd.smtp import SMTP

from envelope.addresses import normalise
from envelope.errors import EnvelopeError
from gateway import smtp_replies as replies
from gateway.data_stream import DataStream
from gateway.errors import PermanentError, where
from gateway.intake import Intake, SmtpEnvelope
from gateway.queue import Draft
from gateway.setting_values import HostPort, megabytes, within
from gateway.settings import Settings

log = logging.getLogger(__name__)

MOST_RECIPIENTS = 1000
MOST_CONNECTIONS = 200
MOST_COMMAND = 2048
#: How long a client may be silent, in seconds (RFC 5321 section 4.5.3.2.7).
IDLE = 300
#: How long mails that are just coming in may take to arrive when the gateway stops, in seconds.
GRACE = 10
CHUNK = 1024 * 1024
NULL_SENDER = "<>"


class Handler:
    """aiosmtpd's hooks: what is checked before a mail comes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def handle_EHLO(  # noqa: N802, aiosmtpd finds its hooks by these names
        self, server: Any, session: Any, smtp_envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], f"250-SIZE {self._settings.max_size}", *responses[1:]]

    async def handle_MAIL(  # noqa: N802, see above
        self, server: Any, session: Any, smtp_envelope: Any, address: str, options: list[str]
    ) -> str:
        size = next((option[5:] for option in options if option.startswith("SIZE=")), "0")
        if not size.isdigit() or int(size) > self._settings.max_size:
            return too_large(self._settings.max_size)
        if address == NULL_SENDER:
            smtp_envelope.mail_from = NULL_SENDER
            return replies.SENDER_OK
        if fault := _fault(address, utf8=smtp_envelope.smtp_utf8):
            return fault if fault == replies.NEEDS_SMTPUTF8 else replies.BAD_SENDER
        smtp_envelope.mail_from = normalise(address)
        return replies.SENDER_OK

    async def handle_RCPT(  # noqa: N802, see above
        self, server: Any, session: Any, smtp_envelope: Any, address: str, options: list[str]
    ) -> str:
        if len(smtp_envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return replies.TOO_MANY_RECIPIENTS
        if fault := _fault(address, utf8=smtp_envelope.smtp_utf8):
            return fault
        recipient = normalise(address)
        if recipient not in smtp_envelope.rcpt_tos:
            smtp_envelope.rcpt_tos.append(recipient)
        return replies.RECIPIENT_OK

    async def handle_exception(self, error: Exception) -> str:
        log.error("smtp session failed, %s", where(error))
        return replies.LOCAL_FAULT


class Session(SMTP):
    """One connection. Its DATA writes to disk as the mail comes, and answers once the mail is safe."""

    command_size_limit = line_length_limit = MOST_COMMAND
    # Set by aiosmtpd before any of our methods runs; it types them as optional.
    session: Any
    envelope: Any
    transport: Any

    def __init__(self, server: "SmtpServer", settings: Settings, *, intake: Intake) -> None:
        super().__init__(
            Handler(settings),
            data_size_limit=None,  # Handler and _copy hold the limit, with the limit in their answer
            enable_SMTPUTF8=True,
            hostname=settings.hostname,
            ident="Sealpost",
            timeout=IDLE,
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits = defaultdict(lambda: MOST_COMMAND)
        self._server = server
        self._settings = settings
        self._intake = intake
        #: Whether a mail is on its way in right now.
        self.busy = False

    def connection_lost(self, error: Exception | None) -> None:
        self._server.sessions.discard(self)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        self._server.sessions.add(self)
        if not self._allowed():
            await self._dismiss(replies.NOT_ALLOWED)
        elif len(self._server.sessions) > MOST_CONNECTIONS:
            await self._dismiss(replies.BUSY)
        else:
            await super()._handle_client()

    def _allowed(self) -> bool:
        return within(self.session.peer[0], self._settings.allow)

    async def _dismiss(self, reply: str) -> None:
        log.warning("smtp connection refused peer=%s reply=%s", self.session.peer[0], reply)
        await self.push(reply)
        self.transport.close()

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802, aiosmtpd finds its commands by name
        if await self.check_helo_needed():
            return
        if arg:
            await self.push(replies.BAD_SYNTAX)
        elif not self.envelope.rcpt_tos:
            await self.push(replies.NEEDS_RECIPIENT)
        else:
            self.busy = True
            try:
                await self.push(await self._receive(self._smtp_envelope()))
            finally:
                self.busy = False
                self.envelope = self._create_envelope()

    def _smtp_envelope(self) -> SmtpEnvelope:
        sender = self.envelope.mail_from
        return SmtpEnvelope(
            peer=self.session.peer[0],
            helo=self.session.host_name,
            smtp_sender="" if sender == NULL_SENDER else sender,
            recipients=tuple(self.envelope.rcpt_tos),
            utf8=self.envelope.smtp_utf8,
        )

    async def _receive(self, smtp_envelope: SmtpEnvelope) -> str:
        try:
            # Not in a thread: a client that goes away in between would leave a draft that nobody holds.
            draft = self._intake.begin(smtp_envelope)
        except OSError as error:
            return _disk_reply(error)
        try:
            await self.push(replies.GO_AHEAD)
            fault = await self._copy(draft)
        except BaseException:  # the client is gone, or the gateway stops: this mail was never accepted
            draft.discard()
            raise
        # From here on the draft is the thread's, whatever becomes of this connection.
        return await asyncio.to_thread(self._accept, draft, smtp_envelope, fault=fault)

    async def _copy(self, draft: Draft) -> str | None:
        """Read the mail to its end; returns the refusal, if there is one by then."""
        stream = DataStream()
        limit, size, fault = self._settings.max_size, 0, None
        while not stream.ended:
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                raise ConnectionResetError
            self._reset_timeout()
            data = stream.feed(chunk)
            size += len(data)
            if size > limit:
                fault = too_large(limit)
            if fault is None:
                try:
                    draft.file.write(data)
                except OSError as error:
                    fault = _disk_reply(error)
        # read() has emptied the reader's buffer, so these commands stay in order.
        self._reader.feed_data(stream.rest)
        return fault

    def _accept(self, draft: Draft, smtp_envelope: SmtpEnvelope, *, fault: str | None) -> str:
        try:
            return fault or replies.ACCEPTED.format(id=self._intake.finish(draft, smtp_envelope))
        except PermanentError as error:
            log.info("mail refused id=%s reason=%s", draft.id, error.code)
            return replies.refusal(error)
        except OSError as error:
            return _disk_reply(error)
        except Exception as error:  # the top of this thread: the client gets an answer in any case
            log.error("mail not taken id=%s, %s", draft.id, where(error))
            return replies.LOCAL_FAULT
        finally:
            draft.discard()


class SmtpServer:
    """The listening socket and the thread that serves it."""

    def __init__(self, settings: Settings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
        self.sessions: set[Session] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def start(self) -> HostPort:
        """Listen; returns the real address, for a port that was given as 0. Raises OSError."""
        # Its lines repeat what clients say.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        started: Future[HostPort] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="smtp")
        self._thread.start()
        return started.result()

    def stop(self) -> None:
        """Take no more connections, let mails that are coming in arrive, then close all."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._loop = None

    async def _serve(self, started: "Future[HostPort]") -> None:
        listen, loop = self._settings.listen, asyncio.get_running_loop()
        try:
            server = await loop.create_server(self._session, listen.host, listen.port)
        except OSError as error:
            started.set_exception(error)
            return
        self._loop = loop
        started.set_result(HostPort(*server.sockets[0].getsockname()[:2]))
        await self._stopping.wait()
        server.close()
        await self._drain()

    def _session(self) -> Session:
        return Session(self, self._settings, intake=self._intake)

    async def _drain(self) -> None:
        deadline = asyncio.get_running_loop().time() + GRACE
        while self.sessions and asyncio.get_running_loop().time() < deadline:
            for session in [each for each in self.sessions if not each.busy]:
                session.transport.close()
            await asyncio.sleep(0.02)


def too_large(limit: int) -> str:
    return replies.TOO_LARGE.format(limit=megabytes(limit), size=limit)


def _fault(address: str, *, utf8: bool) -> str | None:
    """What is wrong with an address, as a recipient's. Surrogates stand for bytes that are not UTF-8."""
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in address):
        return replies.BAD_RECIPIENT
    if not utf8 and not address.isascii():
        return replies.NEEDS_SMTPUTF8
    try:
        normalise(address)
    except EnvelopeError:
        return replies.BAD_RECIPIENT
    return None


def _disk_reply(error: OSError) -> str:
    log.error("mail not taken, the disk says %s", error.strerror)
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return replies.NO_SPACE if full else replies.LOCAL_FAULT
