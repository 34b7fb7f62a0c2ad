"""The statements of the hot path, put together once: to build one costs more than to run it.

Plain tables and named parameters, for `db.execute`; whoever runs them knows what they mean (openings.py).
"""

from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, or_, select, update
from sqlalchemy.sql.dml import ReturningInsert

from keyserver.db import insert_for
from keyserver.models import (
    Message,
    MessageRecipient,
    Opening,
    Person,
    PersonAddress,
    Profile,
    ProvenAddress,
    table,
)

opening, message, recipient = table(Opening), table(Message), table(MessageRecipient)
profile, person, own, further = table(Profile), table(Person), table(PersonAddress), table(ProvenAddress)

_LIFE = (message.c.locked, message.c.lock_reason, message.c.expires)

#: A message, with `address` None unless it is one of its recipients'.
MESSAGE = (
    select(
        message.c.possession_sha256,
        message.c.level,
        message.c.remember,
        message.c.receipt,
        *_LIFE,
        recipient.c.address,
    )
    .outerjoin(
        recipient,
        and_(recipient.c.message_id == message.c.id, recipient.c.address == bindparam("address")),
    )
    .where(message.c.id == bindparam("id"))
)

#: An opening and what decides about it; `entitled`: whether it is for an address of the person.
OPENING = (
    select(
        opening.c.id,
        opening.c.message_id,
        opening.c.address,
        opening.c.recipient,
        opening.c.public_key,
        opening.c.poll_sha256,
        opening.c.state,
        opening.c.source,
        opening.c.proven_by,
        opening.c.approval,
        opening.c.released,
        opening.c.expires.label("opening_expires"),
        message.c.level,
        message.c.mailed_code,
        message.c.receipt,
        message.c.kek_version,
        message.c.wrapped_share,
        message.c.account_id,
        *_LIFE,
        or_(
            exists().where(own.c.address == opening.c.address, own.c.person_id == bindparam("person_id")),
            exists().where(
                further.c.address == opening.c.address, further.c.person_id == bindparam("person_id")
            ),
        ).label("entitled"),
    )
    .join(message, message.c.id == opening.c.message_id)
    .where(opening.c.id == bindparam("id"))
)

#: An opening as its person sees it.
VIEW = (
    select(
        opening.c.id,
        opening.c.recipient,
        opening.c.public_key,
        opening.c.state,
        opening.c.released,
        opening.c.expires.label("opening_expires"),
        opening.c.proven_by,
        message.c.sender,
        message.c.sender_name,
        message.c.subject,
        message.c.sent,
        message.c.level,
        message.c.mailed_code,
        message.c.receipt,
        message.c.profile_id,
        *_LIFE,
        profile.c.brand_name,
        profile.c.logo_type,
    )
    .join(message, message.c.id == opening.c.message_id)
    .join(profile, profile.c.id == message.c.profile_id)
    .where(opening.c.id == bindparam("id"))
)

#: Who signs in with an address, if anybody: whether they may, and whether with a passphrase.
OWNER = (
    select(person.c.active, person.c.passphrase_hash)
    .join(own, own.c.person_id == person.c.id)
    .where(own.c.address == bindparam("address"))
)

#: How many openings of a message one source has asked for lately.
ASKED = select(func.count()).where(
    opening.c.message_id == bindparam("message_id"),
    opening.c.source == bindparam("source"),
    opening.c.asked > bindparam("since"),
)

#: Only one of two approvals at the same moment finds the opening waiting.
RELEASE = (
    update(opening)
    .where(opening.c.id == bindparam("opening_id"), opening.c.state == "waiting")
    .values(
        state="released",
        sealed=bindparam("sealed"),
        released=bindparam("now"),
        approval=bindparam("approval"),
    )
    .returning(opening.c.id)
)

#: Only one of two pages that ask at the same moment is handed the result.
FETCH = (
    update(opening)
    .where(opening.c.id == bindparam("opening_id"), opening.c.state == "released")
    .values(state="fetched")
    .returning(opening.c.sealed)
)

#: The recipient opened the message.
OPENED = (
    update(recipient)
    .where(recipient.c.message_id == bindparam("of_message"), recipient.c.address == bindparam("of_address"))
    .values(
        first_opened=func.coalesce(recipient.c.first_opened, bindparam("now")), last_opened=bindparam("now")
    )
)


@cache
def add(dialect: str) -> ReturningInsert[Any]:
    """A new opening, unless its id is known: then no row comes back."""
    return insert_for(dialect, Opening).on_conflict_do_nothing().returning(opening.c.id)
