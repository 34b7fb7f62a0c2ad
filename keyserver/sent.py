"""What senders see of messages that they sent: who opened which and when; Bcc recipients are theirs to see.

Only ever for the addresses of whoever asks: others get the answer of a message that is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Function, ScalarSelect, case, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session

from keyserver.errors import NotFoundError
from keyserver.mailboxes import domain_of
from keyserver.messages import State, cursor, get, newest, position, recipients_of, state_of, with_state
from keyserver.models import AccountDomain, Message, MessageRecipient

_VISIBLE = case((MessageRecipient.visible, MessageRecipient.address))
_FIRST = func.coalesce(func.min(_VISIBLE), func.min(MessageRecipient.address))


@dataclass(frozen=True, kw_only=True)
class SentRow:
    """One message as the list of those sent has it; `cursor` is where the page after it begins."""

    message_id: UUID
    sender: str
    subject: str | None
    sent: datetime
    registered: datetime
    expires: datetime | None
    state: State
    #: The first recipient by address, of those that all see if there are any; how many there are, and how
    #: many of them opened it.
    recipient: str
    recipients: int
    opened: int

    @property
    def cursor(self) -> str:
        """Opaque to callers; for `after`."""
        return cursor(self.registered, self.message_id)


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """One message as its sender sees it."""

    message: Message
    state: State
    recipients: Sequence[MessageRecipient]


def sent_by(
    db: Session, addresses: Sequence[str], *, now: datetime, after: str | None = None, limit: int = 25
) -> list[SentRow]:
    """Messages sent from any of these addresses, newest first. Raises NotFoundError if `after` is no cursor.

    Each address is read in the order of its index, so that a page costs the same however many came before.
    """
    start = position(after) if after else None
    return newest((_page(db, address, start=start, limit=limit, now=now) for address in addresses), limit)


def sent(db: Session, addresses: Sequence[str], message_id: UUID, *, now: datetime) -> SentMessage:
    """A message that was sent from one of these addresses. Raises NotFoundError."""
    message = get(db, message_id)
    if message.sender not in addresses:
        raise NotFoundError
    return SentMessage(
        message=message, state=state_of(message, now=now), recipients=recipients_of(db, message_id)
    )


def is_sender(db: Session, addresses: Sequence[str]) -> bool:
    """Whether messages were sent from one of these addresses, or could be: an account has its domain."""
    domains = {domain_of(address) for address in addresses}
    wrote = exists().where(Message.sender.in_(addresses))
    could = exists().where(AccountDomain.domain.in_(domains))
    return bool(db.scalar(select(or_(could, wrote))))


def _page(
    db: Session, address: str, *, start: tuple[datetime, UUID] | None, limit: int, now: datetime
) -> list[SentRow]:
    place = tuple_(Message.registered, Message.id)
    found = (
        select(
            Message.id.label("message_id"),
            Message.sender,
            Message.subject,
            Message.sent,
            Message.registered,
            Message.expires,
            Message.locked,
            Message.lock_reason,
            _of_recipients(_FIRST).label("recipient"),
            _of_recipients(func.count()).label("recipients"),
            _of_recipients(func.count(MessageRecipient.first_opened)).label("opened"),
        )
        .where(Message.sender == address)
        .order_by(Message.registered.desc(), Message.id.desc())
        .limit(limit)
    )
    if start is not None:
        found = found.where(place < start)
    return [SentRow(**with_state(row, now=now)) for row in db.execute(found)]


def _of_recipients(count: Function[Any]) -> ScalarSelect[Any]:
    of_message = MessageRecipient.message_id == Message.id
    return select(count).select_from(MessageRecipient).where(of_message).scalar_subquery()
