"""Slows down whoever tries too often; must never become a lock that a stranger can turn.

Every attempt is counted under a digest of who or what tried. The first few are free; after each further one
the next has to wait twice as long, up to a limit, and a day of quiet forgets all (or whatever the rule
says).

Sign-in counts three ways (`SIGN_IN_*`):

- by source: a program at one place soon waits minutes between guesses, whatever addresses it tries. Many
people may
  share a source, so much is free.
- by address, over all strange browsers together: many sources guessing one person's passphrase slow each
other down.
  Anyone can bring this about, so it must not keep the owner out:
- a browser in which somebody signed in with this address before has a mark of its own (a signed cookie, see
  `views.web.known_browser`) and is counted by that mark alone. An owner at their own computer so never
  meets the delay that strangers cause (OWASP, «Slow down online guessing attacks with device cookies»). An
  owner at a new computer during an attack waits a minute at worst between tries, or takes the mailed code,
  which no guessing slows.

Codes are counted by address and by source when they are asked for, since each costs somebody a mail. An
owner whose address was flooded finds the code mails of the flood in the mailbox, and the link in any of
them serves.

Attempts that run side by side are counted after the fact, so a burst may get through as many as are judged
at the same time (`passphrase_workers`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import case, delete, select
from sqlalchemy.orm import Session

from keyserver.db import insert_into, rows_changed
from keyserver.errors import ThrottledError
from keyserver.models import Throttle


@dataclass(frozen=True)
class Rule:
    """`free` attempts, then a wait of `wait` that doubles up to `longest`; forgotten after `memory`."""

    name: str
    free: int
    wait: timedelta
    longest: timedelta
    memory: timedelta = timedelta(days=1)

    def key(self, subject: str) -> bytes:
        """What is stored: the table does not list who tried to sign in."""
        return sha256(f"{self.name}\0{subject}".encode()).digest()

    def wait_after(self, attempts: int) -> timedelta:
        """How long after so many attempts the next one is refused."""
        beyond = attempts - self.free
        if beyond < 0:
            return timedelta(0)
        return min(self.longest, self.wait * (1 << min(beyond, 32)))


_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_DAY = timedelta(days=1)

SIGN_IN_ADDRESS = Rule("sign-in address", free=10, wait=_SECOND, longest=_MINUTE)
SIGN_IN_BROWSER = Rule("sign-in browser", free=5, wait=_SECOND, longest=15 * _MINUTE)
CODE_TRY_SOURCE = Rule("code try source", free=40, wait=_SECOND, longest=15 * _MINUTE)
PASSPHRASE_CHANGE = Rule("passphrase change", free=5, wait=_SECOND, longest=15 * _MINUTE)
SIGN_IN_SOURCE = Rule("sign-in source", free=30, wait=_SECOND, longest=15 * _MINUTE)
CODE_ADDRESS = Rule("code address", free=3, wait=_MINUTE, longest=2 * _HOUR)
CODE_SOURCE = Rule("code source", free=30, wait=_SECOND, longest=_HOUR)
#: A copy may be tens of megabytes, and whoever holds the envelope may ask for it; a source and a message.
COPY = Rule("copy", free=60, wait=_SECOND, longest=30 * _SECOND, memory=10 * _MINUTE)
#: Envelopes posted to be opened online, by source and message, and by source: each lies half an hour.
ONLINE_MESSAGE = Rule("online message", free=10, wait=5 * _SECOND, longest=10 * _MINUTE, memory=30 * _MINUTE)
ONLINE_SOURCE = Rule("online source", free=100, wait=_SECOND, longest=30 * _SECOND, memory=30 * _MINUTE)
#: Envelopes that were forwarded to us: each brings its recipient a mail, whoever forwards it. By message and
#: recipient first, so that who holds one envelope does not use up what the recipient may do with others.
FORWARD_MESSAGE = Rule("forward message", free=5, wait=10 * _MINUTE, longest=6 * _HOUR)
FORWARD_ADDRESS = Rule("forward address", free=100, wait=_MINUTE, longest=_HOUR)
#: Help for mail in which there is nothing for us, once a day for each sender and so many in an hour in all:
#: what is written as sender may be anybody's address.
HELP_ADDRESS = Rule("help address", free=1, wait=_DAY, longest=_DAY)
HELP_HOUR = Rule("help hour", free=100, wait=_HOUR, longest=_HOUR, memory=_HOUR)
LINK_TRY_SOURCE = Rule("link try source", free=40, wait=_SECOND, longest=15 * _MINUTE)
#: The longest memory of all rules, for the purge.
MEMORY = timedelta(days=1)

Counted = tuple[Rule, str]


def check(db: Session, *counted: Counted, now: datetime) -> None:
    """Raises ThrottledError while any of these has to wait."""
    rules = {rule.key(subject): rule for rule, subject in counted}
    rows = db.execute(
        select(Throttle.key, Throttle.attempts, Throttle.last).where(Throttle.key.in_(rules))
    ).all()
    until = [
        row.last + rules[row.key].wait_after(row.attempts)
        for row in rows
        if row.last + rules[row.key].memory > now
    ]
    if until and max(until) > now:
        raise ThrottledError(max(until) - now)


def count(db: Session, *counted: Counted, now: datetime) -> None:
    """One more attempt of each of these."""
    for rule, subject in sorted(counted, key=lambda pair: pair[0].key(pair[1])):  # one order: no deadlocks
        insert = insert_into(db, Throttle).values(key=rule.key(subject), attempts=1, last=now)
        again = case((Throttle.last < now - rule.memory, 1), else_=Throttle.attempts + 1)
        db.execute(
            insert.on_conflict_do_update(index_elements=["key"], set_={"attempts": again, "last": now})
        )


def forget(db: Session, *counted: Counted) -> None:
    """These start afresh: whoever it was has shown to be entitled."""
    db.execute(delete(Throttle).where(Throttle.key.in_([rule.key(subject) for rule, subject in counted])))


def purge(db: Session, *, now: datetime) -> int:
    """Drop what no rule remembers any more; returns how many."""
    return rows_changed(db, delete(Throttle).where(Throttle.last < now - MEMORY))
