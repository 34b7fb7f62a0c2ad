"""Mail that waits to be sent, written in the transaction that caused it; neither renders nor sends.

The worker renders a mail when it sends it, from `templates/mail/<name>/{subject.txt,body.txt,body.html}` in
the mail's locale. Every template has `locale`, `direction` and `address`, and by its name:

| name | context |
|---|---|
| `code` | `code` («1234 5678»), `flow` (becomes `flow_url`), `minutes`, `organisation` or None |
| `welcome` | `code`, `flow` (becomes `flow_url`), `organisation` |
| `passphrase_changed` | `name`, `when` (ISO 8601; the template gets it in words) |
| `receipt` | `recipient`, `proven`, `subject` or None, `sent` and `when` (as above) |
| `forwarded` | `link` and `code` (become `link_url`), `hours`, `organisation`, `sender` |
| `forwarded_refused` | `reason` (an error's code), `said` or `when` by it, `organisation`, `sender` |
| `forwarded_unread` | `fault`: ``nothing``, ``foreign``, ``unusable`` or ``too-large`` |
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver.db import rows_changed
from keyserver.models import Outbox

#: A worker that took a mail and died leaves it to others after this long.
LEASE = timedelta(minutes=5)
#: How long delivery is tried when nobody says otherwise.
PATIENCE = timedelta(days=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)


@dataclass(frozen=True)
class Waiting:
    """A mail that a worker took to send it; its context may hold a code."""

    id: UUID
    address: str
    name: str
    locale: str
    context: dict[str, Any] = field(repr=False)
    attempts: int


def put(
    db: Session,
    *,
    to: str,
    name: str,
    locale: str,
    context: dict[str, Any],
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Queue a mail; it goes out after the caller's transaction, or is dropped when `until` has passed."""
    db.execute(
        insert(Outbox).values(
            id=uuid7(),
            address=to,
            name=name,
            locale=locale,
            context=context,
            created=now,
            due=now,
            until=until or now + PATIENCE,
            attempts=0,
        )
    )


def take(db: Session, *, now: datetime, limit: int = 10) -> list[Waiting]:
    """Mails that are due; other workers leave them alone for a while."""
    due = (select(Outbox.id).where(Outbox.due <= now).order_by(Outbox.due).limit(limit)).with_for_update(
        skip_locked=True
    )
    ids = list(db.scalars(due))
    if not ids:
        return []
    taken = db.execute(
        update(Outbox)
        .where(Outbox.id.in_(ids))
        .values(due=now + LEASE, attempts=Outbox.attempts + 1)
        .returning(Outbox.id, Outbox.address, Outbox.name, Outbox.locale, Outbox.context, Outbox.attempts)
    )
    return [Waiting(**row._mapping) for row in taken]


def sent(db: Session, id: UUID) -> None:
    """It is out: nothing of it stays."""
    db.execute(delete(Outbox).where(Outbox.id == id))


def failed(db: Session, mail: Waiting, *, now: datetime) -> None:
    """Try again later, each time twice as much later."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(mail.attempts - 1, 16))
    db.execute(update(Outbox).where(Outbox.id == mail.id).values(due=now + wait))


def give_up(db: Session, *, now: datetime) -> int:
    """Drop what nobody waits for any more; returns how many."""
    return rows_changed(db, delete(Outbox).where(Outbox.until < now))


def length(db: Session) -> int:
    """How many mails wait."""
    return db.scalar(select(func.count()).select_from(Outbox)) or 0
