"""Which envelopes lie in the copy store, whose they are and how long; opens none.

An object is `policy LF payload`: the canonical policy, which is one line of ASCII, and what it is bound to
(FORMAT.md section 8). Storing takes two transactions, one before and one after the bytes: no writer waits for
a slow client, and what a crash leaves half-done has a row by which it is found and dropped. Dropping takes
two as well, since a bucket may be slow.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from envelope.errors import EnvelopeError
from envelope.format import HEADER_SIZE, MAX_PAYLOAD_SIZE, Header, cleartext_size
from envelope.ids import uuid7
from keyserver import openings, throttle
from keyserver.copy_store import CopyStore
from keyserver.db import insert_into, rows_changed
from keyserver.errors import CopyMissingError, InvalidFieldError, TooLargeError
from keyserver.models import ForwardedLink, Message, StoredCopy

#: Of the policy's line: what a registration's thousand recipients may take.
MAX_POLICY_SIZE = 1024 * 1024
MAX_SIZE = MAX_POLICY_SIZE + 1 + MAX_PAYLOAD_SIZE
#: How long a posted envelope waits for its person.
POSTED_LIFETIME = timedelta(minutes=30)
#: How long a message's own copy outlives its expiry: the sender may still move that date.
GRACE = timedelta(days=7)
#: Longer than any client may take to send one.
WRITING = timedelta(hours=1)


def checked(chunks: Iterable[bytes], message: Message) -> Iterator[bytes]:
    """The same chunks, looked at as they pass: they must be what was registered as `message`.

    The header binds all that follows it, and so does the policy's digest within it; whether a segment was
    altered only its reader can tell. Raises InvalidFieldError, at the end at the latest, TooLargeError.
    """
    start, size, prelude = bytearray(), 0, 0
    header: Header | None = None
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_SIZE:
            raise TooLargeError(MAX_SIZE)
        if header is None:
            start += chunk
            prelude = start.find(b"\n", 0, MAX_POLICY_SIZE + 1) + 1
            if not prelude and len(start) > MAX_POLICY_SIZE:
                _refuse("a policy in one line")
            if prelude and len(start) >= prelude + HEADER_SIZE:
                header = _header(start, prelude, message)
                yield bytes(start)
            continue
        yield chunk
    if header is None:
        _refuse("a policy, a line feed and a payload")
    try:
        cleartext_size(size - prelude, header.segment_size)
    except EnvelopeError as fault:
        _refuse(str(fault))


def begin(db: Session, message_id: UUID, *, lifetime: timedelta | None, now: datetime) -> UUID:
    """Note that a copy is about to be written; returns the id to write it under. Commit before writing.

    Without a `lifetime` it is the message's own, of which there is one: the same again replaces it, and the
    one that is there stays until then.
    """
    copy_id = message_id if lifetime is None else uuid7()
    expires = None if lifetime is None else now + lifetime
    added = insert_into(db, StoredCopy).values(
        id=copy_id, message_id=message_id, size=None, stored=now, expires=expires
    )
    again = {"stored": now, "expires": expires}
    db.execute(added.on_conflict_do_update(index_elements=["id"], set_=again))
    return copy_id


def finish(db: Session, copy_id: UUID, *, size: int) -> None:
    """It is written: from now on it is there."""
    db.execute(update(StoredCopy).where(StoredCopy.id == copy_id).values(size=size))


def discard(db: Session, store: CopyStore, copy_id: UUID) -> None:
    """Drop a copy, written or not. Call in a transaction that has not begun: the store may be slow."""
    store.delete(copy_id)
    forget(db, [copy_id])


def find(db: Session, copy_id: UUID, *, now: datetime) -> StoredCopy:
    """A copy that is there and still meant to be. Raises CopyMissingError."""
    found = db.get(StoredCopy, copy_id)
    if found is None or found.size is None or (found.expires is not None and found.expires <= now):
        raise CopyMissingError
    return found


def hand_out(
    db: Session, message_id: UUID, recipient: str, possession_proof: bytes, *, source: str, now: datetime
) -> UUID:
    """The id of a message's own copy, for whoever shows to hold its envelope, while it is open.

    Raises what `openings.entitled_message` raises, CopyMissingError, ThrottledError.
    """
    openings.entitled_message(db, message_id, recipient, possession_proof, now=now)
    copy = find(db, message_id, now=now)
    counted = (throttle.COPY, f"{source} {message_id}")
    throttle.check(db, counted, now=now)
    throttle.count(db, counted, now=now)
    return copy.id


def condemn(db: Session, *, now: datetime, limit: int = 500) -> Sequence[UUID]:
    """Copies whose time is over, those of messages that expired and those never finished: no longer found.

    Commit, delete them from the store, then `forget` them; what could not be deleted is condemned again.
    """
    over = (
        select(StoredCopy.id)
        .join(Message, Message.id == StoredCopy.message_id)
        .where(_is_over(now))
        .limit(limit)
    )
    return db.scalars(
        update(StoredCopy)
        .where(StoredCopy.id.in_(over))
        .values(size=None, expires=now)
        .returning(StoredCopy.id)
        .execution_options(synchronize_session=False)
    ).all()


def forget(db: Session, ids: Sequence[UUID]) -> int:
    """Drop the rows of copies that are no longer in the store; returns how many."""
    db.execute(delete(ForwardedLink).where(ForwardedLink.copy_id.in_(ids)))
    return rows_changed(db, delete(StoredCopy).where(StoredCopy.id.in_(ids)))


def _header(start: bytearray, prelude: int, message: Message) -> Header:
    if not hmac.compare_digest(sha256(start[: prelude - 1]).digest(), message.policy_sha256):
        _refuse("the policy that was registered")
    try:
        header = Header.parse(start[prelude:])
    except EnvelopeError as fault:
        _refuse(str(fault))
    if (header.message_id, header.policy_digest) != (message.id, message.policy_sha256):
        _refuse("the payload of this message")
    return header


def _refuse(expected: str) -> NoReturn:
    raise InvalidFieldError("copy", expected)


def _is_over(now: datetime) -> ColumnElement[bool]:
    return or_(
        StoredCopy.expires <= now,
        and_(StoredCopy.size.is_(None), StoredCopy.stored <= now - WRITING),
        and_(StoredCopy.expires.is_(None), Message.expires <= now - GRACE),
    )
