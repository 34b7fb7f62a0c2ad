"""Mailed codes: the same for everybody, a bounded number of tries, once."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from keyserver import codes
from keyserver.errors import CodeSpentError, CodeWrongError, InvalidFieldError, ThrottledError
from keyserver.models import MailedCode, Outbox
from tests.factories import KEY, SOURCE

WRONG = "0000 000x"


def request(db: Session, *, now: datetime, address: str = "bob@b.example", source: str = SOURCE) -> UUID:
    return codes.request(db, address=address, locale="de", source=source, now=now, key=KEY)


def confirm(db: Session, flow: UUID, code: str, *, now: datetime) -> str:
    return codes.confirm(db, flow, code, source=SOURCE, now=now, key=KEY)


def mailed(db: Session) -> Outbox:
    return db.scalars(select(Outbox).order_by(Outbox.id.desc())).first() or pytest.fail("no mail")


def test_code_proves_the_address_it_was_mailed_to(db: Session, now: datetime) -> None:
    flow = request(db, address=" Bob@B.Example ", now=now)
    mail = mailed(db)

    assert mail.address == "bob@b.example"
    assert mail.name == "code"
    assert mail.locale == "de"
    assert mail.context["flow"] == str(flow)
    assert confirm(db, flow, mail.context["code"], now=now) == "bob@b.example"


@pytest.mark.parametrize("form", ["{0}{1}", " {0}  {1} ", "{0}-{1}"])
def test_code_may_be_typed_with_or_without_spaces(db: Session, now: datetime, form: str) -> None:
    flow = request(db, now=now)
    code = form.format(*mailed(db).context["code"].split())

    assert confirm(db, flow, code, now=now) == "bob@b.example"


def test_code_works_once(db: Session, now: datetime) -> None:
    flow = request(db, now=now)
    code = mailed(db).context["code"]
    confirm(db, flow, code, now=now)

    with pytest.raises(CodeSpentError):
        confirm(db, flow, code, now=now)


def test_wrong_code_says_how_many_tries_are_left(db: Session, now: datetime) -> None:
    flow = request(db, now=now)

    with pytest.raises(CodeWrongError) as refusal:
        confirm(db, flow, WRONG, now=now)

    assert refusal.value.tries_left == 9


def test_ten_wrong_codes_need_a_new_one(db: Session, now: datetime) -> None:
    flow = request(db, now=now)
    for _ in range(9):
        with pytest.raises(CodeWrongError):
            confirm(db, flow, WRONG, now=now)

    with pytest.raises(CodeSpentError):
        confirm(db, flow, WRONG, now=now)
    with pytest.raises(CodeSpentError):
        confirm(db, flow, mailed(db).context["code"], now=now)


def test_tries_of_one_flow_leave_another_alone(db: Session, now: datetime) -> None:
    strangers, owners = request(db, source="198.51.100.1", now=now), request(db, now=now)
    for _ in range(9):
        with pytest.raises(CodeWrongError):
            confirm(db, strangers, WRONG, now=now)

    assert confirm(db, owners, mailed(db).context["code"], now=now) == "bob@b.example"


def test_code_of_another_flow_is_wrong(db: Session, now: datetime) -> None:
    request(db, now=now)
    code = mailed(db).context["code"]
    other = request(db, address="eve@e.example", now=now)

    with pytest.raises(CodeWrongError):
        confirm(db, other, code, now=now)


def test_old_code_is_spent(db: Session, now: datetime) -> None:
    flow = request(db, now=now)
    code = mailed(db).context["code"]

    with pytest.raises(CodeSpentError):
        confirm(db, flow, code, now=now + codes.LIFETIME)


def test_unknown_flow_is_spent(db: Session, now: datetime) -> None:
    with pytest.raises(CodeSpentError):
        confirm(db, uuid4(), "1234 5678", now=now)


def test_code_is_not_stored(db: Session, now: datetime) -> None:
    flow = request(db, now=now)
    digits = mailed(db).context["code"].replace(" ", "")
    stored = db.get_one(MailedCode, flow)

    assert digits.encode() not in stored.code_hmac
    assert stored.code_hmac != codes._hmac(bytes([1]) * 32, flow, digits)


def test_asking_often_for_one_address_waits(db: Session, now: datetime) -> None:
    for number in range(3):
        request(db, source=f"192.0.2.{number}", now=now)

    with pytest.raises(ThrottledError) as refusal:
        request(db, source="198.51.100.1", now=now)

    assert refusal.value.retry_after == timedelta(minutes=1)


def test_asking_often_from_one_source_waits(db: Session, now: datetime) -> None:
    for number in range(30):
        request(db, address=f"bob{number}@b.example", now=now)

    with pytest.raises(ThrottledError):
        request(db, address="bob@b.example", now=now)


def test_what_is_no_address_is_refused(db: Session, now: datetime) -> None:
    with pytest.raises(InvalidFieldError):
        request(db, address="bob", now=now)


def test_purge_drops_flows_that_ended_long_ago(db: Session, now: datetime) -> None:
    request(db, now=now)

    assert codes.purge(db, now=now + codes.LIFETIME) == 0
    assert codes.purge(db, now=now + codes.LIFETIME + timedelta(days=1, seconds=1)) == 1
