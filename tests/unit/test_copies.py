"""Which copies there are, whatever happens between their two transactions."""

import os
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from envelope.format import HEADER_SIZE, PRELUDE_SIZE, TAG_SIZE, Header
from envelope.options import Algorithm
from keyserver import copies, messages
from keyserver.copy_store import CopyStore
from keyserver.errors import CopyMissingError, InvalidFieldError
from keyserver.models import ForwardedLink, Message, StoredCopy
from tests.factories import make_account, make_message

POLICY = b'{"level":"medium"}'


@pytest.fixture
def message(db: Session, now: datetime) -> Message:
    digest = sha256(POLICY).digest()
    sealed = make_message(
        db, make_account(db, now=now), now=now, policy_sha256=digest, expires_after=timedelta(days=1)
    )
    return messages.get(db, sealed.id)


def stored(message: Message) -> bytes:
    header = Header(
        algorithm=Algorithm.AES_256, message_id=message.id, policy_digest=message.policy_sha256
    ).pack()
    return POLICY + b"\n" + header + os.urandom(PRELUDE_SIZE - HEADER_SIZE + 1000 + TAG_SIZE)


def is_there(db: Session, copy_id: UUID, now: datetime) -> bool:
    try:
        copies.find(db, copy_id, now=now)
    except CopyMissingError:
        return False
    return True


@pytest.mark.parametrize("size", [1, 7, 64, 200, 10_000])
def test_copy_passes_in_whatever_pieces(message: Message, size: int) -> None:
    whole = stored(message)
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]

    assert b"".join(copies.checked(pieces, message)) == whole


def test_nothing_of_a_bad_copy_passes_before_its_header_is_known(message: Message) -> None:
    whole = bytearray(stored(message))
    whole[len(POLICY) + 1 + 20] ^= 1  # in the message's id
    passed = copies.checked([bytes(whole)], message)

    with pytest.raises(InvalidFieldError):
        next(passed)


def test_copy_is_there_when_it_is_finished(db: Session, now: datetime, message: Message) -> None:
    copy_id = copies.begin(db, message.id, lifetime=None, now=now)
    before = is_there(db, copy_id, now)
    copies.finish(db, copy_id, size=100)
    db.expire_all()

    assert copy_id == message.id
    assert (before, is_there(db, copy_id, now)) == (False, True)


def test_copy_that_is_written_again_stays_meanwhile(db: Session, now: datetime, message: Message) -> None:
    copy_id = copies.begin(db, message.id, lifetime=None, now=now)
    copies.finish(db, copy_id, size=100)

    assert copies.begin(db, message.id, lifetime=None, now=now) == copy_id

    assert is_there(db, copy_id, now)


def test_posted_copies_are_each_their_own_and_last_minutes(
    db: Session, now: datetime, message: Message
) -> None:
    first, second = (copies.begin(db, message.id, lifetime=copies.POSTED_LIFETIME, now=now) for _ in range(2))
    copies.finish(db, first, size=100)

    assert len({message.id, first, second}) == 3
    assert is_there(db, first, now + copies.POSTED_LIFETIME - timedelta(seconds=1))
    assert not is_there(db, first, now + copies.POSTED_LIFETIME)


def test_condemned_copy_is_gone_at_once_and_can_come_back(
    db: Session, now: datetime, message: Message
) -> None:
    copy_id = copies.begin(db, message.id, lifetime=None, now=now)
    copies.finish(db, copy_id, size=100)
    late = now + timedelta(days=9)

    condemned = copies.condemn(db, now=late)
    db.expire_all()
    gone = is_there(db, copy_id, late)
    copies.begin(db, message.id, lifetime=None, now=late)
    copies.finish(db, copy_id, size=100)
    db.expire_all()

    assert list(condemned) == [copy_id]
    assert not gone
    assert is_there(db, copy_id, late)


def test_what_could_not_be_deleted_is_condemned_again(db: Session, now: datetime, message: Message) -> None:
    copy_id = copies.begin(db, message.id, lifetime=copies.POSTED_LIFETIME, now=now)
    late = now + timedelta(hours=1)

    condemned = [list(copies.condemn(db, now=late + timedelta(minutes=minutes))) for minutes in (0, 1)]

    assert condemned == [[copy_id]] * 2
    assert copies.forget(db, [copy_id]) == 1
    assert list(copies.condemn(db, now=late)) == []


def test_links_go_with_their_copy(db: Session, now: datetime, message: Message, tmp_path: Path) -> None:
    store, folder = CopyStore((tmp_path / "copies").as_uri()), tmp_path / "copies"
    copy_id = copies.begin(db, message.id, lifetime=copies.POSTED_LIFETIME, now=now)
    store.write(copy_id, [stored(message)])
    link = ForwardedLink(
        id=uuid4(), copy_id=copy_id, address="bob@b.example", created=now, expires=now,
        secret_sha256=bytes(32), sealed_secret=bytes(60),
    )  # fmt: skip
    db.add(link)
    db.flush()

    copies.discard(db, store, copy_id)

    assert db.scalars(select(ForwardedLink.id)).all() == []
    assert db.scalars(select(StoredCopy.id)).all() == []
    assert list(folder.iterdir()) == []
