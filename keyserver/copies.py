"""Which envelopes lie in the copy store, whose they are and how long; opens none.

An object is `policy LF payload`: the canonical policy, which is one line of ASCII, and what it is bound to
(FORMAT.md section 8). Storing takes two transactions, one before and one after the bytes: no writer waits for
a slow client, and what a crash leaves half-done has a row by which it is found and dropped.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver.copy_store import CopyStore
from keyserver.db import insert_into, rows_changed
from keyserver.errors import CopyMissingError
from keyserver.models import ForwardedLink, Message, StoredCopy

#: How long a posted envelope waits for its person.
POSTED_LIFETIME = timedelta(minutes=30)
#: How long a message's own copy outlives its expiry: the sender may still move that date.
GRACE = timedelta(days=7)
#: Longer than any client may take to send one.
WRITING = timedelta(hours=1)


def begin(db: Session, message_id: UUID, *, lifetime: timedelta | None, now: datetime) -> UUID:
    """Note that a copy is about to be written; returns the id to write it under. Commit before writing.

    Without a `lifetime` it is the message's own, of which there is one: the same again replaces it.
    """
    copy_id = message_id if lifetime is None else uuid7()
    expires = None if lifetime is None else now + lifetime
    values = {"message_id": message_id, "size": None, "stored": now, "expires": expires}
    added = insert_into(db, StoredCopy).values(id=copy_id, **values)
    db.execute(added.on_conflict_do_update(index_elements=["id"], set_=values))
    return copy_id


def finish(db: Session, copy_id: UUID, *, size: int) -> None:
    """It is written: from now on it is there."""
    db.execute(update(StoredCopy).where(StoredCopy.id == copy_id).values(size=size))


def discard(db: Session, store: CopyStore, copy_id: UUID) -> None:
    """Drop a copy, written or not."""
    store.delete(copy_id)
    db.execute(delete(ForwardedLink).where(ForwardedLink.copy_id == copy_id))
    db.execute(delete(StoredCopy).where(StoredCopy.id == copy_id))


def find(db: Session, copy_id: UUID, *, now: datetime) -> StoredCopy:
    """A copy that is there and still meant to be. Raises CopyMissingError."""
    found = db.get(StoredCopy, copy_id)
    if found is None or found.size is None or (found.expires is not None and found.expires <= now):
        raise CopyMissingError
    return found


def purge(db: Session, *, store: CopyStore, now: datetime, limit: int = 100) -> int:
    """Drop copies whose time is over, those of messages that expired and those never finished."""
    ids = db.scalars(
        select(StoredCopy.id)
        .join(Message, Message.id == StoredCopy.message_id)
        .where(_is_over(now))
        .limit(limit)
    ).all()
    for copy_id in ids:
        store.delete(copy_id)
    db.execute(delete(ForwardedLink).where(ForwardedLink.copy_id.in_(ids)))
    return rows_changed(db, delete(StoredCopy).where(StoredCopy.id.in_(ids)))


def _is_over(now: datetime) -> ColumnElement[bool]:
    return or_(
        StoredCopy.expires <= now,
        and_(StoredCopy.size.is_(None), StoredCopy.stored <= now - WRITING),
        and_(StoredCopy.expires.is_(None), Message.expires <= now - GRACE),
    )
