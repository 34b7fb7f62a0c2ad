"""Openings: asked for by a page, approved by a person, released once to that page; shows nothing.

This is the one room that unwraps key shares to hand them on. Each comes out of it sealed to one page's key,
in the same transaction as the audit entry about it. Statements are few and by primary key: this is the hot
path.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, cast
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from envelope.options import Level
from keyserver import audit, receipts
from keyserver import opening_statements as statements
from keyserver.db import dialect_of, execute, rows_changed
from keyserver.errors import (
    ConflictError,
    GoneError,
    InvalidFieldError,
    NotEntitledError,
    NotFoundError,
    PassphraseNeededError,
    PersonInactiveError,
    ThrottledError,
)
from keyserver.keyring import Keyring
from keyserver.mailboxes import mailbox
from keyserver.messages import State, require_open, state_of
from keyserver.models import Opening, Person

#: How long a page waits for its person, and how long it leaves a released result unfetched.
LIFETIME = timedelta(minutes=10)
RESULT_LIFETIME = timedelta(minutes=5)
#: A finished opening is kept this long, so that its page hears «gone» rather than «not found».
AFTERLIFE = timedelta(hours=1)
#: Openings of one message that one source may ask for in a lifetime: many tabs, but not a flood.
ASKS = 60
POLL_AFTER = timedelta(seconds=3)

ENC = 65  # bytes of an uncompressed point of P-256
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True)
class Waiting:
    """Nobody has approved yet."""

    expires_in: timedelta
    poll_after: timedelta = POLL_AFTER


@dataclass(frozen=True)
class Released:
    """The key share, sealed to the page's key (RFC 9180): only that page can open it.

    `expires`: of the message. `offer`: whoever opened it by a code could have a passphrase, and has none yet.
    """

    enc: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    expires: datetime | None
    offer: Literal["passphrase"] | None = None


@dataclass(frozen=True)
class Standing:
    """How a message stands: until when it can be opened, and what its sender allows and wants (S133, S54)."""

    expires: datetime | None
    remember: bool
    receipt: bool


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a page sends (API.md)."""

    id: UUID
    message_id: UUID
    recipient: str
    possession_proof: bytes = field(repr=False)
    public_key: bytes
    poll_sha256: bytes


@dataclass(frozen=True, kw_only=True)
class OpeningView:
    """An opening as the person who may approve it sees it."""

    id: UUID
    state: Literal["waiting", "released", "gone"]
    #: Whether its page has what it asked for; the opening is gone then.
    fetched: bool
    message_state: State
    lock_reason: str | None
    recipient: str
    sender: str
    sender_name: str
    subject: str | None
    sent: datetime
    expires: datetime | None
    level: Level
    #: Whether a code mailed to the recipient is all that has to be shown.
    by_code: bool
    #: Whether the sender is told of the first opening (S54).
    receipt: bool
    organisation: str
    profile_id: UUID
    logo: bool
    match_code: str
    #: Who typed their passphrase within this opening.
    proven_by: UUID | None


def ask(db: Session, wanted: Ask, *, source: str, now: datetime, keyring: Keyring) -> Waiting | Released:
    """A page asks to open a message; the same ask again is the same opening. Level none is released at once.

    Raises NotFoundError (no such message, or no proof of holding its envelope: one answer), NotEntitledError,
    MessageLockedError, MessageExpiredError, InvalidFieldError, ThrottledError, ConflictError, GoneError.
    """
    message = entitled_message(db, wanted.message_id, wanted.recipient, wanted.possession_proof, now=now)
    address = message.address
    _public_key(wanted.public_key)
    _check_flood(db, wanted.message_id, source, now=now)
    at_once = message.level == Level.NONE
    if not _add(db, wanted, address, source=source, state="fetched" if at_once else "waiting", now=now):
        return _the_same_again(db, wanted, now=now)
    if not at_once:
        return Waiting(LIFETIME)
    opening = _opening(db, wanted.id)
    sealed = _seal(opening, keyring)
    _note_release(db, opening, person=None, approval="nothing", now=now)
    return Released(sealed[:ENC], sealed[ENC:], opening.expires)


def entitled_message(
    db: Session, message_id: UUID, recipient: str, possession_proof: bytes, *, now: datetime
) -> Any:
    """A message to this recipient, for whoever shows to hold its envelope; while it is open.

    Raises NotFoundError (no such message, or no proof: one answer), NotEntitledError, MessageLockedError,
    MessageExpiredError, InvalidFieldError.
    """
    address = mailbox(recipient, field="recipient")
    message = execute(db, statements.MESSAGE, id=message_id, address=address).first()
    stored = message.possession_sha256 if message else bytes(32)
    shown = hmac.compare_digest(sha256(possession_proof).digest(), stored)
    if message is None or not shown:
        raise NotFoundError
    if message.address is None:
        raise NotEntitledError
    require_open(message, now=now)
    return message


