"""Openings: asked for by a page, approved by a person, released once to that page; shows nothing.

This is the one room that unwraps key shares to hand them on. Each comes out of it sealed to one page's key,
in the same transaction as the audit entry about it. Statements are few and by primary key: this is the hot
path.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from sqlalchemy import and_, delete, exists, func, select, update
from sqlalchemy.orm import Session

from envelope.options import Level
from keyserver import audit
from keyserver.db import insert_into, rows_changed
from keyserver.errors import (
    ConflictError,
    GoneError,
    InvalidFieldError,
    NotEntitledError,
    NotFoundError,
    PassphraseNeededError,
    ThrottledError,
)
from keyserver.keyring import Keyring
from keyserver.mailboxes import mailbox
from keyserver.messages import State, require_open, state_of
from keyserver.models import Message, MessageRecipient, Opening, Person, PersonAddress, Profile

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
    """The key share, sealed to the page's key (RFC 9180): only that page can open it."""

    enc: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


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
    message_state: State
    lock_reason: str | None
    recipient: str
    sender: str
    sender_name: str
    subject: str | None
    sent: datetime
    expires: datetime | None
    level: Level
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
    address = mailbox(wanted.recipient, field="recipient")
    message = _message(db, wanted.message_id, address)
    stored = message.possession_sha256 if message else bytes(32)
    shown = hmac.compare_digest(sha256(wanted.possession_proof).digest(), stored)
    if message is None or not shown:
        raise NotFoundError
    if message.address is None:
        raise NotEntitledError
    require_open(message, now=now)
    _public_key(wanted.public_key)
    _check_flood(db, wanted.message_id, source, now=now)
    at_once = message.level == Level.NONE
    if not _add(db, wanted, address, source=source, state="fetched" if at_once else "waiting", now=now):
        return _the_same_again(db, wanted, now=now)
    if not at_once:
        return Waiting(LIFETIME)
    opening = _opening(db, wanted.id)
    sealed = _seal(opening, keyring)
    _note_release(db, opening, person=None, now=now)
    return Released(sealed[:ENC], sealed[ENC:])


