"""One-time links to envelopes that were forwarded to us; neither reads mail nor opens anything.

A link has two parts: its id, by which its row is found, and a code of 80 bits, which stands in the mail and,
as the fragment, in the link, so that no server sees it before somebody presses the button. Kept are the
code's SHA-256, and the envelope secret sealed under a key that comes from the code: the database alone opens
nothing. While the mail waits to be sent, the outbox has the code too (SECURITY.md).
"""

import hmac
import os
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver import audit, throttle
from keyserver.db import rows_changed
from keyserver.errors import LinkExpiredError, LinkUsedError, LinkWrongError
from keyserver.models import ForwardedLink, StoredCopy
from keyserver.online import Held

LIFETIME = timedelta(days=1)
#: How long a link is kept after its end, so that its page can say why it is over.
AFTERLIFE = timedelta(days=1)

#: Crockford's base 32: no letter that is taken for a digit or for another one, and none that makes words.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS = 16
_GROUP = 4
_MEANT = str.maketrans("OIL", "011")
NONCE = 12


def create(
    db: Session, *, copy_id: UUID, address: str, envelope_secret: bytes, now: datetime
) -> tuple[UUID, str]:
    """A new link to a copy; its id, and its code as it is to be written into the one mail."""
    link_id = uuid7()
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    nonce = os.urandom(NONCE)
    db.add(
        ForwardedLink(
            id=link_id,
            copy_id=copy_id,
            address=address,
            secret_sha256=sha256(letters.encode()).digest(),
            sealed_secret=nonce + _cipher(link_id, letters).encrypt(nonce, envelope_secret, copy_id.bytes),
            created=now,
            expires=now + LIFETIME,
        )
    )
    db.flush()
    return link_id, "-".join(letters[at : at + _GROUP] for at in range(0, LETTERS, _GROUP))


def is_over(link_id: UUID, *, now: datetime) -> bool:
    """Whether a link with this id is too old, if there ever was one: the id says when (RFC 9562 section 5.7).

    Ask before anything else is said: it tells nobody whether there was.
    """
    made = datetime.fromtimestamp((link_id.int >> 80) / 1000, UTC) if link_id.version == 7 else now
    return made + LIFETIME <= now


def look(db: Session, link_id: UUID, code: str, *, source: str, now: datetime) -> Held:
    """What the link leads to; it can still be spent then.

    Raises LinkExpiredError, LinkWrongError (also where there is no such link), LinkUsedError, ThrottledError.
    """
    if is_over(link_id, now=now):
        raise LinkExpiredError
    throttle.check(db, (throttle.LINK_TRY_SOURCE, source), now=now)
    letters = _letters(code)
    link = db.get(ForwardedLink, link_id)
    stored = link.secret_sha256 if link else bytes(32)
    right = hmac.compare_digest(sha256(letters.encode()).digest(), stored)
    if link is None or not right:
        throttle.count(db, (throttle.LINK_TRY_SOURCE, source), now=now)
        audit.record(db, "link refused", account_id=None, now=now, link=link_id, source=source)
        raise LinkWrongError
    if link.expires <= now:
        raise LinkExpiredError
    if link.used is not None:
        raise LinkUsedError
    sealed = link.sealed_secret
    secret = _cipher(link_id, letters).decrypt(sealed[:NONCE], sealed[NONCE:], link.copy_id.bytes)
    message_id = db.scalars(select(StoredCopy.message_id).where(StoredCopy.id == link.copy_id)).one()
    return Held(copy_id=link.copy_id, message_id=message_id, recipient=link.address, envelope_secret=secret)


def spend(db: Session, link_id: UUID, code: str, *, source: str, now: datetime) -> Held:
    """As `look`, once: of two presses at the same moment one finds the link used."""
    held = look(db, link_id, code, source=source, now=now)
    unused = (ForwardedLink.id == link_id, ForwardedLink.used.is_(None))
    if not rows_changed(db, update(ForwardedLink).where(*unused).values(used=now)):
        raise LinkUsedError
    audit.record(
        db, "link used", account_id=None, now=now, link=link_id, address=held.recipient, source=source
    )
    return held


def purge(db: Session, *, now: datetime) -> int:
    """Drop links that ended long ago; returns how many."""
    return rows_changed(db, delete(ForwardedLink).where(ForwardedLink.expires < now - AFTERLIFE))


def _letters(code: str) -> str:
    """The code as it was mailed, however somebody typed it."""
    return "".join(filter(str.isalnum, code.upper())).translate(_MEANT)


def _cipher(link_id: UUID, letters: str) -> AESGCM:
    info = b"sealpost/1 forwarded link"
    return AESGCM(HKDF(SHA256(), 32, salt=link_id.bytes, info=info).derive(letters.encode()))