def state(
    db: Session, message_id: UUID, recipient: str, possession_proof: bytes, *, now: datetime
) -> Standing:
    """What holds for an envelope that a page has. Raises what `entitled_message` raises."""
    message = entitled_message(db, message_id, recipient, possession_proof, now=now)
    remember = bool(message.remember) and message.level != Level.HIGH
    return Standing(message.expires, remember=remember, receipt=bool(message.receipt))


def look(db: Session, opening_id: UUID, *, now: datetime) -> OpeningView:
    """What the person is shown first. Raises NotFoundError: the page's request may still be on its way."""
    row = execute(db, statements.VIEW, id=opening_id).first()
    if row is None:
        raise NotFoundError
    return OpeningView(
        id=row.id,
        state="gone" if _is_over(row, now=now) else row.state,
        fetched=row.state == "fetched",
        message_state=state_of(row, now=now),
        lock_reason=row.lock_reason,
        recipient=row.recipient,
        sender=row.sender,
        sender_name=row.sender_name,
        subject=row.subject,
        sent=row.sent,
        expires=row.expires,
        level=Level(row.level),
        by_code=by_code(row),
        receipt=row.receipt,
        organisation=row.brand_name,
        profile_id=row.profile_id,
        logo=row.logo_type is not None,
        match_code=match_code(row.id, row.public_key),
        proven_by=row.proven_by,
    )


def prove(db: Session, opening_id: UUID, person: Person, *, now: datetime) -> None:
    """Note that this person typed their passphrase within this opening (S48). Raises GoneError."""
    waiting = (Opening.id == opening_id, Opening.state == "waiting", Opening.expires > now)
    proven = update(Opening).where(*waiting).values(proven_by=person.id).returning(Opening.id)
    if db.execute(proven).first() is None:
        raise GoneError


def approve(
    db: Session,
    opening_id: UUID,
    person: Person | None,
    *,
    proven: str | None = None,
    by_device: bool = False,
    now: datetime,
    keyring: Keyring,
) -> None:
    """Release the key share to the page that asked; a second click on the button changes nothing.

    `proven`: the address that a mailed code was typed for, if one was. `by_device`: whether a remembered
    device stands for the person. Raises GoneError, NotEntitledError, MessageLockedError,
    MessageExpiredError, PassphraseNeededError, PersonInactiveError.
    """
    opening = _opening(db, opening_id, person=person)
    if opening is None or _ends(opening) <= now:
        raise GoneError
    if not opening.entitled and proven != opening.address:
        raise NotEntitledError
    require_open(opening, now=now)
    if opening.state != "waiting":
        return
    approval = shown_enough(
        opening,
        typed=person is not None and opening.entitled and opening.proven_by == person.id,
        signed_in=bool(opening.entitled),
        by_device=by_device,
        code=proven == opening.address,
    )
    if approval == "code":
        _require_active(db, opening.address)
    released = execute(
        db,
        statements.RELEASE,
        opening_id=opening_id,
        sealed=_seal(opening, keyring),
        now=now,
        approval=approval,
    ).first()
    if released is not None:  # else another tab was faster, to the same end
        _note_release(db, opening, person=person, approval=approval, now=now)


def result(db: Session, opening_id: UUID, poll_secret: bytes, *, now: datetime) -> Waiting | Released:
    """What became of an opening; a released share is handed out once.

    Raises NotFoundError, GoneError, MessageLockedError, MessageExpiredError.
    """
    opening = _opening(db, opening_id)
    if opening is None or not hmac.compare_digest(sha256(poll_secret).digest(), opening.poll_sha256):
        raise NotFoundError
    if _is_over(opening, now=now):
        raise GoneError
    require_open(opening, now=now)
    if opening.state == "waiting":
        return Waiting(opening.opening_expires - now)
    fetched = execute(db, statements.FETCH, opening_id=opening_id).first()
    if fetched is None:
        raise GoneError
    return Released(fetched.sealed[:ENC], fetched.sealed[ENC:], opening.expires, _offer(db, opening))


def match_code(opening_id: UUID, public_key: bytes) -> str:
    """The two digits that page and portal both show (API.md)."""
    digest = sha256(b"sealpost/1 match" + opening_id.bytes + public_key).digest()
    return str(int.from_bytes(digest[:4]) % 90 + 10)


def purge(db: Session, *, now: datetime) -> int:
    """Drop sealed shares that were fetched, and openings long over; returns how many of these."""
    over = (Opening.state == "fetched") | (Opening.released <= now - RESULT_LIFETIME)
    db.execute(update(Opening).where(over, Opening.sealed.is_not(None)).values(sealed=None))
    return rows_changed(db, delete(Opening).where(Opening.expires < now - AFTERLIFE))


