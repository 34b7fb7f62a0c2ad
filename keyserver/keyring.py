"""Wraps key shares under the server's own keys (KEKs), by version; knows no message beyond its id."""

import os
from collections.abc import Mapping
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from keyserver.errors import KekMissingError
from keyserver.models import Message

NONCE = 12


class Keyring:
    """The KEKs. The highest version wraps, every version unwraps."""

    def __init__(self, keks: Mapping[int, bytes]) -> None:
        self._ciphers = {version: AESGCM(kek) for version, kek in keks.items()}
        self.current = max(keks)

    def __repr__(self) -> str:
        return f"Keyring(versions {sorted(self._ciphers)})"

    def wrap(self, share: bytes, message_id: UUID) -> tuple[int, bytes]:
        """Version used, and nonce || AES-256-GCM of the share; the message id is bound to it."""
        nonce = os.urandom(NONCE)
        return self.current, nonce + self._ciphers[self.current].encrypt(nonce, share, message_id.bytes)

    def unwrap(self, wrapped: bytes, message_id: UUID, *, version: int) -> bytes:
        """The share. Raises KekMissingError; InvalidTag if the row was tampered with."""
        cipher = self._ciphers.get(version)
        if cipher is None:
            raise KekMissingError(version)
        return cipher.decrypt(wrapped[:NONCE], wrapped[NONCE:], message_id.bytes)


def shares_by_version(db: Session) -> dict[int, int]:
    """How many key shares each KEK version wraps: a version that is not listed can be retired."""
    rows = db.execute(select(Message.kek_version, func.count().label("shares")).group_by(Message.kek_version))
    return {row.kek_version: row.shares for row in rows}


def rewrap(db: Session, keyring: Keyring, *, after: UUID | None, limit: int = 500) -> tuple[UUID | None, int]:
    """Move the next shares, in the order of message ids, to the current KEK; in the caller's transaction.

    Returns the id to go on after, None at the end, and how many were moved. Raises KekMissingError.
    """
    found = select(Message.id, Message.kek_version, Message.wrapped_share).where(
        Message.kek_version != keyring.current
    )
    if after is not None:
        found = found.where(Message.id > after)
    rows = db.execute(found.order_by(Message.id).limit(limit).with_for_update()).all()
    for row in rows:
        share = keyring.unwrap(row.wrapped_share, row.id, version=row.kek_version)
        version, wrapped = keyring.wrap(share, row.id)
        db.execute(
            update(Message).where(Message.id == row.id).values(kek_version=version, wrapped_share=wrapped)
        )
    return (rows[-1].id if len(rows) == limit else None), len(rows)
