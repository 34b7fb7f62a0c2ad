"""Messages: registration, life, inbox."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from keyserver import messages
from keyserver.errors import (
    ConflictError,
    MessageExpiredError,
    MessageLockedError,
    NotFoundError,
    SenderNotAllowedError,
    UnknownProfileError,
)
from keyserver.messages import Registered, Registration
from keyserver.models import Account, Message
from tests.factories import make_account, make_keyring, make_message, make_registration

HOUR = timedelta(hours=1)


@pytest.fixture
def account(db: Session, now: datetime) -> Account:
    return make_account(db, now=now)


def register(db: Session, account: Account, registration: Registration, *, now: datetime) -> Registered:
    return messages.register(db, account, registration, now=now, keyring=make_keyring())


def test_registered_share_is_kept_wrapped(db: Session, account: Account, now: datetime) -> None:
    """S5, S9: the message's key is on the key server, and nobody reads it from the database."""
    sealed = make_registration()

    assert register(db, account, sealed.registration, now=now) == Registered(None, new=True)

    stored = db.get_one(Message, sealed.id)
    assert sealed.key_share not in stored.wrapped_share
    unwrapped = make_keyring().unwrap(stored.wrapped_share, sealed.id, version=stored.kek_version)
    assert unwrapped == sealed.key_share


def test_same_registration_again_changes_nothing(db: Session, account: Account, now: datetime) -> None:
    registration = make_registration(expires_after=HOUR).registration
    register(db, account, registration, now=now)

    again = register(db, account, registration, now=now + HOUR / 2)

    assert again == Registered(now + HOUR, new=False)


@pytest.mark.parametrize(
    "change",
    [
        {"key_share": bytes(32)},
        {"possession_sha256": bytes(32)},
        {"sender": "eve@a.example"},
        {"subject": None},
        {"expires_after": HOUR},
        {"recipients": {"bob@b.example": False}},
        {"recipients": {"bob@b.example": True, "eve@e.example": True}},
    ],
)
def test_other_values_under_a_known_id_conflict(
    db: Session, account: Account, now: datetime, change: dict[str, object]
) -> None:
    registration = make_registration().registration
    register(db, account, registration, now=now)

    with pytest.raises(ConflictError):
        register(db, account, replace(registration, **change), now=now)  # type: ignore[arg-type]  # by name


def test_id_of_another_account_conflicts(db: Session, account: Account, now: datetime) -> None:
    other = make_account(db, name="Bank B", domains=("b.example",), now=now)
    registration = replace(make_registration().registration, sender="ada@b.example")
    register(db, other, registration, now=now)

    with pytest.raises(ConflictError):
        register(db, account, replace(registration, sender="ada@a.example"), now=now)


@pytest.mark.parametrize("sender", ["ada@b.example", "ada@sub.a.example", "ada@a.example.b.example"])
def test_sender_of_another_domain_is_refused(
    db: Session, account: Account, now: datetime, sender: str
) -> None:
    with pytest.raises(SenderNotAllowedError):
        register(db, account, replace(make_registration().registration, sender=sender), now=now)


def test_unknown_profile_is_refused(db: Session, account: Account, now: datetime) -> None:
    with pytest.raises(UnknownProfileError):
        register(db, account, replace(make_registration().registration, profile="gold"), now=now)


def test_expiry_counts_from_registration(db: Session, account: Account, now: datetime) -> None:
    """S122, S123; D8: the key server's clock decides."""
    sealed = make_message(db, account, now=now, expires_after=24 * HOUR)
    stored = messages.get(db, sealed.id)

    messages.require_open(stored, now=now + 24 * HOUR - timedelta(seconds=1))
    with pytest.raises(MessageExpiredError) as refusal:
        messages.require_open(stored, now=now + 24 * HOUR)

    assert refusal.value.expired_at == now + 24 * HOUR


def test_message_without_expiry_stays_open(db: Session, account: Account, now: datetime) -> None:
    """S120: no expiry by default."""
    stored = messages.get(db, make_message(db, account, now=now).id)

    assert messages.state_of(stored, now=now + timedelta(days=3650)) == "open"


def test_locked_message_says_the_senders_reason(db: Session, account: Account, now: datetime) -> None:
    sealed = make_message(db, account, now=now)
    messages.lock(db, sealed.id, actor="ada", reason="Wrong figures", now=now)

    with pytest.raises(MessageLockedError) as refusal:
        messages.require_open(messages.get(db, sealed.id), now=now)
    messages.unlock(db, sealed.id, actor="ada", now=now)
    messages.require_open(messages.get(db, sealed.id), now=now)

    assert refusal.value.reason == "Wrong figures"


def test_expiry_is_changed_and_removed(db: Session, account: Account, now: datetime) -> None:
    """S124: the sender sets, changes or removes the expiry after sending."""
    stored = messages.get(db, make_message(db, account, now=now, expires_after=HOUR).id)
    later = now + 2 * HOUR

    states = [messages.state_of(stored, now=later)]
    for expires in (now + 3 * HOUR, now, None):
        messages.set_expiry(db, stored.id, expires=expires, actor="ada", now=now)
        states.append(messages.state_of(stored, now=later))

    assert states == ["expired", "open", "expired", "open"]


def test_unknown_message_is_not_found(db: Session, now: datetime) -> None:
    with pytest.raises(NotFoundError):
        messages.lock(db, uuid4(), actor="ada", reason=None, now=now)


def test_inbox_lists_what_was_sent_newest_first(db: Session, account: Account, now: datetime) -> None:
    sent = [make_message(db, account, now=now + number * HOUR).id for number in range(3)]
    make_message(db, account, "eve@e.example", now=now)

    rows = messages.received_by(db, ["bob@b.example"], now=now)

    assert [row.message_id for row in rows] == sent[::-1]
    assert rows[0].sender_name == "Ada"
    assert rows[0].organisation == "Bank A"
    assert rows[0].opened is None


def test_inbox_says_the_state(db: Session, account: Account, now: datetime) -> None:
    make_message(db, account, now=now, expires_after=HOUR)
    locked = make_message(db, account, now=now + HOUR)
    messages.lock(db, locked.id, actor="ada", reason=None, now=now)
    make_message(db, account, now=now + 2 * HOUR)

    rows = messages.received_by(db, ["bob@b.example"], now=now + 2 * HOUR)

    assert [row.state for row in rows] == ["open", "locked", "expired"]


def test_inbox_pages_meet_without_gap_or_overlap(db: Session, account: Account, now: datetime) -> None:
    addresses = ["bob@b.example", "bob@work.example"]
    for number in range(10):
        make_message(db, account, addresses[number % 2], now=now + (number // 4) * HOUR)

    whole = messages.received_by(db, addresses, now=now)
    pages, after = [], None
    while page := messages.received_by(db, addresses, now=now, after=after, limit=3):
        pages += page
        after = page[-1].cursor

    assert pages == whole
    assert len({row.message_id for row in whole}) == 10


@pytest.mark.parametrize("cursor", ["x", "2026-11-23T18:00:00~x", "~", "2026-11-23~" + "0" * 32])
def test_bad_cursor_is_not_found(db: Session, now: datetime, cursor: str) -> None:
    with pytest.raises(NotFoundError):
        messages.received_by(db, ["bob@b.example"], now=now, after=cursor)


def test_nobody_receives_nothing(db: Session, now: datetime) -> None:
    assert messages.received_by(db, [], now=now) == []


def test_secrets_are_not_shown() -> None:
    sealed = make_registration()

    assert repr(sealed.key_share) not in repr(sealed.registration)