def _opening(db: Session, opening_id: UUID, *, person: Person | None = None) -> Any:
    return execute(db, statements.OPENING, id=opening_id, person_id=person.id if person else None).first()


def _ends(opening: Any) -> datetime:
    """When it is too late: to approve, or to fetch what was released."""
    if opening.released is None:
        return cast("datetime", opening.opening_expires)
    return cast("datetime", opening.released + RESULT_LIFETIME)


def _is_over(opening: Any, *, now: datetime) -> bool:
    return bool(opening.state == "fetched") or _ends(opening) <= now


def by_code(message: Any) -> bool:
    """Whether a mailed code alone may open it; never at level high, whatever the sender allowed besides."""
    return bool(message.level == Level.PROVEN or (message.level == Level.MEDIUM and message.mailed_code))


def shown_enough(message: Any, *, typed: bool, signed_in: bool, by_device: bool, code: bool) -> str:
    """What the recipient has shown that is enough for this message's level (S48-S50), as the trail says it.

    `typed`: the passphrase, for this very message; `signed_in`: at all, `by_device` if by a remembered one;
    `code`: one mailed to the address. Raises PassphraseNeededError.
    """
    if message.level == Level.NONE:
        return "nothing"
    if typed:
        return "passphrase"
    if message.level != Level.HIGH and signed_in:
        return "device" if by_device else "session"
    if code and by_code(message):
        return "code"
    raise PassphraseNeededError


def _require_active(db: Session, address: str) -> None:
    """As people's, on the hot path. Raises PersonInactiveError."""
    owner = execute(db, statements.OWNER, address=address).first()
    if owner is not None and not owner.active:
        raise PersonInactiveError


def _offer(db: Session, opening: Any) -> Literal["passphrase"] | None:
    if opening.approval != "code":
        return None
    owner = execute(db, statements.OWNER, address=opening.address).first()
    return None if owner is not None and owner.passphrase_hash else "passphrase"


def _check_flood(db: Session, message_id: UUID, source: str, *, now: datetime) -> None:
    since = now - LIFETIME
    asked = execute(db, statements.ASKED, message_id=message_id, source=source, since=since).scalar_one()
    if asked >= ASKS:
        raise ThrottledError(LIFETIME / ASKS)


def _add(db: Session, wanted: Ask, address: str, *, source: str, state: str, now: datetime) -> bool:
    added = execute(
        db,
        statements.add(dialect_of(db)),
        id=wanted.id,
        message_id=wanted.message_id,
        address=address,
        recipient=wanted.recipient,
        public_key=wanted.public_key,
        poll_sha256=wanted.poll_sha256,
        source=source,
        state=state,
        asked=now,
        expires=now + LIFETIME,
    )
    return added.first() is not None


def _the_same_again(db: Session, wanted: Ask, *, now: datetime) -> Waiting:
    opening = _opening(db, wanted.id)
    asked = (wanted.message_id, wanted.recipient, wanted.public_key, wanted.poll_sha256)
    if (opening.message_id, opening.recipient, opening.public_key, opening.poll_sha256) != asked:
        raise ConflictError
    if _is_over(opening, now=now):
        raise GoneError
    return Waiting(opening.opening_expires - now)


def _seal(opening: Any, keyring: Keyring) -> bytes:
    """enc || ciphertext of the key share, for the page's key and for this opening alone."""
    share = keyring.unwrap(opening.wrapped_share, opening.message_id, version=opening.kek_version)
    info = opening.id.bytes + opening.message_id.bytes + opening.recipient.encode()
    return _SUITE.encrypt(share, _public_key(opening.public_key), b"sealpost/1 opening" + info)


def _note_release(db: Session, opening: Any, *, person: Person | None, approval: str, now: datetime) -> None:
    """What the sender and the auditor will see. If it cannot be written, nothing is released."""
    execute(db, statements.OPENED, of_message=opening.message_id, of_address=opening.address, now=now)
    if opening.receipt:
        receipts.opened(db, opening.message_id, opening.address, proven=approval != "nothing", now=now)
    audit.record(
        db,
        "message released",
        account_id=opening.account_id,
        now=now,
        message=opening.message_id,
        recipient=opening.address,
        person=person.id if person and approval != "code" else None,
        shown=approval,
        opening=opening.id,
        source=opening.source,
    )


def _public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    """A point that is on the curve, uncompressed. Raises InvalidFieldError."""
    try:
        if len(point) == ENC:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        pass
    raise InvalidFieldError("public_key", "an uncompressed point of P-256")
