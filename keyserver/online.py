"""Opening at the server: what Open Online and open by forwarding may decrypt, for whom; shows nothing.

This is the one room that joins both halves of a key here. It does so in memory, for one request, and the
decrypted bytes leave it only through the reader that it returns.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from envelope.errors import EnvelopeError, UnsupportedVersionError
from envelope.format import PRELUDE_SIZE, Header
from envelope.keys import possession_proof
from envelope.options import Level
from envelope.reading import PayloadReader
from keyserver import audit, copies, messages, openings, people, profiles, receipts, throttle
from keyserver import opening_statements as statements
from keyserver.copy_store import CopyStore
from keyserver.db import execute, let_others_write
from keyserver.errors import (
    AlteredError,
    CopyMissingError,
    InvalidFieldError,
    NewerVersionError,
    NoEnvelopeError,
    NotFoundError,
    OnlineForbiddenError,
    UnknownEnvelopeError,
)
from keyserver.keyring import Keyring
from keyserver.mailboxes import mailbox
from keyserver.models import Message, Person

#: Bytes read at a time while looking for where a copy's payload begins.
_LINE = 4_096


@dataclass(frozen=True, kw_only=True)
class Held:
    """What somebody holds who has the envelope: the copy of it, and its secret."""

    copy_id: UUID
    message_id: UUID
    recipient: str
    envelope_secret: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What they have shown of themselves by now.

    `typed`: whose passphrase was typed for this very message. `person`: who is signed in, `by_device` where
    only a remembered device says so. `proven`: the address that a mailed code or link was for.
    """

    typed: Person | None = None
    person: Person | None = None
    by_device: bool = False
    proven: str | None = None


@dataclass(frozen=True, kw_only=True)
class OnlineView:
    """A message as whoever holds its envelope may see it before it is opened."""

    message_id: UUID
    recipient: str
    sender: str
    sender_name: str
    subject: str | None
    sent: datetime
    level: Level
    #: Whether a code mailed to the recipient is all that has to be shown.
    by_code: bool
    #: Whether the sender is told of the first opening (S54).
    receipt: bool
    organisation: str
    profile_id: UUID
    logo: bool


def header_of(prelude: bytes) -> Header:
    """What stands before the segments. Raises NoEnvelopeError, NewerVersionError."""
    try:
        header = Header.parse(prelude)
    except UnsupportedVersionError:
        raise NewerVersionError from None
    except EnvelopeError:
        raise NoEnvelopeError from None
    if len(prelude) != PRELUDE_SIZE:
        raise NoEnvelopeError
    return header


def admit(
    db: Session, header: Header, *, recipient: str, envelope_secret: bytes, source: str, now: datetime
) -> None:
    """Whether an envelope that begins so may be kept here to be opened, before any more of it is read.

    Raises UnknownEnvelopeError, NotEntitledError, MessageLockedError, MessageExpiredError,
    OnlineForbiddenError, AlteredError, ThrottledError.
    """
    message = admitted_message(db, header.message_id, recipient, envelope_secret, now=now)
    if not hmac.compare_digest(header.policy_digest, message.policy_sha256):
        raise AlteredError
    counted = ((throttle.ONLINE_MESSAGE, f"{source} {message.id}"), (throttle.ONLINE_SOURCE, source))
    throttle.check(db, *counted, now=now)
    throttle.count(db, *counted, now=now)


def look(db: Session, message_id: UUID, recipient: str) -> OnlineView:
    """What is shown of it. Raises NotFoundError."""
    message = messages.get(db, message_id)
    brand = profiles.brand_of(db, message.profile_id)
    return OnlineView(
        message_id=message.id,
        recipient=recipient,
        sender=message.sender,
        sender_name=message.sender_name,
        subject=message.subject,
        sent=message.sent,
        level=Level(message.level),
        by_code=openings.by_code(message),
        receipt=message.receipt,
        organisation=brand.name,
        profile_id=message.profile_id,
        logo=brand.logo is not None,
    )


