"""One-time links: what spends them, and what the database knows of them."""

import re
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver import copies, forwarding
from keyserver.errors import LinkExpiredError, LinkUsedError, LinkWrongError, ThrottledError
from keyserver.models import AuditEntry, ForwardedLink
from keyserver.online import Held
from tests.factories import SOURCE, make_account, make_message

SECRET = bytes(range(32))


def make_link(db: Session, *, now: datetime) -> tuple[UUID, str]:
    message = make_message(db, make_account(db, now=now), now=now)
    copy_id = copies.begin(db, message.id, lifetime=timedelta(days=1), now=now)
    return forwarding.create(db, copy_id=copy_id, address="bob@b.example", envelope_secret=SECRET, now=now)


def spend(db: Session, link: UUID, code: str, *, now: datetime, source: str = SOURCE) -> Held:
    return forwarding.spend(db, link, code, source=source, now=now)


@pytest.fixture
def now() -> datetime:
    """The present: a link's id says when it was made."""
    return datetime.now().astimezone()


def test_code_is_eighty_bits_in_letters_that_nobody_confuses(db: Session, now: datetime) -> None:
    _link, code = make_link(db, now=now)

    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}", code)


def test_link_leads_to_its_envelope(db: Session, now: datetime) -> None:
    link, code = make_link(db, now=now)

    held = spend(db, link, code, now=now)

    assert (held.recipient, held.envelope_secret) == ("bob@b.example", SECRET)
    assert SECRET.hex() not in repr(held)


@pytest.mark.parametrize(
    "typed",
    [
        lambda code: code.lower(),
        lambda code: code.replace("-", " "),
        lambda code: f"  {code.replace('-', '')}\t",
        lambda code: code.replace("0", "O").replace("1", "l"),
        lambda code: code.replace("0", "o").replace("1", "I"),
    ],
)
def test_code_may_be_typed_as_people_do(db: Session, now: datetime, typed: "object") -> None:
    assert callable(typed)
    link, code = make_link(db, now=now)

    assert spend(db, link, typed(code), now=now).envelope_secret == SECRET


def test_link_is_spent_once(db: Session, now: datetime) -> None:
    link, code = make_link(db, now=now)
    spend(db, link, code, now=now)

    with pytest.raises(LinkUsedError):
        spend(db, link, code, now=now)


def test_wrong_code_and_unknown_link_are_answered_alike(db: Session, now: datetime) -> None:
    link, code = make_link(db, now=now)

    for wanted, typed in ((link, "0" * 16), (link, code[:9]), (link, ""), (uuid7(), code), (uuid4(), code)):
        with pytest.raises(LinkWrongError):
            spend(db, wanted, typed, now=now)
    assert spend(db, link, code, now=now).envelope_secret == SECRET


def test_wrong_code_does_not_say_that_the_link_was_used(db: Session, now: datetime) -> None:
    link, code = make_link(db, now=now)
    spend(db, link, code, now=now)

    with pytest.raises(LinkWrongError):
        spend(db, link, "0" * 16, now=now)


def test_link_ends_after_a_day(db: Session, now: datetime) -> None:
    link, code = make_link(db, now=now)

    with pytest.raises(LinkExpiredError):
        spend(db, link, code, now=now + forwarding.LIFETIME)


def test_old_id_is_over_whether_there_was_a_link_or_not(now: datetime) -> None:
    made, later = uuid7(), now + forwarding.LIFETIME + timedelta(minutes=1)

    assert not forwarding.is_over(made, now=now)
    assert forwarding.is_over(made, now=later)
    assert not forwarding.is_over(uuid4(), now=later)


def test_guessing_is_slowed_down_by_source(db: Session, now: datetime) -> None:
    link, code = make_link(db, now=now)
    for _ in range(40):
        with pytest.raises(LinkWrongError):
            spend(db, link, "0" * 16, now=now)

    with pytest.raises(ThrottledError):
        spend(db, link, code, now=now)
    assert spend(db, link, code, now=now, source="192.0.2.9").envelope_secret == SECRET


def test_links_are_dropped_a_day_after_their_end(db: Session, now: datetime) -> None:
    make_link(db, now=now)

    assert forwarding.purge(db, now=now + forwarding.LIFETIME) == 0
    assert forwarding.purge(db, now=now + timedelta(days=2, minutes=1)) == 1


def test_using_a_link_is_on_record_without_its_code(db: Session, now: datetime) -> None:
    link, code = make_link(db, now=now)
    with pytest.raises(LinkWrongError):
        spend(db, link, "0" * 16, now=now)
    spend(db, link, code, now=now)

    trail = db.execute(select(AuditEntry.event, AuditEntry.data).order_by(AuditEntry.number)).all()
    (row,) = db.scalars(select(ForwardedLink))

    assert {"link refused", "link used"} <= {event for event, _data in trail}
    assert not any(code in data or code.replace("-", "") in data for _event, data in trail)
    assert SECRET not in row.sealed_secret
