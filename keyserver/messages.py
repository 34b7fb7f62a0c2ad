"""Messages: registering them, finding them, and the one rule of their life; releases nothing.

Registered means open; the sender locks and unlocks, time expires, and a changed date opens again.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from heapq import merge
from itertools import islice
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import insert, select, tuple_
from sqlalchemy.orm import Session

from envelope.ids import b64u_encode
from envelope.options import Level
from keyserver import accounts, audit, profiles
from keyserver.db import insert_into
from keyserver.errors import (
    ConflictError,
    MessageExpiredError,
    MessageLockedError,
    NotFoundError,
    SenderNotAllowedError,
)
from keyserver.keyring import Keyring
from keyserver.mailboxes import domain_of
from keyserver.models import Account, Message, MessageRecipient, Profile

State = Literal["open", "locked", "expired"]


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a gateway says about an envelope (API.md); `recipients`: address -> visible to others."""

    id: UUID
    profile: str
    key_share: bytes = field(repr=False)
    possession_sha256: bytes
    policy_sha256: bytes
    level: Level
    sender: str
    sender_name: str
    subject: str | None
    sent: datetime
    expires_after: timedelta | None
    recipients: dict[str, bool]
    mailed_code: bool = False
    online: bool = True
    remember: bool = False
    receipt: bool = False

    def digest(self, account: Account) -> bytes:
        """SHA-256 of all of it: the same again has the same digest."""
        text = json.dumps([str(account.id), asdict(self)], sort_keys=True, default=_text)
        return sha256(text.encode()).digest()


@dataclass(frozen=True)
class Registered:
    """The answer to a registration; `new` unless it was the same again."""

    expires: datetime | None
    new: bool


class Listed(Protocol):
    """What a list of messages is in order of."""

    @property
    def message_id(self) -> UUID: ...
    @property
    def registered(self) -> datetime: ...


RowT = TypeVar("RowT", bound=Listed)


class HasLife(Protocol):
    """What decides about a message's life, as a mapped object or a row of a query."""

    @property
    def locked(self) -> datetime | None: ...
    @property
    def lock_reason(self) -> str | None: ...
    @property
    def expires(self) -> datetime | None: ...


def state_of(message: HasLife, *, now: datetime) -> State:
    """Whether the message can be opened. A lock is said before an expiry: it is the sender's own word."""
    if message.locked is not None:
        return "locked"
    if message.expires is not None and message.expires <= now:
        return "expired"
    return "open"


def require_open(message: HasLife, *, now: datetime) -> None:
    """Raises MessageLockedError or MessageExpiredError unless the message can be opened."""
    state = state_of(message, now=now)
    if state == "locked":
        raise MessageLockedError(message.lock_reason)
    if state == "expired" and message.expires is not None:
        raise MessageExpiredError(message.expires)


def register(
    db: Session, account: Account, registration: Registration, *, now: datetime, keyring: Keyring
) -> Registered:
    """Take charge of a key share; the same again changes nothing (S5, S9). Expiry counts from now (D8).

    Raises SenderNotAllowedError, UnknownProfileError, ConflictError.
    """
    if domain_of(registration.sender) not in accounts.domains_of(db, account.id):
        raise SenderNotAllowedError
    profile_id = profiles.id_of(db, account, registration.profile)
    digest = registration.digest(account)
    expires = now + registration.expires_after if registration.expires_after is not None else None
    version, wrapped = keyring.wrap(registration.key_share, registration.id)
    added = db.execute(
        insert_into(db, Message)
        .values(
            id=registration.id,
            account_id=account.id,
            profile_id=profile_id,
            kek_version=version,
            wrapped_share=wrapped,
            possession_sha256=registration.possession_sha256,
            policy_sha256=registration.policy_sha256,
            registration_sha256=digest,
            level=registration.level.value,
            mailed_code=registration.mailed_code,
            online=registration.online,
            remember=registration.remember,
            receipt=registration.receipt,
            sender=registration.sender,
            sender_name=registration.sender_name,
            subject=registration.subject,
            sent=registration.sent,
            registered=now,
            expires=expires,
        )
        .on_conflict_do_nothing()
        .returning(Message.id)
    ).first()
    if added is None:
        return _the_same_again(db, registration.id, digest)
    rows = [
        {"message_id": registration.id, "address": address, "visible": visible, "registered": now}
        for address, visible in registration.recipients.items()
    ]
    db.execute(insert(MessageRecipient), rows)
    audit.record(
        db,
        "message registered",
        account_id=account.id,
        now=now,
        message=registration.id,
        sender=registration.sender,
        recipients=len(rows),
    )
    return Registered(expires, new=True)


@dataclass(frozen=True, kw_only=True)
class InboxRow:
    """One message as its recipient's inbox lists it; `cursor` is where the page after it begins."""

    message_id: UUID
    recipient: str
    sender: str
    sender_name: str
    organisation: str
    subject: str | None
    level: str
    sent: datetime
    expires: datetime | None
    registered: datetime
    opened: datetime | None
    state: State

    @property
    def cursor(self) -> str:
        """Opaque to callers; for `after`."""
        return cursor(self.registered, self.message_id)


