"""Takes one mail in the queue as far as it will go now, and decides what a failure means for it."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from envelope.errors import EnvelopeError
from gateway import bounces, override_headers, sealing
from gateway.control import Control, Recipient, Stage, State
from gateway.delivery import Copy, deliver
from gateway.errors import (
    DamagedEntryError,
    EntryBusyError,
    NotInQueueError,
    PermanentError,
    TemporaryError,
    where,
)
from gateway.keyserver_client import KeyServerClient
from gateway.policy import CLEAR, Action
from gateway.profiles import Profile
from gateway.queue import Entry, Queue
from gateway.schedule import Schedule
from gateway.settings import Settings

log = logging.getLogger(__name__)

CHUNK = 256 * 1024
#: When to look again at a mail that somebody else works on.
BUSY = timedelta(seconds=1)


class Processor:
    """What the queue's workers do; holds nothing of any mail between two calls."""

    def __init__(self, settings: Settings, queue: Queue, client: KeyServerClient, schedule: Schedule) -> None:
        self._settings = settings
        self._queue = queue
        self._client = client
        self._schedule = schedule

    def process(self, mail_id: UUID) -> datetime | None:
        """Work on one mail; returns when to do so again, None when it is done with."""
        try:
            with self._queue.claim(mail_id) as entry:
                return self._process(entry)
        except NotInQueueError:
            return None
        except EntryBusyError:
            return datetime.now(UTC) + BUSY
        except DamagedEntryError as error:
            log.error("mail kept as it is: %s", error)
            return None

    def _process(self, entry: Entry) -> datetime | None:
        try:
            self._advance(entry)
        except TemporaryError as error:
            self._postpone(entry, error)
        except PermanentError as error:
            entry.save(entry.control.fail(reason=error.code, status=error.status, answer=error.text))
        except Exception as error:  # the top of one mail's work: it waits, and its sender hears in the end
            log.error("mail not processed id=%s, %s", entry.control.id, where(error))
            self._postpone(entry, TemporaryError("internal", type(error).__name__))
        self._report(entry)
        return self._finish(entry)

    def _advance(self, entry: Entry) -> None:
        try:
            if entry.control.waiting:
                # What is wrong with them holds for mail in clear, too: somebody wanted something of it.
                override_headers.read(entry.control.overrides)
            if entry.control.waiting and entry.control.treatment.action is Action.SEAL:
                self._make_envelope(entry)
            if entry.control.waiting:
                self._deliver(entry)
        except EnvelopeError as error:
            raise PermanentError(error.code, str(error), status="5.6.0") from error

    def _make_envelope(self, entry: Entry) -> None:
        if entry.control.stage is Stage.ACCEPTED:
            sealing.seal_entry(entry, self._profile(entry.control))
            log.info("mail sealed id=%s", entry.control.id)
        if entry.control.stage is Stage.SEALED:
            sealing.register_entry(entry, self._client)
            log.info("message registered id=%s", entry.control.id)
        entry.forget_mail()
        if entry.control.needs_copy:
            sealing.store_entry(entry, self._client)
            log.info("copy stored id=%s", entry.control.id)

    def _deliver(self, entry: Entry) -> None:
        match entry.control.treatment.action:
            case Action.SEAL:
                copies = self._notices(entry)
            case Action.CLEAR:
                copies = _the_mail_itself(entry)
        deliver(
            entry,
            copies,
            relay=self._settings.relay,
            hostname=self._settings.hostname,
            stopped=lambda: self._schedule.closed,
        )

    def _notices(self, entry: Entry) -> Iterator[Copy]:
        notices = sealing.Notices(entry, self._profile(entry.control), keyserver=self._settings.keyserver)
        for recipient in entry.control.waiting:
            utf8 = not (entry.control.smtp_sender + recipient.address).isascii()
            yield Copy(recipients=(recipient,), chunks=notices.render(recipient.address), utf8=utf8)

    def _profile(self, control: Control) -> Profile:
        """The profile in charge. One that is not in the settings may be back with their next correction."""
        profile = self._settings.profiles.get(control.treatment.profile or "")
        if profile is None:
            raise TemporaryError("no-profile", f"gateway.toml has no profile {control.treatment.profile}")
        return profile

    def _postpone(self, entry: Entry, error: TemporaryError) -> None:
        control, now = entry.control, datetime.now(UTC)
        reason, limit = self._patience(control)
        deadline = control.arrived + limit
        if now >= deadline:
            entry.save(control.fail(reason=reason, status="4.4.7", answer=error.text))
            return
        delay = self._settings.retry.delay(control.attempts + 1)
        if error.retry_after is not None:
            delay = max(delay, timedelta(seconds=error.retry_after))
        entry.save(
            replace(
                control,
                attempts=control.attempts + 1,
                next_attempt=min(now + delay, deadline),
                last_fault=str(error),
            )
        )
        log.warning("mail waits id=%s attempts=%d until=%s: %s", control.id, *_progress(entry.control), error)

    def _patience(self, control: Control) -> tuple[str, timedelta]:
        """What it is called when a mail has waited too long, and how long that is (S55, S56)."""
        profile = self._settings.profiles.get(control.treatment.profile or "")
        if control.treatment.action is Action.CLEAR or control.is_ready:
            return "delivery-timeout", self._settings.retry.give_up
        return "queue-timeout", profile.queue_timeout if profile else self._settings.retry.give_up

    def _report(self, entry: Entry) -> None:
        """Tell the sender about recipients that failed. A crash in here tells them twice at most."""
        control, failed = entry.control, entry.control.in_state(State.FAILED)
        if not failed:
            return
        to = self._whom_to_tell(control)
        if to is None:
            log.error(
                "bounce cannot be delivered to the administrator, it stays in the queue id=%s", control.id
            )
            return
        bounce_id = uuid5(control.id, " ".join(recipient.address for recipient in failed))
        self._enqueue_bounce(entry, failed, bounce_id=bounce_id, to=to)
        entry.save(control.with_recipients(*(replace(each, state=State.BOUNCED) for each in failed)))
        log.info(
            "mail bounced id=%s bounce=%s recipients=%d reason=%s",
            control.id,
            bounce_id,
            len(failed),
            failed[0].reason,
        )
        self._schedule.add(bounce_id, datetime.now(UTC))

    def _whom_to_tell(self, control: Control) -> str | None:
        """The sender; the administrator where there is none, or where a bounce failed; then nobody."""
        administrator = self._settings.administrator
        if control.bounce_of is None:
            return control.smtp_sender or administrator
        return None if control.recipients[0].address == administrator else administrator

    def _enqueue_bounce(
        self, entry: Entry, failed: tuple[Recipient, ...], *, bounce_id: UUID, to: str
    ) -> None:
        control, now = entry.control, datetime.now(UTC)
        profile = self._settings.profiles.get(control.treatment.profile or "")
        office = bounces.Office(
            hostname=self._settings.hostname,
            administrator=self._settings.administrator,
            locale=profile.locale if profile else self._settings.locale,
        )
        mail = bounces.compose(
            control, failed, id=bounce_id, to=to, headers=entry.read_headers(), office=office, now=now
        )
        bounce = Control(
            id=bounce_id,
            arrived=now,
            smtp_sender="",
            sender=f"MAILER-DAEMON@{self._settings.hostname}",
            treatment=CLEAR,
            recipients=(Recipient(address=to),),
            utf8=not to.isascii(),
            bounce_of=control.id,
            next_attempt=now,
        )
        draft = self._queue.draft(bounce_id)
        try:
            draft.file.write(mail)
            draft.commit([bounce])
        finally:
            draft.discard()

    def _finish(self, entry: Entry) -> datetime | None:
        if entry.control.waiting:
            return entry.control.next_attempt
        if not entry.control.in_state(State.FAILED):
            entry.remove()
        return None


def _the_mail_itself(entry: Entry) -> Iterator[Copy]:
    control = entry.control
    yield Copy(recipients=control.waiting, chunks=_chunks(entry), utf8=control.utf8)


def _chunks(entry: Entry) -> Iterator[bytes]:
    with entry.open_mail() as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _progress(control: Control) -> tuple[int, str]:
    return control.attempts, control.next_attempt.isoformat(timespec="seconds")
