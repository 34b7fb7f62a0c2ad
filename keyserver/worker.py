"""What happens without anybody asking: mail goes out, mail to the open address comes in, and what has served
its purpose is dropped."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from sqlalchemy.exc import SQLAlchemyError

from keyserver import accounts, codes, copies, devices, forwarding, openings, outbox, throttle
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.errors import CopyStoreError, InboundError
from keyserver.inbound import Inbound
from keyserver.mail_folder import MailFolder
from keyserver.mail_listener import MailListener
from keyserver.mailer import Renderer, Transport, transport_for
from keyserver.settings import Settings

log = logging.getLogger(__name__)

#: How often the outbox is looked into when it was empty, and how often things are dropped.
IDLE = timedelta(seconds=1)
PURGE_EVERY = timedelta(minutes=1)


class Receiver(Protocol):
    """Where mail to the open address comes in, in a thread of its own."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Worker:
    """Any number of them may run, on any number of machines: they share nothing but the database."""

    def __init__(
        self,
        database: Database,
        *,
        renderer: Renderer,
        transport: Transport,
        store: CopyStore,
        receiver: Receiver | None = None,
    ) -> None:
        self._database, self._renderer, self._transport = database, renderer, transport
        self._store, self._receiver = store, receiver
        self._stopped = threading.Event()

    @classmethod
    def of(cls, settings: Settings, database: Database) -> "Worker":
        """The worker that these settings describe."""
        renderer = Renderer(base_url=settings.base_url, mail_from=settings.mail_from)
        transport, store = transport_for(settings.mail_url), CopyStore(settings.copies_url)
        receiver = receiver_for(settings, database, store)
        return cls(database, renderer=renderer, transport=transport, store=store, receiver=receiver)

    def run(self) -> None:
        """Work until `stop` is called, from another thread or a signal handler.

        Raises InboundError where mail to the open address cannot come in.
        """
        if self._receiver is None:
            self._work()
            return
        try:
            self._receiver.start()
        except OSError as fault:
            raise InboundError(fault) from fault
        try:
            self._work()
        finally:
            self._receiver.stop()

    def _work(self) -> None:
        purged = datetime.min.replace(tzinfo=UTC)
        while not self._stopped.is_set():
            now = datetime.now(UTC)
            try:
                if now - purged >= PURGE_EVERY:
                    self.purge(now=now)
                    purged = now
                idle = self.send_due(now=now) == 0
            except (SQLAlchemyError, TimeoutError):
                log.exception("the worker could not use the database, and tries again")
                idle = True
            if idle:
                self._stopped.wait(IDLE.total_seconds())

    def stop(self) -> None:
        """End after the mail that is on its way."""
        self._stopped.set()

    def send_due(self, *, now: datetime) -> int:
        """Send what is due; returns how many mails were tried.

        A crash between sending and forgetting sends a mail twice: better than not at all.
        """
        with self._database.writing() as db:
            taken = outbox.take(db, now=now)
        for mail in taken:
            done = self._send(mail)
            with self._database.writing() as db:
                outbox.sent(db, mail.id) if done else outbox.failed(db, mail, now=now)
        return len(taken)

    def purge(self, *, now: datetime) -> None:
        """Drop what has served its purpose, each kind in a transaction of its own."""
        kinds: tuple[tuple[str, Callable[..., int]], ...] = (
            ("mails given up", outbox.give_up),
            ("openings", openings.purge),
            ("links", forwarding.purge),
            ("codes", codes.purge),
            ("devices", devices.purge),
            ("provisioning tokens", accounts.purge),
            ("throttles", throttle.purge),
        )
        for name, purge in kinds:
            with self._database.writing() as db:
                dropped = purge(db, now=now)
            if dropped:
                log.info("dropped %s %s", dropped, name)
        self._purge_copies(now=now)

    def _purge_copies(self, *, now: datetime) -> None:
        """No transaction waits for the store; what that does not drop now is tried again."""
        with self._database.writing() as db:
            condemned = copies.condemn(db, now=now)
        try:
            self._store.delete(*condemned)
        except CopyStoreError as error:
            log.error("copies not dropped: %s", error.fault)
            return
        with self._database.writing() as db:
            dropped = copies.forget(db, condemned)
        if dropped:
            log.info("dropped %s copies", dropped)

    def _send(self, mail: outbox.Waiting) -> bool:
        try:
            self._transport.send(self._renderer.render(mail), to=mail.address)
        except Exception:
            # Whatever is wrong with one mail must not keep the others; the trace names no content.
            log.exception("mail not sent id=%s name=%s attempt=%s", mail.id, mail.name, mail.attempts)
            return False
        log.info("mail sent id=%s name=%s", mail.id, mail.name)
        return True


def receiver_for(settings: Settings, database: Database, store: CopyStore) -> Receiver | None:
    """How the settings say that mail to the open address comes in, if it does."""
    if settings.inbound_url is None or settings.open_address is None:
        return None
    parts = urlsplit(settings.inbound_url)
    inbound = Inbound(settings, database, store)
    if parts.scheme == "maildir":
        return MailFolder(Path(unquote(parts.path)), inbound)
    host = parts.hostname or "127.0.0.1"
    return MailListener(host, parts.port or 0, address=settings.open_address, inbound=inbound)
