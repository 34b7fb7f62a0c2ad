"""Tells the sender, once for each recipient, that a message was opened (S54); sends nothing itself.

Only an opening brings a receipt about, and only a person's press releases one: no robot does, except at
level none, where nobody shows who they are. The receipt then says exactly that.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from envelope.addresses import typed
from keyserver import outbox
from keyserver.db import execute
from keyserver.models import Message, MessageRecipient, Person, PersonAddress, Profile, table

#: The mail's name in the outbox.
NAME = "receipt"

_message, _recipient, _profile = table(Message), table(MessageRecipient), table(Profile)
_person, _address = table(Person), table(PersonAddress)
#: What the receipt says, if this very opening is the recipient's first; in the sender's own language if they
#: are somebody here, else in the profile's.
_FIRST = (
    select(
        _message.c.sender,
        _message.c.subject,
        _message.c.sent,
        func.coalesce(_person.c.locale, _profile.c.locale).label("locale"),
    )
    .join(_recipient, _recipient.c.message_id == _message.c.id)
    .join(_profile, _profile.c.id == _message.c.profile_id)
    .outerjoin(_address, _address.c.address == _message.c.sender)
    .outerjoin(_person, _person.c.id == _address.c.person_id)
    .where(
        _message.c.id == bindparam("message_id"),
        _message.c.receipt,
        _recipient.c.address == bindparam("address"),
        _recipient.c.first_opened == bindparam("now"),
    )
)


def opened(db: Session, message_id: UUID, address: str, *, proven: bool, now: datetime) -> None:
    """Queue the receipt if the sender wants one and this is the first opening. Call when that is noted.

    `proven`: whether somebody showed that the address is theirs.
    """
    found = execute(db, _FIRST, message_id=message_id, address=address, now=now).first()
    if found is None:
        return
    context = {
        "recipient": address,
        "proven": proven,
        "subject": found.subject,
        "sent": found.sent.isoformat(),
        "when": now.isoformat(),
    }
    outbox.put(db, to=found.sender, name=NAME, locale=found.locale, context=context, now=now)


def notification(context: dict[str, Any], *, host: str) -> dict[str, str]:
    """What programs read of a receipt (RFC 8098 section 3.2); the Message-ID is nothing that we know.

    The person opened the message by hand, unless nobody had to show that it was a person. That a receipt is
    sent was the sender's wish, not this reader's: it goes automatically.
    """
    recipient = typed(context["recipient"])
    action = "manual-action" if context["proven"] else "automatic-action"
    return {
        "Reporting-UA": f"{host}; Sealpost",
        "Original-Recipient": recipient,
        "Final-Recipient": recipient,
        "Disposition": f"{action}/MDN-sent-automatically; displayed",
    }