def look(db: Session, opening_id: UUID, *, now: datetime) -> OpeningView:
    """What the person is shown first. Raises NotFoundError: the page's request may still be on its way."""
    row = db.execute(
        select(
            Opening.id,
            Opening.recipient,
            Opening.public_key,
            Opening.state,
            Opening.expires.label("opening_expires"),
            Opening.proven_by,
            Message.sender,
            Message.sender_name,
            Message.subject,
            Message.sent,
            Message.level,
            Message.expires,
            Message.locked,
            Message.lock_reason,
            Message.profile_id,
            Profile.brand_name,
            Profile.logo_type,
        )
        .join(Message, Message.id == Opening.message_id)
        .join(Profile, Profile.id == Message.profile_id)
        .where(Opening.id == opening_id)
    ).first()
    if row is None:
        raise NotFoundError
    over = row.state == "fetched" or row.opening_expires <= now
    return OpeningView(
        id=row.id,
        state="gone" if over else row.state,
        message_state=state_of(row, now=now),
        lock_reason=row.lock_reason,
        recipient=row.recipient,
        sender=row.sender,
        sender_name=row.sender_name,
        subject=row.subject,
        sent=row.sent,
        expires=row.expires,
        level=Level(row.level),
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


def approve(db: Session, opening_id: UUID, person: Person, *, now: datetime, keyring: Keyring) -> None:
    """Release the key share to the page that asked; a second click on the button changes nothing.

    Raises GoneError, NotEntitledError, MessageLockedError, MessageExpiredError, PassphraseNeededError.
    """
    opening = _opening(db, opening_id, person=person)
    if opening is None or opening.opening_expires <= now:
        raise GoneError
    if not opening.entitled:
        raise NotEntitledError
    require_open(opening, now=now)
    if opening.state != "waiting":
        return
    if opening.level == Level.HIGH and opening.proven_by != person.id:
        raise PassphraseNeededError
    released = db.execute(
        update(Opening)
        .where(Opening.id == opening_id, Opening.state == "waiting")
        .values(
            state="released",
            sealed=_seal(opening, keyring),
            expires=min(opening.opening_expires, now + RESULT_LIFETIME),
        )
        .returning(Opening.id)
    ).first()
    if released is not None:  # else another tab was faster, to the same end
        _note_release(db, opening, person=person, now=now)


def result(db: Session, opening_id: UUID, poll_secret: bytes, *, now: datetime) -> Waiting | Released:
    """What became of an opening; a released share is handed out once.

    Raises NotFoundError, GoneError, MessageLockedError, MessageExpiredError.
    """
    opening = _opening(db, opening_id)
    if opening is None or not hmac.compare_digest(sha256(poll_secret).digest(), opening.poll_sha256):
        raise NotFoundError
    if opening.state == "fetched" or opening.opening_expires <= now:
        raise GoneError
    require_open(opening, now=now)
    if opening.state == "waiting":
        return Waiting(opening.opening_expires - now)
    fetched = db.execute(
        update(Opening)
        .where(Opening.id == opening_id, Opening.state == "released")
        .values(state="fetched")
        .returning(Opening.sealed)
    ).first()
    if fetched is None:
        raise GoneError
    return Released(fetched.sealed[:ENC], fetched.sealed[ENC:])


def match_code(opening_id: UUID, public_key: bytes) -> str:
    """The two digits that page and portal both show (API.md)."""
    digest = sha256(b"sealpost/1 match" + opening_id.bytes + public_key).digest()
    return str(int.from_bytes(digest[:4]) % 90 + 10)


def purge(db: Session, *, now: datetime) -> int:
    """Drop sealed shares that were fetched, and openings long over; returns how many of these."""
    over = (Opening.state == "fetched") | (Opening.expires <= now)
    db.execute(update(Opening).where(over, Opening.sealed.is_not(None)).values(sealed=None))
    return rows_changed(db, delete(Opening).where(Opening.expires < now - AFTERLIFE))


_LIFE = (Message.locked, Message.lock_reason, Message.expires)
_SHARE = (Message.kek_version, Message.wrapped_share, Message.account_id)


def _message(db: Session, message_id: UUID, address: str) -> Any:
    """The message, with `address` None unless it is one of its recipients'."""
    return db.execute(
        select(Message.possession_sha256, Message.level, *_LIFE, MessageRecipient.address)
        .outerjoin(
            MessageRecipient,
            and_(MessageRecipient.message_id == Message.id, MessageRecipient.address == address),
        )
        .where(Message.id == message_id)
    ).first()


def _opening(db: Session, opening_id: UUID, *, person: Person | None = None) -> Any:
    """The opening and what decides about it, as one row; with `person`, whether it is for their address."""
    owns = exists().where(
        PersonAddress.address == Opening.address, PersonAddress.person_id == (person.id if person else None)
    )
    return db.execute(
        select(
            Opening.id,
            Opening.message_id,
            Opening.address,
            Opening.recipient,
            Opening.public_key,
            Opening.poll_sha256,
            Opening.state,
            Opening.proven_by,
            Opening.source,
            Opening.expires.label("opening_expires"),
            Message.level,
            *_LIFE,
            *_SHARE,
            owns.label("entitled"),
        )
        .join(Message, Message.id == Opening.message_id)
        .where(Opening.id == opening_id)
    ).first()


def _check_flood(db: Session, message_id: UUID, source: str, *, now: datetime) -> None:
    asked = db.scalar(
        select(func.count()).where(
            Opening.message_id == message_id, Opening.source == source, Opening.asked > now - LIFETIME
        )
    )
    if asked is not None and asked >= ASKS:
        raise ThrottledError(LIFETIME / ASKS)


def _add(db: Session, wanted: Ask, address: str, *, source: str, state: str, now: datetime) -> bool:
    added = db.execute(
        insert_into(db, Opening)
        .values(
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
        .on_conflict_do_nothing()
        .returning(Opening.id)
    )
    return added.first() is not None


def _the_same_again(db: Session, wanted: Ask, *, now: datetime) -> Waiting:
    opening = _opening(db, wanted.id)
    asked = (wanted.message_id, wanted.recipient, wanted.public_key, wanted.poll_sha256)
    if (opening.message_id, opening.recipient, opening.public_key, opening.poll_sha256) != asked:
        raise ConflictError
    if opening.state == "fetched" or opening.opening_expires <= now:
        raise GoneError
    return Waiting(opening.opening_expires - now)


def _seal(opening: Any, keyring: Keyring) -> bytes:
    """enc || ciphertext of the key share, for the page's key and for this opening alone."""
    share = keyring.unwrap(opening.wrapped_share, opening.message_id, version=opening.kek_version)
    info = opening.id.bytes + opening.message_id.bytes + opening.recipient.encode()
    return _SUITE.encrypt(share, _public_key(opening.public_key), b"sealpost/1 opening" + info)


def _note_release(db: Session, opening: Any, *, person: Person | None, now: datetime) -> None:
    """What the sender and the auditor will see. If it cannot be written, nothing is released."""
    db.execute(
        update(MessageRecipient)
        .where(MessageRecipient.message_id == opening.message_id, MessageRecipient.address == opening.address)
        .values(first_opened=func.coalesce(MessageRecipient.first_opened, now), last_opened=now)
    )
    audit.record(
        db,
        "message released",
        account_id=opening.account_id,
        now=now,
        message=opening.message_id,
        recipient=opening.address,
        person=person.id if person else None,
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
