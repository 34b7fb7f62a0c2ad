"""Mail to the open address: finds the envelopes in it and mails their recipients a link; moves no mail.

Whoever sent the mail, the link goes to the address that the envelope was made for (S138): to forward somebody
else's envelope opens nothing. So does the word on why there is no link, for nobody but a holder of the
envelope learns that there is such a message. The sender hears only that nothing usable was found, and that
rarely: anybody can write anybody's address as sender (RFC 3834, throttle.py).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from traceback import extract_tb
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

import translations
from envelope import format
from envelope.addresses import normalise
from envelope.errors import AddressError, EnvelopeError
from envelope.fields import Header
from envelope.found_links import FoundLink
from envelope.options import policy_digest
from envelope.recovery import Recovered, recover
from envelope.securedoc import SecuredocFile
from keyserver import audit, copies, forwarding, messages, online, outbox, people, profiles, throttle
from keyserver.automatic import goes_round, may_be_answered
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.errors import (
    AlteredError,
    CopyMissingError,
    CopyStoreError,
    KeyServerError,
    MessageExpiredError,
    MessageLockedError,
    NotEntitledError,
    OnlineForbiddenError,
    ThrottledError,
    UnknownEnvelopeError,
)
from keyserver.mailboxes import mailbox
from keyserver.models import Message
from keyserver.settings import Settings

log = logging.getLogger(__name__)

#: Octets of a mail that is looked into: the largest envelope, encoded by the mail program once more.
MOST = 64 * 1024 * 1024
#: The copy outlives its link by as long as whoever used it in the last minute may need.
COPY_LIFETIME = forwarding.LIFETIME + copies.POSTED_LIFETIME

#: What is not the mail's fault. TimeoutError: another transaction of this process does not end (db.py).
UNAVAILABLE = (SQLAlchemyError, CopyStoreError, TimeoutError)

#: Why there is no link although the envelope is good, as its recipient is told.
_REFUSALS = (MessageLockedError, MessageExpiredError, OnlineForbiddenError, AlteredError, CopyMissingError)
#: Not a message of ours to this address, or no envelope of it: nobody is told which.
_UNKNOWN = (UnknownEnvelopeError, NotEntitledError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """What was found of one. `payload`: None for a link, nothing for a file that is not as it was sent."""

    message_id: UUID
    recipient: str
    envelope_secret: bytes = field(repr=False)
    payload: tuple[bytes, ...] | None = field(default=None, repr=False)
    policy: str = ""


class Inbound:
    """What becomes of a mail. `take` may be called by any number of threads."""

    def __init__(self, settings: Settings, database: Database, store: CopyStore) -> None:
        self._database, self._store = database, store
        self._server = settings.base_url
        self._own = tuple(filter(None, (settings.open_address, settings.mail_from)))

    def take(self, mail: bytes, sender: str, *, now: datetime) -> None:
        """Answer a mail that came from `sender`, "" for a bounce. When this returns, it is done with.

        Raises one of `UNAVAILABLE` where it could not be: then it has to come again.
        """
        found = recover(mail)
        if goes_round(found.header):
            log.warning("forwarded mail dropped: it goes round in circles")
            return
        known = [self._answer(envelope, now=now) for envelope in _envelopes(found)]
        if not any(known):
            self._help(found.header, sender, self._fault(found), now=now)

    def take_too_large(self, header: Header, sender: str, *, now: datetime) -> None:
        """As `take`, for a mail over `MOST`, of which only the header was read."""
        self._help(header, sender, "too-large", now=now)

    def _answer(self, envelope: _Envelope, *, now: datetime) -> bool:
        """Whether it is an envelope of ours, whatever the answer is."""
        try:
            copy_id, is_new = self._begin(envelope, now=now)
        except _UNKNOWN:
            return False
        except ThrottledError:
            log.warning("forwarded envelope not answered: too many message=%s", envelope.message_id)
            return True
        if copy_id is not None:
            if is_new:
                self._store_copy(copy_id, envelope)
            self._link(envelope, copy_id, now=now)
        return True

    def _begin(self, envelope: _Envelope, *, now: datetime) -> tuple[UUID | None, bool]:
        """The copy to lead to, None where there is none to be had, and whether it has yet to be written."""
        with self._database.writing() as db:
            try:
                copy = self._copy_for(db, envelope, now=now)
            except _REFUSALS as error:
                self._refuse(db, envelope, error, now=now)
                return None, False
            throttle.check(db, *_counted(envelope, now=now), now=now)
            return copy

    def _copy_for(self, db: Session, envelope: _Envelope, *, now: datetime) -> tuple[UUID, bool]:
        """The message's own copy if it has one, else one of what was forwarded.

        Raises one of `_UNKNOWN`; for a recipient's envelope one of `_REFUSALS`: CopyMissingError where only a
        link was forwarded.
        """
        message = online.admitted_message(
            db, envelope.message_id, envelope.recipient, envelope.envelope_secret, now=now
        )
        try:
            return copies.find(db, message.id, now=now).id, False
        except CopyMissingError:
            if envelope.payload is None:
                raise
        if not _is_whole(envelope, message):
            raise AlteredError
        return copies.begin(db, message.id, lifetime=COPY_LIFETIME, now=now), True

    def _store_copy(self, copy_id: UUID, envelope: _Envelope) -> None:
        try:
            size = self._store.write(copy_id, _object(envelope))
            with self._database.writing() as db:
                copies.finish(db, copy_id, size=size)
        except Exception:
            with self._database.writing() as db:
                copies.discard(db, self._store, copy_id)
            raise

    def _link(self, envelope: _Envelope, copy_id: UUID, *, now: datetime) -> None:
        with self._database.writing() as db:
            message, address = messages.get(db, envelope.message_id), mailbox(envelope.recipient)
            # Not before: a mail that has to come again, because the store is away, is not another one.
            throttle.count(db, *_counted(envelope, now=now), now=now)
            link_id, code = forwarding.create(
                db, copy_id=copy_id, address=address, envelope_secret=envelope.envelope_secret, now=now
            )
            hours = int(forwarding.LIFETIME.total_seconds() // 3600)
            context = {"link": str(link_id), "code": code, "hours": hours}
            until = now + forwarding.LIFETIME
            _mail(db, "forwarded", message, address, context=context, now=now, until=until)
            audit.record(
                db,
                "link mailed",
                account_id=message.account_id,
                now=now,
                message=message.id,
                recipient=address,
                link=link_id,
            )

    def _refuse(self, db: Session, envelope: _Envelope, error: KeyServerError, *, now: datetime) -> None:
        message, address = messages.get(db, envelope.message_id), mailbox(envelope.recipient)
        throttle.check(db, *_counted(envelope, now=now), now=now)
        throttle.count(db, *_counted(envelope, now=now), now=now)
        context: dict[str, Any] = {"reason": error.code}
        if isinstance(error, MessageLockedError):
            context["said"] = error.reason
        if isinstance(error, MessageExpiredError):
            context["when"] = error.expired_at.isoformat()
        _mail(db, "forwarded_refused", message, address, context=context, now=now)
        audit.record(
            db,
            "link not mailed",
            account_id=message.account_id,
            now=now,
            message=message.id,
            recipient=address,
            reason=error.code,
        )

    def _help(self, header: Header, sender: str, fault: str, *, now: datetime) -> None:
        """Tell a sender that waits for an answer that there was nothing for us."""
        address = _address(sender)
        if address is None or not may_be_answered(header, address, own=self._own):
            log.info("mail without an envelope for us dropped: %s", fault)
            return
        with self._database.writing() as db:
            counted = (
                (throttle.HELP_ADDRESS, mailbox(address)),
                (throttle.HELP_HOUR, f"{now:%Y-%m-%dT%H}"),
            )
            try:
                throttle.check(db, *counted, now=now)
            except ThrottledError:
                log.info("mail without an envelope for us dropped: %s, and answered enough", fault)
                return
            throttle.count(db, *counted, now=now)
            person = people.person_of(db, address)
            wanted = header.all("content-language") + header.all("accept-language")
            locale = person.locale if person else translations.negotiate(_tags(wanted))
            outbox.put(
                db, to=address, name="forwarded_unread", locale=locale, context={"fault": fault}, now=now
            )
        log.info("mail without an envelope for us answered: %s", fault)

    def _fault(self, found: Recovered) -> str:
        if not (found.files or found.links):
            return "nothing"
        servers = {file.server for file in found.files} | {link.server for link in found.links}
        return "foreign" if servers - {""} and self._server not in servers else "unusable"


def _counted(envelope: _Envelope, *, now: datetime) -> tuple[throttle.Counted, ...]:
    address = mailbox(envelope.recipient)
    return (
        (throttle.FORWARD_MESSAGE, f"{envelope.message_id} {address}"),
        (throttle.FORWARD_ADDRESS, f"{address} {now:%Y-%m-%d}"),
    )


def where(error: Exception) -> str:
    """The kind of error and where it arose, for the log; its words may repeat what stands in the mail."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def _envelopes(found: Recovered) -> Iterator[_Envelope]:
    """The envelopes to answer, each of a message and recipient once, the whole ones first."""
    read = [*filter(None, map(_of_file, found.files)), *map(_of_link, found.links)]
    read.sort(key=lambda envelope: not envelope.payload)  # of a file and a link, the file
    seen = set()
    for envelope in read:
        key = (envelope.message_id, envelope.recipient.lower())
        if key not in seen:
            seen.add(key)
            yield envelope


