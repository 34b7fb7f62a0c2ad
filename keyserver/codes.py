"""Codes mailed to an address to prove that one reads it; who that is and what it allows is decided elsewhere.

A code belongs to one flow: the page that asked for it, and the link in the mail, which holds no secret.
Tries are counted per flow, so nobody can use up somebody else's. Only an HMAC is stored, keyed from the
server's secret: eight digits could be guessed from a stolen database otherwise.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, update
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver import audit, outbox, throttle
from keyserver.db import rows_changed
from keyserver.errors import CodeSpentError, CodeWrongError
from keyserver.mailboxes import mailbox
from keyserver.models import MailedCode

DIGITS = 8
TRIES = 10
LIFETIME = timedelta(minutes=20)
#: Whoever is invited did not ask just now and may read the mail tomorrow.
INVITATION_LIFETIME = timedelta(days=3)
#: A flow is kept a while after its end, so that its page can say why it is over.
AFTERLIFE = timedelta(days=1)


def request(
    db: Session,
    *,
    address: str,
    locale: str,
    source: str,
    now: datetime,
    key: bytes,
    organisation: str | None = None,
) -> UUID:
    """Mail a code to an address, known or unknown alike; returns the flow that it belongs to.

    `key`: the server's key for codes. `organisation`: whose message it is about, for the mail.
    Raises InvalidFieldError (no address), ThrottledError.
    """
    address = mailbox(address)
    counted = ((throttle.CODE_ADDRESS, address), (throttle.CODE_SOURCE, source))
    throttle.check(db, *counted, now=now)
    throttle.count(db, *counted, now=now)
    flow, code = _start(db, address, lifetime=LIFETIME, now=now, key=key)
    minutes = int(LIFETIME.total_seconds() // 60)
    context = {"code": code, "flow": str(flow), "minutes": minutes, "organisation": organisation}
    outbox.put(db, to=address, name="code", locale=locale, context=context, now=now, until=now + LIFETIME)
    audit.record(db, "code mailed", account_id=None, now=now, flow=flow, address=address, source=source)
    return flow


def invite(
    db: Session, *, address: str, locale: str, name: str, context: dict[str, Any], now: datetime, key: bytes
) -> UUID:
    """Mail a code that nobody asked for, within the mail `name`."""
    flow, code = _start(db, address, lifetime=INVITATION_LIFETIME, now=now, key=key)
    context = {**context, "code": code, "flow": str(flow)}
    outbox.put(
        db, to=address, name=name, locale=locale, context=context, now=now, until=now + INVITATION_LIFETIME
    )
    return flow


def confirm(db: Session, flow: UUID, code: str, *, source: str, now: datetime, key: bytes) -> str:
    """The address that this code proves; once.

    Raises CodeWrongError with the tries left, CodeSpentError when there is none left (or it is too old, used,
    unknown), ThrottledError.
    """
    throttle.check(db, (throttle.CODE_TRY_SOURCE, source), now=now)
    digits = "".join(char for char in code if not char.isspace() and char != "-")
    redeemed = db.execute(
        update(MailedCode)
        .where(*_alive(flow, now), MailedCode.code_hmac == _hmac(key, flow, digits))
        .values(redeemed=now)
        .returning(MailedCode.address)
    ).first()
    if redeemed is None:
        _count_wrong(db, flow, source=source, now=now)
    audit.record(
        db, "address proven", account_id=None, now=now, flow=flow, address=redeemed.address, source=source
    )
    return str(redeemed.address)


def purge(db: Session, *, now: datetime) -> int:
    """Drop flows that ended long ago; returns how many."""
    return rows_changed(db, delete(MailedCode).where(MailedCode.expires < now - AFTERLIFE))


def _start(db: Session, address: str, *, lifetime: timedelta, now: datetime, key: bytes) -> tuple[UUID, str]:
    flow, digits = uuid7(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    db.execute(
        insert(MailedCode).values(
            id=flow,
            address=address,
            code_hmac=_hmac(key, flow, digits),
            tries=0,
            created=now,
            expires=now + lifetime,
        )
    )
    return flow, f"{digits[:4]} {digits[4:]}"


def _count_wrong(db: Session, flow: UUID, *, source: str, now: datetime) -> NoReturn:
    throttle.count(db, (throttle.CODE_TRY_SOURCE, source), now=now)
    tried = db.execute(
        update(MailedCode)
        .where(*_alive(flow, now))
        .values(tries=MailedCode.tries + 1)
        .returning(MailedCode.tries)
    ).first()
    audit.record(db, "code refused", account_id=None, now=now, flow=flow, source=source)
    if tried is None or tried.tries >= TRIES:
        raise CodeSpentError
    raise CodeWrongError(TRIES - tried.tries)


def _alive(flow: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        MailedCode.id == flow,
        MailedCode.redeemed.is_(None),
        MailedCode.tries < TRIES,
        MailedCode.expires > now,
    )


def _hmac(key: bytes, flow: UUID, digits: str) -> bytes:
    return hmac.digest(key, flow.bytes + digits.encode(), "sha256")
