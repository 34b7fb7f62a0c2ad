"""The gateway as one thing that starts and stops: SMTP in, the queue's workers, the schedule between them."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.errors import GatewayError, where
from gateway.intake import Intake
from gateway.keyserver_client import KeyServerClient
from gateway.processing import Processor
from gateway.queue import Queue
from gateway.schedule import Schedule
from gateway.settings import Settings
from gateway.smtp_in import SmtpServer

log = logging.getLogger(__name__)

#: Seconds between looks at whether a command has changed the queue.
LOOK = 1.0
#: When a mail is tried again whose work failed in a way that even its top could not handle (a full disk).
LATER = timedelta(minutes=1)


class Gateway:
    """One gateway: started once, and stopped; to stop again is harmless."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue = Queue(settings.queue)
        self._schedule = Schedule()
        self._client = KeyServerClient(settings.keyserver, connections=settings.workers)
        self._processor = Processor(settings, self._queue, self._client, self._schedule)
        self._smtp = SmtpServer(settings, Intake(settings, self._queue, self._announce))
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{number}") for number in range(settings.workers)
        ]
        self._threads.append(threading.Thread(target=self._watch, name="watch"))
        self._stopping = threading.Event()
        #: Where mail is taken in, once started.
        self.address = settings.listen

    def start(self) -> None:
        """Take the queue, go on with what is in it, and listen.

        Raises QueueInUseError, and OSError when the folder or the address cannot be had; nothing runs then.
        """
        self._queue.open()
        try:
            self._rescan()
            self.address = self._smtp.start()
        except BaseException:
            self._queue.close()
            raise
        for thread in self._threads:
            thread.start()
        log.info("gateway started, it listens on %s", self.address)

    def stop(self) -> None:
        """Take no more mail, finish the steps that are being taken, leave the rest in the queue."""
        self._smtp.stop()
        self._stopping.set()
        self._schedule.close()
        for thread in self._threads:
            thread.join()
        self._client.close()
        self._queue.close()
        log.info("gateway stopped")

    def _announce(self, mail_id: UUID) -> None:
        self._schedule.add(mail_id, datetime.now(UTC))

    def _rescan(self) -> None:
        for mail_id in self._queue.ids():
            try:
                self._schedule.add(mail_id, self._queue.look(mail_id).next_attempt)
            except GatewayError as error:
                log.error("mail not read: %s", error)

    def _work(self) -> None:
        while (mail_id := self._schedule.take()) is not None:
            try:
                again = self._processor.process(mail_id)
            except Exception as error:  # a worker must outlive whatever one mail does to it
                log.error("mail not processed id=%s, %s", mail_id, where(error))
                again = datetime.now(UTC) + LATER
            if again is not None:
                self._schedule.add(mail_id, again)

    def _watch(self) -> None:
        """Look at the whole queue again when a command has changed it."""
        seen = self._queue.woken()
        while not self._stopping.wait(LOOK):
            if (now := self._queue.woken()) != seen:
                seen = now
                self._rescan()
