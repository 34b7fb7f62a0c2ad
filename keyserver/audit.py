"""The trail of security events: appended to, never changed; each entry's digest covers the one before it.

A chain per account and one for the server itself; the database refuses to change or drop entries. Whoever
can write to the database could rewrite a whole chain; the verifier therefore prints where each chain ends,
and a note of that kept elsewhere shows any later change before it.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import String, bindparam, func, insert, select
from sqlalchemy.orm import Session

from keyserver.db import dialect_of, execute
from keyserver.models import AuditEntry, table

log = logging.getLogger(__name__)

#: The chain of what belongs to no account: people, operators.
SYSTEM = "system"
START = bytes(32)

_entry = table(AuditEntry)
_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("chain", type_=String), 0)))
_LAST = (
    select(_entry.c.number, _entry.c.digest)
    .where(_entry.c.chain == bindparam("chain"))
    .order_by(_entry.c.number.desc())
    .limit(1)
)
_APPEND = insert(_entry)


def record(db: Session, event: str, *, account_id: UUID | None, now: datetime, **data: Any) -> None:
    """Append one event to the account's chain, or to the server's; in the caller's transaction.

    `data`: what JSON can hold, ids and addresses, never a secret.
    """
    chain = str(account_id) if account_id else SYSTEM
    number, previous = _end_of(db, chain)
    at, text = now.isoformat(), json.dumps(data, sort_keys=True, ensure_ascii=True, default=str)
    digest = _digest(previous, chain=chain, number=number + 1, at=at, event=event, data=text)
    entry = {"chain": chain, "number": number + 1, "at": at, "event": event, "data": text}
    execute(db, _APPEND, **entry, digest=digest)
    log.info("%s %s", event, text)


@dataclass(frozen=True)
class Verdict:
    """What the verifier found on one chain; `broken_at` is the first entry that does not fit, if any."""

    chain: str
    entries: int
    head: bytes
    broken_at: int | None


def verify(db: Session) -> Iterator[Verdict]:
    """Recompute every chain from its start."""
    for chain in db.scalars(select(AuditEntry.chain).distinct().order_by(AuditEntry.chain)).all():
        yield _verify_chain(db, chain)


def _verify_chain(db: Session, chain: str) -> Verdict:
    number, digest = 0, START
    found = select(_entry).where(_entry.c.chain == chain).order_by(_entry.c.number)
    with db.execute(found.execution_options(yield_per=1000)) as entries:
        for entry in entries:
            number += 1
            digest = _digest(
                digest, chain=chain, number=number, at=entry.at, event=entry.event, data=entry.data
            )
            if entry.number != number or entry.digest != digest:
                return Verdict(chain, number, digest, number)
    return Verdict(chain, number, digest, None)


def _end_of(db: Session, chain: str) -> tuple[int, bytes]:
    """Where the chain ends; nobody else appends to it before this transaction is over.

    SQLite has one writer anyway. On PostgreSQL a lock that no row stands for keeps the others waiting.
    """
    if dialect_of(db) == "postgresql":
        execute(db, _LOCK, chain=chain)
    row = execute(db, _LAST, chain=chain).first()
    return (row.number, row.digest) if row else (0, START)


def _digest(previous: bytes, *, chain: str, number: int, at: str, event: str, data: str) -> bytes:
    """SHA-256 over the previous digest and this entry, as a JSON list: no two entries have the same text."""
    return sha256(previous + json.dumps([chain, number, at, event, data]).encode()).digest()
