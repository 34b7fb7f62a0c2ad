"""What happens without anybody asking: mail goes out, and what has served its purpose is dropped."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from keyserver import accounts, codes, copies, devices, openings, outbox, throttle
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.mailer import Renderer, Transport, transport_for
from keyserver.settings import Settings

log = logging.getLogger(__name__)

#: How often the outbox is looked into when it was empty, and how often things are dropped.
IDLE = timedelta(seconds=1)
PURGE_EVERY = timedelta(minutes=1)


class Worker:
    """Any number of them may run, on any number of machines: they share nothing but the database."""

    def __init__(
        self, database: Database, *, renderer: Renderer, transport: Transport, store: CopyStore
    ) -> None:
        self._database, self._renderer, self._transport = database, renderer, transport
        self._store = store
        self._stopped = threading.Event()

    @classmethod
    def of(cls, settings: Settings, database: Database) -> "Worker":
        """The worker that these settings describe."""
        renderer = Renderer(base_url=settings.base_url, mail_from=settings.mail_from)
        transport, store = transport_for(settings.mail_url), CopyStore(settings.copies_url)
        return cls(database, renderer=renderer, transport=transport, store=store)

    def run(self) -> None:
        """Work until `stop` is called, from another thread or a signal handler."""
        purged = datetime.min.replace(tzinfo=UTC)
        while not self._stopped.is_set():
            now = datetime.now(UTC)
            try:
                if now - purged >= PURGE_EVERY:
                    self.purge(now=now)
                    purged = now
                idle = self.send_due(now=now) == 0
            except SQLAlchemyError:
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
            ("codes", codes.purge),
            ("devices", devices.purge),
            ("provisioning tokens", accounts.purge),
            ("throttles", throttle.purge),
            ("copies", partial(copies.purge, store=self._store)),
        )
        for name, purge in kinds:
            with self._database.writing() as db:
                dropped = purge(db, now=now)
            if dropped:
                log.info("dropped %s %s", dropped, name)

    def _send(self, mail: outbox.Waiting) -> bool:
        try:
            self._transport.send(self._renderer.render(mail), to=mail.address)
        except Exception:
            # Whatever is wrong with one mail must not keep the others; the trace names no content.
            log.exception("mail not sent id=%s name=%s attempt=%s", mail.id, mail.name, mail.attempts)
            return False
        log.info("mail sent id=%s name=%s", mail.id, mail.name)
        return True