def received_by(
    db: Session, addresses: Sequence[str], *, now: datetime, after: str | None = None, limit: int = 25
) -> list[InboxRow]:
    """Messages sent to any of these addresses, newest first. Raises NotFoundError if `after` is no cursor.

    Each address is read in the order of its index, so that a page costs the same however many came before.
    """
    start = position(after) if after else None
    return newest((_page(db, address, start=start, limit=limit, now=now) for address in addresses), limit)


def newest(pages: Iterable[Iterable[RowT]], limit: int) -> list[RowT]:
    """The newest rows of several lists that are in that order each."""
    in_order = merge(*pages, key=lambda row: (row.registered, row.message_id.hex), reverse=True)
    return list(islice(in_order, limit))


def with_state(row: Any, *, now: datetime) -> dict[str, Any]:
    """A row's values, with the message's state for what decides about it."""
    values = dict(row._mapping)
    del values["locked"], values["lock_reason"]
    return values | {"state": state_of(row, now=now)}


def cursor(registered: datetime, message_id: UUID) -> str:
    """A place in a list of messages, which are ordered by these two."""
    return f"{registered.isoformat()}~{message_id}"


def position(cursor: str) -> tuple[datetime, UUID]:
    """The place that a cursor names. Raises NotFoundError."""
    moment, _, message_id = cursor.partition("~")
    try:
        registered = datetime.fromisoformat(moment)
        if registered.tzinfo is None:
            raise NotFoundError
        return registered, UUID(message_id)
    except ValueError:
        raise NotFoundError from None


def get(db: Session, message_id: UUID) -> Message:
    """The record itself. Raises NotFoundError."""
    message = db.get(Message, message_id)
    if message is None:
        raise NotFoundError
    return message


def of_account(db: Session, account: Account, message_id: UUID) -> Message:
    """The record, if it is this account's. Raises NotFoundError."""
    message = get(db, message_id)
    if message.account_id != account.id:
        raise NotFoundError
    return message


def recipients_of(db: Session, message_id: UUID) -> list[MessageRecipient]:
    """All recipients by address, Bcc included: not for other recipients' eyes (D10)."""
    found = select(MessageRecipient).where(MessageRecipient.message_id == message_id)
    return list(db.scalars(found.order_by(MessageRecipient.address)))


def lock(db: Session, message_id: UUID, *, actor: str, reason: str | None, now: datetime) -> None:
    """Nobody opens it from now on; recipients are shown `reason`. Raises NotFoundError."""
    message = get(db, message_id)
    message.locked, message.lock_reason = message.locked or now, reason
    _note(db, message, "message locked", actor=actor, now=now, reason=reason)


def unlock(db: Session, message_id: UUID, *, actor: str, now: datetime) -> None:
    """Recipients open it again. Raises NotFoundError."""
    message = get(db, message_id)
    message.locked = message.lock_reason = None
    _note(db, message, "message unlocked", actor=actor, now=now)


def set_expiry(db: Session, message_id: UUID, *, expires: datetime | None, actor: str, now: datetime) -> None:
    """Set, change or remove (None) the moment after which nobody opens it (S124). Raises NotFoundError."""
    message = get(db, message_id)
    message.expires = expires
    _note(db, message, "message expiry changed", actor=actor, now=now, expires=expires)


def _the_same_again(db: Session, message_id: UUID, digest: bytes) -> Registered:
    row = db.execute(
        select(Message.registration_sha256, Message.expires).where(Message.id == message_id)
    ).one()
    if row.registration_sha256 != digest:
        raise ConflictError
    return Registered(row.expires, new=False)


def _page(
    db: Session,
    address: str,
    *,
    start: tuple[datetime, UUID] | None,
    limit: int,
    now: datetime,
) -> list[InboxRow]:
    place = tuple_(MessageRecipient.registered, MessageRecipient.message_id)
    found = (
        select(
            MessageRecipient.message_id,
            MessageRecipient.address.label("recipient"),
            MessageRecipient.registered,
            MessageRecipient.first_opened.label("opened"),
            Message.sender,
            Message.sender_name,
            Message.subject,
            Message.level,
            Message.sent,
            Message.expires,
            Message.locked,
            Message.lock_reason,
            Profile.brand_name.label("organisation"),
        )
        .join(Message, Message.id == MessageRecipient.message_id)
        .join(Profile, Profile.id == Message.profile_id)
        .where(MessageRecipient.address == address)
        .order_by(MessageRecipient.registered.desc(), MessageRecipient.message_id.desc())
        .limit(limit)
    )
    if start is not None:
        found = found.where(place < start)
    return [InboxRow(**with_state(row, now=now)) for row in db.execute(found)]


def _note(db: Session, message: Message, event: str, *, now: datetime, **data: object) -> None:
    db.flush()
    audit.record(db, event, account_id=message.account_id, now=now, message=message.id, **data)


def _text(value: object) -> str:
    return b64u_encode(value) if isinstance(value, bytes) else str(value)
