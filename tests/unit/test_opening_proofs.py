"""What has to be shown before an opening is approved: passphrase, session, device or code, by level."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from envelope.options import Level
from keyserver import openings, people
from keyserver.errors import NotEntitledError, PassphraseNeededError, PersonInactiveError
from keyserver.models import Account, Person
from keyserver.openings import Released, Waiting
from tests.factories import SOURCE, Page, SealedMessage, make_account, make_keyring, make_message, make_person

HOUR = timedelta(hours=1)


@pytest.fixture
def account(db: Session, now: datetime) -> Account:
    return make_account(db, now=now)


@pytest.fixture
def bob(db: Session, now: datetime) -> Person:
    return make_person(db, now=now)


@pytest.fixture
def message(db: Session, account: Account, now: datetime) -> SealedMessage:
    return make_message(db, account, now=now)


def ask(db: Session, page: Page, *, now: datetime) -> None:
    openings.ask(db, page.ask(), source=SOURCE, now=now, keyring=make_keyring())


def approve(
    db: Session, page: Page, person: Person | None, *, proven: str | None = None, now: datetime
) -> None:
    openings.approve(db, page.opening, person, proven=proven, now=now, keyring=make_keyring())


def result(db: Session, page: Page, *, now: datetime) -> Waiting | Released:
    return openings.result(db, page.opening, page.poll_secret, now=now)


def test_high_level_needs_the_passphrase_in_this_opening(
    db: Session, account: Account, bob: Person, now: datetime
) -> None:
    """S48: the passphrase is always required."""
    message = make_message(db, account, now=now, level=Level.HIGH)
    first, second = Page(message), Page(message)
    for page in (first, second):
        ask(db, page, now=now)
    openings.prove(db, first.opening, bob, now=now)

    approve(db, first, bob, now=now)
    with pytest.raises(PassphraseNeededError):
        approve(db, second, bob, now=now)


def test_another_persons_passphrase_does_not_prove(db: Session, account: Account, now: datetime) -> None:
    message = make_message(db, account, "bob@b.example", "eve@e.example", now=now, level=Level.HIGH)
    bob, eve = make_person(db, now=now), make_person(db, "eve@e.example", now=now)
    page = Page(message)
    ask(db, page, now=now)
    openings.prove(db, page.opening, eve, now=now)

    with pytest.raises(PassphraseNeededError):
        approve(db, page, bob, now=now)
    with pytest.raises(NotEntitledError):
        approve(db, page, eve, now=now)


def test_only_the_addresss_owner_approves(db: Session, message: SealedMessage, now: datetime) -> None:
    page = Page(message)
    ask(db, page, now=now)

    with pytest.raises(NotEntitledError):
        approve(db, page, make_person(db, "eve@e.example", now=now), now=now)


@pytest.mark.parametrize(("level", "mailed_code"), [(Level.PROVEN, False), (Level.MEDIUM, True)])
def test_mailed_code_is_enough_where_the_sender_says_so(
    db: Session, account: Account, now: datetime, level: Level, mailed_code: bool
) -> None:
    """S13: nobody has to register for it."""
    message = make_message(db, account, now=now, level=level, mailed_code=mailed_code)
    page = Page(message, "Bob@B.example")
    ask(db, page, now=now)
    assert openings.look(db, page.opening, now=now).by_code

    approve(db, page, None, proven="bob@b.example", now=now)
    released = result(db, page, now=now)

    assert isinstance(released, Released)
    assert page.open(released) == message.key_share
    assert released.offer == "passphrase"


@pytest.mark.parametrize(("level", "mailed_code"), [(Level.HIGH, True), (Level.MEDIUM, False)])
def test_mailed_code_is_not_enough_elsewhere(
    db: Session, account: Account, now: datetime, level: Level, mailed_code: bool
) -> None:
    """S48: at level high never; S12: at level medium one registers."""
    page = Page(make_message(db, account, now=now, level=level, mailed_code=mailed_code))
    ask(db, page, now=now)
    assert not openings.look(db, page.opening, now=now).by_code

    with pytest.raises(PassphraseNeededError):
        approve(db, page, None, proven="bob@b.example", now=now)


@pytest.mark.parametrize("proven", [None, "", "eve@e.example"])
def test_nobody_and_other_addresses_prove_nothing(
    db: Session, account: Account, now: datetime, proven: str | None
) -> None:
    page = Page(make_message(db, account, now=now, level=Level.PROVEN))
    ask(db, page, now=now)

    with pytest.raises(NotEntitledError):
        approve(db, page, None, proven=proven, now=now)


def test_deactivated_persons_address_opens_nothing(db: Session, account: Account, now: datetime) -> None:
    people.set_active(db, make_person(db, now=now), active=False, now=now)
    page = Page(make_message(db, account, now=now, level=Level.PROVEN))
    ask(db, page, now=now)

    with pytest.raises(PersonInactiveError):
        approve(db, page, None, proven="bob@b.example", now=now)


def test_passphrase_is_not_offered_to_who_has_one(
    db: Session, account: Account, bob: Person, now: datetime
) -> None:
    page = Page(make_message(db, account, now=now, level=Level.PROVEN, expires_after=HOUR))
    ask(db, page, now=now)
    approve(db, page, None, proven="bob@b.example", now=now)

    released = result(db, page, now=now)

    assert isinstance(released, Released)
    assert (released.expires, released.offer) == (now + HOUR, None)


def test_further_address_entitles_its_person(db: Session, account: Account, now: datetime) -> None:
    message = make_message(db, account, "team@b.example", now=now)
    bob, eve = make_person(db, now=now), make_person(db, "eve@e.example", now=now)
    people.prove_address(db, bob, "team@b.example", now=now)
    page = Page(message, "team@b.example")
    ask(db, page, now=now)

    with pytest.raises(NotEntitledError):
        approve(db, page, eve, now=now)
    approve(db, page, bob, now=now)

    assert isinstance(result(db, page, now=now), Released)
