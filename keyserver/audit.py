"""The trail of security events: appended to, never changed; each entry's digest covers the one before it.

A chain per account and one for the server itself. Whoever can write to the database could rewrite a whole
chain; the verifier therefore prints where each chain ends, and a note of that kept elsewhere shows any
later change before it.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from keyserver.db import insert_into
from keyserver.models import AuditEntry, AuditHead

log = logging.getLogger(__name__)

#: The chain of what belongs to no account: people, operators.
SYSTEM = "system"
START = bytes(32)


def record(db: Session, event: str, *, account_id: UUID | None, now: datetime, **data: Any) -> None:
    """Append one event to the account's chain, or to the server's; in the caller's transaction.

    `data`: what JSON can hold, ids and addresses, never a secret.
    """
    chain = str(account_id) if account_id else SYSTEM
    number, previous = _lock_head(db, chain)
    at, text = now.isoformat(), json.dumps(data, sort_keys=True, ensure_ascii=True, default=str)
    digest = _digest(previous, chain=chain, number=number + 1, at=at, event=event, data=text)
    db.execute(
        insert(AuditEntry).values(
            chain=chain, number=number + 1, at=at, event=event, data=text, digest=digest
        )
    )
    db.execute(update(AuditHead).where(AuditHead.chain == chain).values(number=number + 1, digest=digest))
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
    for head in db.execute(select(AuditHead).order_by(AuditHead.chain)).scalars():
        yield _verify_chain(db, head)


def _verify_chain(db: Session, head: AuditHead) -> Verdict:
    number, digest = 0, START
    found = select(AuditEntry.__table__).where(AuditEntry.chain == head.chain).order_by(AuditEntry.number)
    with db.execute(found.execution_options(yield_per=1000)) as entries:
        for entry in entries:
            number += 1
            digest = _digest(
                digest, chain=head.chain, number=number, at=entry.at, event=entry.event, data=entry.data
            )
            if entry.number != number or entry.digest != digest:
                return Verdict(head.chain, number, digest, number)
    fits = (number, digest) == (head.number, head.digest)
    return Verdict(head.chain, number, digest, None if fits else number + 1)


def _lock_head(db: Session, chain: str) -> tuple[int, bytes]:
    """Where the chain ends; nobody else appends to it before this transaction is over."""
    find = select(AuditHead.number, AuditHead.digest).where(AuditHead.chain == chain).with_for_update()
    row = db.execute(find).first()
    if row is None:
        start = insert_into(db, AuditHead).values(chain=chain, number=0, digest=START)
        db.execute(start.on_conflict_do_nothing())
        row = db.execute(find).one()
    return row.number, row.digest


def _digest(previous: bytes, *, chain: str, number: int, at: str, event: str, data: str) -> bytes:
    """SHA-256 over the previous digest and this entry, as a JSON list: no two entries have the same text."""
    return sha256(previous + json.dumps([chain, number, at, event, data]).encode()).digest()