def read(
    db: Session,
    held: Held,
    shown: Shown,
    *,
    again: bool = False,
    source: str,
    now: datetime,
    store: CopyStore,
    keyring: Keyring,
) -> PayloadReader:
    """The content, decrypted as it is read; on record as an opening, unless it is the same one `again`.

    Commit before reading on: store and reader may be slow. Raises UnknownEnvelopeError, NotEntitledError,
    MessageLockedError, MessageExpiredError, OnlineForbiddenError, PassphraseNeededError (more has to be
    shown), PersonInactiveError, CopyMissingError, CopyStoreError, AlteredError, NewerVersionError.
    """
    message = admitted_message(db, held.message_id, held.recipient, held.envelope_secret, now=now)
    address = mailbox(held.recipient)
    approval = _enough(db, message, address, shown)
    copy = copies.find(db, held.copy_id, now=now)
    if copy.message_id != message.id or copy.size is None:
        raise CopyMissingError
    share = keyring.unwrap(message.wrapped_share, message.id, version=message.kek_version)
    let_others_write(db)
    reader = _reader(store, copy.id, size=copy.size, key_share=share, envelope_secret=held.envelope_secret)
    if reader.header.message_id != message.id:
        raise AlteredError
    if not again:
        who = {"passphrase": shown.typed, "session": shown.person, "device": shown.person}.get(approval)
        _note(db, message, address, approval=approval, person=who, source=source, now=now)
    return reader


def admitted_message(
    db: Session, message_id: UUID, recipient: str, envelope_secret: bytes, *, now: datetime
) -> Message:
    """The message, open to this recipient, for whoever holds its envelope, if the sender allows it here.

    Raises UnknownEnvelopeError, NotEntitledError, MessageLockedError, MessageExpiredError,
    OnlineForbiddenError.
    """
    proof = possession_proof(envelope_secret, message_id)
    try:
        openings.entitled_message(db, message_id, recipient, proof, now=now)
    except (NotFoundError, InvalidFieldError):
        raise UnknownEnvelopeError from None
    message = messages.get(db, message_id)
    if not message.online:
        raise OnlineForbiddenError
    return message


def _enough(db: Session, message: Message, address: str, shown: Shown) -> str:
    """What was shown that is enough (S48-S50). Raises PassphraseNeededError, PersonInactiveError."""
    approval = openings.shown_enough(
        message,
        typed=shown.typed is not None and people.owns(db, shown.typed, address),
        signed_in=shown.person is not None and people.owns(db, shown.person, address),
        by_device=shown.by_device,
        code=shown.proven == address,
    )
    if approval == "code":
        people.require_active(db, address)
    return approval


def _reader(
    store: CopyStore, copy_id: UUID, *, size: int, key_share: bytes, envelope_secret: bytes
) -> PayloadReader:
    """Of an object `policy LF payload` (copies.py); a posted envelope has no policy beside it."""

    def read_copy(start: int, length: int) -> bytes:
        return store.read(copy_id, start, length)

    policy = _first_line(read_copy)
    begin = len(policy) + 1
    try:
        return PayloadReader(
            lambda start, length: read_copy(begin + start, length),
            size=size - begin,
            key_share=key_share,
            envelope_secret=envelope_secret,
            policy=policy.decode("ascii", "replace") or None,
        )
    except UnsupportedVersionError:
        raise NewerVersionError from None
    except EnvelopeError:
        raise AlteredError from None


def _first_line(read_copy: Callable[[int, int], bytes]) -> bytes:
    line = bytearray()
    while len(line) <= copies.MAX_POLICY_SIZE:
        piece = read_copy(len(line), _LINE)
        line += piece
        if (end := line.find(b"\n")) >= 0:
            return bytes(line[:end])
        if len(piece) < _LINE:
            break
    raise AlteredError


def _note(
    db: Session,
    message: Message,
    address: str,
    *,
    approval: str,
    person: Person | None,
    source: str,
    now: datetime,
) -> None:
    """What the sender and the auditor will see. If it cannot be written, nothing is shown."""
    execute(db, statements.OPENED, of_message=message.id, of_address=address, now=now)
    if message.receipt:
        receipts.opened(db, message.id, address, proven=approval != "nothing", now=now)
    audit.record(
        db,
        "message opened online",
        account_id=message.account_id,
        now=now,
        message=message.id,
        recipient=address,
        person=person.id if person else None,
        shown=approval,
        source=source,
    )
