"""The keyring: wrapping, versions, rotation."""

from datetime import datetime
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlalchemy.orm import Session

from keyserver import keyring
from keyserver.errors import KekMissingError
from keyserver.keyring import Keyring
from keyserver.models import Message
from tests.factories import make_account, make_message

OLD, NEW = bytes(range(32)), bytes([9]) * 32


def test_share_is_unwrapped_for_its_own_message_only() -> None:
    ring, message_id = Keyring({1: OLD}), uuid4()
    version, wrapped = ring.wrap(b"s" * 32, message_id)

    assert ring.unwrap(wrapped, message_id, version=version) == b"s" * 32
    with pytest.raises(InvalidTag):
        ring.unwrap(wrapped, uuid4(), version=version)


def test_highest_version_wraps() -> None:
    assert Keyring({2: NEW, 1: OLD}).wrap(b"s" * 32, uuid4())[0] == 2


def test_missing_version_is_named() -> None:
    with pytest.raises(KekMissingError) as refusal:
        Keyring({2: NEW}).unwrap(bytes(60), uuid4(), version=1)

    assert refusal.value.version == 1


def test_keys_are_not_shown() -> None:
    assert repr(Keyring({1: OLD, 3: NEW})) == "Keyring(versions [1, 3])"


def test_rotation_goes_on_where_it_stopped(db: Session, now: datetime) -> None:
    account = make_account(db, now=now)
    shares = {
        sealed.id: sealed.key_share for sealed in (make_message(db, account, now=now) for _ in range(5))
    }
    ring = Keyring({1: OLD, 2: NEW})

    after, moved = keyring.rewrap(db, ring, after=None, limit=2)
    assert moved == 2
    assert keyring.shares_by_version(db) == {1: 3, 2: 2}
    steps = []
    while after is not None:
        after, moved = keyring.rewrap(db, ring, after=after, limit=2)
        steps.append(moved)

    assert steps == [2, 1]
    assert keyring.shares_by_version(db) == {2: 5}
    alone = Keyring({2: NEW})
    for row in db.execute(select(Message.id, Message.wrapped_share)):
        assert alone.unwrap(row.wrapped_share, row.id, version=2) == shares[row.id]


def test_rotation_without_the_old_key_is_refused(db: Session, now: datetime) -> None:
    make_message(db, make_account(db, now=now), now=now)

    with pytest.raises(KekMissingError):
        keyring.rewrap(db, Keyring({2: NEW}), after=None)
