"""Openings: who gets a key share, when, how often, and what it is sealed to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from envelope.options import Level
from keyserver import audit, messages, openings
from keyserver.db import Database
from keyserver.errors import (
    ConflictError,
    GoneError,
    InvalidFieldError,
    KekMissingError,
    KeyServerError,
    MessageExpiredError,
    MessageLockedError,
    NotEntitledError,
    NotFoundError,
    ThrottledError,
)
from keyserver.keyring import Keyring
from keyserver.models import Account, AuditEntry, MessageRecipient, Opening, Person
from keyserver.openings import Released, Waiting
from tests.factories import (
    SOURCE,
    Page,
    SealedMessage,
    make_account,
    make_keyring,
    make_message,
    make_person,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def account(db: Session, now: datetime) -> Account:
    return make_account(db, now=now)


@pytest.fixture
def bob(db: Session, now: datetime) -> Person:
    return make_person(db, now=now)


@pytest.fixture
def message(db: Session, account: Account, now: datetime) -> SealedMessage:
    return make_message(db, account, now=now, expires_after=HOUR)


def ask(db: Session, page: Page, *, now: datetime, **changes: object) -> Waiting | Released:
    return openings.ask(db, page.ask(**changes), source=SOURCE, now=now, keyring=make_keyring())


def approve(db: Session, page: Page, person: Person, *, now: datetime) -> None:
    openings.approve(db, page.opening, person, now=now, keyring=make_keyring())


def result(db: Session, page: Page, *, now: datetime) -> Waiting | Released:
    return openings.result(db, page.opening, page.poll_secret, now=now)


def test_approved_opening_hands_the_share_to_the_page(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    """S11: the recipient proves identity, the key server returns that message's key."""
    page = Page(message)

    assert ask(db, page, now=now) == Waiting(timedelta(minutes=10))
    assert result(db, page, now=now + timedelta(minutes=1)) == Waiting(timedelta(minutes=9))
    approve(db, page, bob, now=now)
    released = result(db, page, now=now)

    assert isinstance(released, Released)
    assert page.open(released) == message.key_share
    assert "b'" not in repr(released)


def test_result_is_handed_out_once(db: Session, message: SealedMessage, bob: Person, now: datetime) -> None:
    page = Page(message)
    ask(db, page, now=now)
    approve(db, page, bob, now=now)
    result(db, page, now=now)

    with pytest.raises(GoneError):
        result(db, page, now=now)


def test_result_asked_for_twice_at_once_is_handed_out_once(database: Database, now: datetime) -> None:
    with database.writing() as db:
        page = Page(make_message(db, make_account(db, now=now), now=now))
        ask(db, page, now=now)
        approve(db, page, make_person(db, now=now), now=now)

    def fetch(_number: int) -> str:
        try:
            with database.writing() as db:
                return type(result(db, page, now=now)).__name__
        except GoneError as gone:
            return gone.code

    with ThreadPoolExecutor(4) as pages:
        assert sorted(pages.map(fetch, range(4))) == ["Released", "gone", "gone", "gone"]


