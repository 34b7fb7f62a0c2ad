"""People: registering, signing in, passphrases, and what ends sessions."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from keyserver import audit, devices, people, throttle
from keyserver.errors import (
    AuthenticationError,
    InvalidFieldError,
    PassphraseTooWeakError,
    ThrottledError,
)
from keyserver.models import AuditEntry, Outbox, Person
from keyserver.passphrases import Passphrases
from tests.factories import PASSPHRASE, SOURCE, make_passphrases, make_person, make_settings


def sign_in(
    db: Session,
    *,
    now: datetime,
    address: str = "bob@b.example",
    passphrase: str = PASSPHRASE,
    source: str = SOURCE,
    browser: str | None = None,
) -> Person:
    return people.sign_in(
        db, address, passphrase, source=source, now=now, passphrases=make_passphrases(), browser=browser
    )


def refuse(db: Session, times: int, *, now: datetime, sources: str = SOURCE) -> None:
    for number in range(times):
        with pytest.raises(AuthenticationError):
            sign_in(db, passphrase="wrong", source=sources.format(number), now=now)


def test_registered_person_signs_in(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)

    assert sign_in(db, address=" BOB@b.example ", now=now) is bob
    assert people.addresses_of(db, bob) == ["bob@b.example"]
    assert db.scalar(select(func.count()).select_from(Outbox)) == 0


@pytest.mark.parametrize(
    ("address", "passphrase"),
    [("bob@b.example", "not his passphrase"), ("eve@b.example", PASSPHRASE), ("", ""), ("bob@b.example", "")],
)
def test_whatever_is_wrong_gets_one_answer(db: Session, now: datetime, address: str, passphrase: str) -> None:
    make_person(db, now=now)

    with pytest.raises(AuthenticationError) as refusal:
        sign_in(db, address=address, passphrase=passphrase, now=now)

    assert str(refusal.value) == ""


def test_person_without_passphrase_cannot_sign_in(db: Session, now: datetime) -> None:
    people.known_by(db, "bob@b.example", locale="de", now=now)

    with pytest.raises(AuthenticationError):
        sign_in(db, passphrase="", now=now)


def test_inactive_person_is_kept_out(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    people.set_active(db, bob, active=False, now=now)

    with pytest.raises(AuthenticationError):
        sign_in(db, now=now)
    with pytest.raises(AuthenticationError):
        make_person(db, now=now)

    people.set_active(db, bob, active=True, now=now)
    assert sign_in(db, now=now) is bob


def test_guessing_from_one_source_waits(db: Session, now: datetime) -> None:
    make_person(db, now=now)
    refuse(db, 10, now=now)

    with pytest.raises(ThrottledError):
        sign_in(db, now=now)


def test_guessing_from_many_sources_waits(db: Session, now: datetime) -> None:
    make_person(db, now=now)
    refuse(db, 10, sources="192.0.2.{}", now=now)

    with pytest.raises(ThrottledError):
        sign_in(db, source="198.51.100.1", now=now)


def test_guessing_does_not_keep_the_owner_out(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    for number in range(100):
        throttle.count(db, (throttle.SIGN_IN_ADDRESS, "bob@b.example"), now=now)
        throttle.count(db, (throttle.SIGN_IN_SOURCE, f"192.0.2.{number}"), now=now)

    assert sign_in(db, browser="a browser of his", now=now) is bob
    later = now + timedelta(minutes=1)
    assert sign_in(db, source="198.51.100.1", now=later) is bob


def test_known_browser_is_counted_by_itself(db: Session, now: datetime) -> None:
    make_person(db, now=now)
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            sign_in(db, passphrase="wrong", browser="shared", now=now)

    with pytest.raises(ThrottledError):
        sign_in(db, browser="shared", now=now)
    assert sign_in(db, browser="another", now=now)


def test_success_clears_the_persons_count_but_not_the_sources(db: Session, now: datetime) -> None:
    make_person(db, now=now)
    refuse(db, 9, now=now)
    sign_in(db, now=now)

    throttle.check(db, (throttle.SIGN_IN_ADDRESS, "bob@b.example"), now=now)
    refuse(db, 9, now=now)


def test_hash_is_renewed_when_settings_grow(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    before = bob.passphrase_hash
    stronger = Passphrases(make_settings("sqlite://", passphrase_time_cost=2))

    people.sign_in(db, "bob@b.example", PASSPHRASE, source=SOURCE, now=now, passphrases=stronger)

    assert bob.passphrase_hash != before
    assert "t=2" in str(bob.passphrase_hash)
    assert sign_in(db, now=now) is bob


def test_new_passphrase_by_code_ends_sessions_and_tells_the_owner(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    epoch = bob.epoch
    cookie = devices.remember(db, bob, label="Firefox", lifetime=timedelta(days=1), now=now)

    assert make_person(db, passphrase="nine yellow bicycles sing", now=now) is bob

    assert bob.epoch == epoch + 1
    assert devices.person_by(db, cookie, now=now) is None
    assert [mail.name for mail in db.scalars(select(Outbox))] == ["passphrase_changed"]
    with pytest.raises(AuthenticationError):
        sign_in(db, now=now)


def change(db: Session, bob: Person, *, now: datetime, current: str = PASSPHRASE, new: str) -> None:
    people.change_passphrase(
        db, bob, current=current, new=new, source=SOURCE, now=now, passphrases=make_passphrases()
    )


def test_changed_passphrase_replaces_the_old(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    epoch = bob.epoch

    change(db, bob, new="nine yellow bicycles sing", now=now)

    assert sign_in(db, passphrase="nine yellow bicycles sing", now=now) is bob
    assert bob.epoch == epoch + 1
    mail = db.scalars(select(Outbox)).one()
    assert mail.context == {"name": "Robert Baker", "when": now.isoformat()}


def test_change_needs_the_present_passphrase(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            change(db, bob, current="wrong", new="nine yellow bicycles sing", now=now)

    with pytest.raises(ThrottledError):
        change(db, bob, new="nine yellow bicycles sing", now=now)


def test_weak_new_passphrase_is_refused(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)

    with pytest.raises(PassphraseTooWeakError):
        change(db, bob, new="robert-baker", now=now)


@pytest.mark.parametrize(
    ("first_name", "last_name", "locale", "field"),
    [
        ("", "Baker", "en", "first_name"),
        ("Robert", "x" * 101, "en", "last_name"),
        ("Rob\0", "Baker", "en", "first_name"),
        ("Robert", "Baker", "tlh", "locale"),
    ],
)
def test_bad_profile_is_refused(
    db: Session, now: datetime, first_name: str, last_name: str, locale: str, field: str
) -> None:
    bob = make_person(db, now=now)

    with pytest.raises(InvalidFieldError) as refusal:
        people.update_profile(db, bob, first_name=first_name, last_name=last_name, locale=locale, now=now)

    assert refusal.value.field == field


def test_what_happened_is_in_the_trail(db: Session, now: datetime) -> None:
    make_person(db, now=now)
    refuse(db, 1, now=now)
    sign_in(db, now=now)

    events = list(db.scalars(select(AuditEntry.event).order_by(AuditEntry.number)))
    texts = " ".join(db.scalars(select(AuditEntry.data)))

    assert events == [
        "person registered",
        "profile changed",
        "passphrase set",
        "sign-in refused",
        "signed in",
    ]
    assert PASSPHRASE not in texts
    assert [verdict.broken_at for verdict in audit.verify(db)] == [None]