def _of_file(file: SecuredocFile) -> _Envelope | None:
    try:
        header = format.Header.parse(file.payload[0] if file.payload else b"")
    except EnvelopeError:
        return None
    if not file.recipient.isprintable():  # half a surrogate pair is no text to a database
        return None
    return _Envelope(
        message_id=header.message_id,
        recipient=file.recipient,
        envelope_secret=file.envelope_secret,
        payload=tuple(file.payload) if file.is_intact else (),
        policy=file.policy,
    )


def _of_link(link: FoundLink) -> _Envelope:
    return _Envelope(
        message_id=link.message_id, recipient=link.recipient, envelope_secret=link.envelope_secret
    )


def _is_whole(envelope: _Envelope, message: Message) -> bool:
    """Whether the payload is of this message, as its header and its lengths say."""
    payload = envelope.payload or (b"",)
    try:
        header = format.Header.parse(payload[0])
        format.cleartext_size(sum(map(len, payload)), header.segment_size)
    except EnvelopeError:
        return False
    return header.policy_digest == message.policy_sha256


def _object(envelope: _Envelope) -> Iterator[bytes]:
    """As the copy store keeps it (copies.py); a policy that was altered on the way is left out."""
    payload = envelope.payload or ()
    header = format.Header.parse(payload[0])
    is_sealed = envelope.policy.isascii() and policy_digest(envelope.policy) == header.policy_digest
    yield (envelope.policy.encode("ascii") if is_sealed else b"") + b"\n"
    yield from payload


def _mail(
    db: Session,
    name: str,
    message: Message,
    address: str,
    *,
    context: dict[str, Any],
    now: datetime,
    until: datetime | None = None,
) -> None:
    """To the recipient, in their own language or else in the organisation's."""
    person = people.person_of(db, address)
    locale = person.locale if person else profiles.locale_of(db, message.profile_id)
    said = {"organisation": profiles.brand_of(db, message.profile_id).name, "sender": _name(message)}
    outbox.put(db, to=address, name=name, locale=locale, context=context | said, now=now, until=until)


def _name(message: Message) -> str:
    return f"{message.sender_name} ({message.sender})" if message.sender_name else message.sender


def _address(sender: str) -> str | None:
    try:
        return normalise(sender) if sender.isprintable() else None
    except AddressError:
        return None


def _tags(values: list[str]) -> Iterator[str]:
    """Language tags of header fields, without their weights (RFC 3282)."""
    return (tag.partition(";")[0].strip() for value in values for tag in value[:200].split(","))
