"""People: registering, signing in, passphrases, and what ends sessions."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from keyserver import audit, devices, people, throttle
from keyserver.db import Database
from keyserver.errors import (
    AuthenticationError,
    CodeSpentError,
    InvalidFieldError,
    NotFoundError,
    PassphraseTooWeakError,
    PersonInactiveError,
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
    with pytest.raises(PersonInactiveError):
        make_person(db, now=now)

    people.set_active(db, bob, active=True, now=now)
    assert sign_in(db, now=now) is bob


def test_person_has_own_and_further_addresses(db: Session, now: datetime) -> None:
    bob, ann = make_person(db, now=now), make_person(db, "ann@b.example", now=now)
    for person in (bob, bob, ann):
        people.prove_address(db, person, "Team@B.example", now=now)
    people.prove_address(db, bob, "bob@b.example", now=now)

    assert people.addresses_of(db, bob) == ["bob@b.example", "team@b.example"]
    assert people.further_addresses(db, bob) == ["team@b.example"]
    assert people.owns(db, bob, "bob@b.example")
    assert people.owns(db, bob, " TEAM@b.example ")
    assert not people.owns(db, bob, "ann@b.example")
    assert people.person_of(db, "team@b.example") is None


def test_dropped_address_is_one_persons_no_more(db: Session, now: datetime) -> None:
    bob, ann = make_person(db, now=now), make_person(db, "ann@b.example", now=now)
    for person in (bob, ann):
        people.prove_address(db, person, "team@b.example", now=now)

    people.drop_address(db, bob, "team@b.example", now=now)

    assert not people.owns(db, bob, "team@b.example")
    assert people.owns(db, ann, "team@b.example")
    for address in ("team@b.example", "bob@b.example", "ann@b.example"):
        with pytest.raises(NotFoundError):
            people.drop_address(db, bob, address, now=now)


def test_further_address_has_an_owner_of_its_own_when_somebody_registers_it(
    db: Session, now: datetime
) -> None:
    """Else who shares a mailbox could take over the person."""
    bob = make_person(db, now=now)
    people.prove_address(db, bob, "team@b.example", now=now)
    before = (bob.passphrase_hash, bob.epoch)

    other = make_person(db, "team@b.example", now=now, passphrase="nine yellow bicycles sing")

    assert other is not bob
    assert (bob.passphrase_hash, bob.epoch) == before
    assert people.owns(db, bob, "team@b.example")


class Together(Passphrases):
    """Hashes when as many are at it as there are parties."""

    def __init__(self, parties: int) -> None:
        super().__init__(make_settings("sqlite://"))
        self._barrier = Barrier(parties)

    def hash(self, passphrase: str) -> str:
        self._barrier.wait(timeout=30)
        return super().hash(passphrase)


@pytest.mark.parametrize("registered", [False, True])
def test_of_two_who_set_a_passphrase_in_one_instant_one_is_refused(
    database: Database, now: datetime, registered: bool
) -> None:
    """Both have proven the address; the second would otherwise replace what the first has just chosen."""
    if registered:
        with database.writing() as db:
            make_person(db, now=now)
    wanted, together = ["nine yellow bicycles sing", "two purple ladders dance"], Together(2)

    def set_up(passphrase: str) -> str:
        names = {"first_name": "Robert", "last_name": "Baker", "locale": "en"}
        try:
            with database.writing() as db:
                people.set_up(
                    db, address="bob@b.example", **names, passphrase=passphrase, now=now, passphrases=together
                )
        except CodeSpentError as refusal:
            return refusal.code
        return passphrase

    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(set_up, wanted))

    assert outcomes.count("code-spent") == 1
    (chosen,) = {*outcomes} - {"code-spent"}
    with database.writing() as db:
        assert sign_in(db, passphrase=chosen, now=now)
        assert len(db.scalars(select(Person)).all()) == 1


def test_address_registered_in_the_same_instant_is_one_persons(database: Database, now: datetime) -> None:
    """Two gateways name the same administrator."""

    def known() -> UUID:
        with database.writing() as db:
            return people.known_by(db, "bob@b.example", locale="en", now=now).id

    with ThreadPoolExecutor(1) as second, database.writing() as db:
        first = people.known_by(db, "bob@b.example", locale="en", now=now)
        other = second.submit(known)
        wait([other], timeout=0.3)  # on PostgreSQL it is held up by the row that is not committed yet
        db.commit()

        assert other.result() == first.id


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