def test_two_tabs_open_the_same_message(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    pages = Page(message), Page(message)
    for page in pages:
        ask(db, page, now=now)
    for page in pages:
        approve(db, page, bob, now=now)

    opened = [page.open(result(db, page, now=now)) for page in pages]  # type: ignore[arg-type]  # released
    assert opened == [message.key_share] * 2


def test_first_and_last_opening_are_recorded(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    for minutes in (0, 20):
        page, moment = Page(message), now + timedelta(minutes=minutes)
        ask(db, page, now=moment)
        approve(db, page, bob, now=moment)

    opened = db.get_one(MessageRecipient, (message.id, "bob@b.example"))
    assert (opened.first_opened, opened.last_opened) == (now, now + timedelta(minutes=20))


def test_release_is_in_the_trail(db: Session, message: SealedMessage, bob: Person, now: datetime) -> None:
    page = Page(message)
    ask(db, page, now=now)
    approve(db, page, bob, now=now)

    entry = db.scalars(select(AuditEntry).where(AuditEntry.event == "message released")).one()
    assert str(bob.id) in entry.data
    assert str(message.id) in entry.data
    assert '"shown": "session"' in entry.data
    assert entry.chain != audit.SYSTEM


def test_nothing_is_released_when_the_trail_takes_no_entry(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    page = Page(message)
    ask(db, page, now=now)
    db.execute(text("ALTER TABLE audit_entry RENAME TO elsewhere"))

    with pytest.raises(DBAPIError):
        approve(db, page, bob, now=now)


def test_no_passphrase_message_is_released_at_once(db: Session, account: Account, now: datetime) -> None:
    """S50: no passphrase required."""
    message = make_message(db, account, now=now, level=Level.NONE)
    page = Page(message)

    released = ask(db, page, now=now)

    assert isinstance(released, Released)
    assert page.open(released) == message.key_share
    with pytest.raises(GoneError):
        ask(db, page, now=now)
    with pytest.raises(GoneError):
        result(db, page, now=now)


def test_address_is_recognised_in_any_case(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    page = Page(message, "Bob@B.Example")
    ask(db, page, now=now)
    approve(db, page, bob, now=now)

    released = result(db, page, now=now)
    assert isinstance(released, Released)
    assert page.open(released) == message.key_share


def test_second_click_changes_nothing(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    page = Page(message)
    ask(db, page, now=now)
    approve(db, page, bob, now=now)
    approve(db, page, bob, now=now)
    entries = select(AuditEntry).where(AuditEntry.event == "message released")

    assert len(db.scalars(entries).all()) == 1


def test_unknown_message_and_wrong_proof_get_one_answer(
    db: Session, message: SealedMessage, now: datetime
) -> None:
    answers = []
    for change in ({"message_id": uuid4()}, {"possession_proof": bytes(32)}):
        with pytest.raises(NotFoundError) as refusal:
            ask(db, Page(message), now=now, **change)
        answers.append(str(refusal.value))

    assert answers[0] == answers[1]


def test_others_than_recipients_are_told_so_only_with_proof(
    db: Session, message: SealedMessage, now: datetime
) -> None:
    with pytest.raises(NotEntitledError):
        ask(db, Page(message, "eve@e.example"), now=now)
    with pytest.raises(NotFoundError):
        ask(db, Page(message, "eve@e.example"), now=now, possession_proof=bytes(32))


def lock(db: Session, message: SealedMessage, now: datetime) -> None:
    messages.lock(db, message.id, actor="ada", reason="Wrong figures", now=now)


def expire(db: Session, message: SealedMessage, now: datetime) -> None:
    messages.set_expiry(db, message.id, expires=now, actor="ada", now=now)


@pytest.mark.parametrize(("end", "error"), [(lock, MessageLockedError), (expire, MessageExpiredError)])
def test_locked_or_expired_message_is_not_released(
    db: Session,
    message: SealedMessage,
    bob: Person,
    now: datetime,
    end: Callable[[Session, SealedMessage, datetime], None],
    error: type[KeyServerError],
) -> None:
    """S121: after expiry the key server restricts access."""
    waiting, approved = Page(message), Page(message)
    for page in (waiting, approved):
        ask(db, page, now=now)
    approve(db, approved, bob, now=now)
    end(db, message, now)

    with pytest.raises(error):
        ask(db, Page(message), now=now)
    with pytest.raises(error):
        approve(db, waiting, bob, now=now)
    with pytest.raises(error):
        result(db, waiting, now=now)
    with pytest.raises(error):
        result(db, approved, now=now)


def test_same_ask_again_is_the_same_opening(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    page = Page(message)
    ask(db, page, now=now)
    approve(db, page, bob, now=now)

    assert isinstance(ask(db, page, now=now), Waiting)
    assert isinstance(result(db, page, now=now), Released)
    with pytest.raises(GoneError):
        ask(db, page, now=now)


def test_other_ask_with_a_known_id_conflicts(db: Session, message: SealedMessage, now: datetime) -> None:
    page = Page(message)
    ask(db, page, now=now)

    with pytest.raises(ConflictError):
        ask(db, page, now=now, public_key=Page(message).public_key)
    with pytest.raises(ConflictError):
        ask(db, page, now=now, poll_sha256=bytes(32))


@pytest.mark.parametrize(
    "point", [b"", bytes(65), b"\4" + bytes(64), b"\2" + bytes(32), b"\4" + b"\xff" * 64]
)
def test_what_is_no_point_of_the_curve_is_refused(
    db: Session, message: SealedMessage, now: datetime, point: bytes
) -> None:
    with pytest.raises(InvalidFieldError) as refusal:
        ask(db, Page(message), now=now, public_key=point)

    assert refusal.value.field == "public_key"


def test_wrong_poll_secret_finds_nothing(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    page = Page(message)
    ask(db, page, now=now)
    approve(db, page, bob, now=now)

    with pytest.raises(NotFoundError):
        openings.result(db, page.opening, bytes(32), now=now)
    with pytest.raises(NotFoundError):
        openings.result(db, uuid4(), page.poll_secret, now=now)


def test_old_opening_is_gone(db: Session, message: SealedMessage, bob: Person, now: datetime) -> None:
    page, later = Page(message), now + openings.LIFETIME
    ask(db, page, now=now)

    with pytest.raises(GoneError):
        approve(db, page, bob, now=later)
    with pytest.raises(GoneError):
        result(db, page, now=later)
    with pytest.raises(GoneError):
        openings.prove(db, page.opening, bob, now=later)
    assert openings.look(db, page.opening, now=later).state == "gone"


def test_unfetched_result_is_gone_after_minutes(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    page, later = Page(message), now + openings.RESULT_LIFETIME
    ask(db, page, now=now)
    approve(db, page, bob, now=now)

    with pytest.raises(GoneError):
        result(db, page, now=later)
    openings.purge(db, now=later)
    assert db.get_one(Opening, page.opening, populate_existing=True).sealed is None


def test_fetched_share_is_purged(db: Session, message: SealedMessage, bob: Person, now: datetime) -> None:
    page = Page(message)
    ask(db, page, now=now)
    approve(db, page, bob, now=now)
    result(db, page, now=now)

    assert openings.purge(db, now=now) == 0
    assert db.get_one(Opening, page.opening, populate_existing=True).sealed is None
    assert openings.purge(db, now=now + 2 * HOUR) == 1


def test_ten_tabs_are_no_flood_but_a_hundred_are(db: Session, message: SealedMessage, now: datetime) -> None:
    for _ in range(60):
        ask(db, Page(message), now=now)

    with pytest.raises(ThrottledError):
        ask(db, Page(message), now=now)
    elsewhere = Page(message).ask()
    openings.ask(db, elsewhere, source="198.51.100.1", now=now, keyring=make_keyring())
    ask(db, Page(message), now=now + openings.LIFETIME)


def test_view_says_whose_mail_it_is(db: Session, message: SealedMessage, bob: Person, now: datetime) -> None:
    page = Page(message)
    with pytest.raises(NotFoundError):
        openings.look(db, page.opening, now=now)
    ask(db, page, now=now)

    view = openings.look(db, page.opening, now=now)

    assert (view.sender, view.sender_name, view.organisation) == ("ada@a.example", "Ada", "Bank A")
    assert (view.recipient, view.level, view.state) == ("bob@b.example", Level.MEDIUM, "waiting")
    assert view.match_code == openings.match_code(page.opening, page.public_key)
    approve(db, page, bob, now=now)
    assert openings.look(db, page.opening, now=now).state == "released"
    result(db, page, now=now)
    assert openings.look(db, page.opening, now=now).state == "gone"


def test_match_code_is_two_digits(message: SealedMessage) -> None:
    codes = {openings.match_code(uuid4(), bytes(65)) for _ in range(1000)}

    assert all(10 <= int(code) <= 99 for code in codes)
    assert len(codes) > 80


def test_share_under_a_missing_kek_is_not_released(
    db: Session, message: SealedMessage, bob: Person, now: datetime
) -> None:
    page = Page(message)
    ask(db, page, now=now)

    with pytest.raises(KekMissingError):
        openings.approve(db, page.opening, bob, now=now, keyring=Keyring({2: bytes(32)}))
