"""Throttling: free attempts, growing waits, forgetting."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from keyserver import throttle
from keyserver.errors import ThrottledError
from keyserver.throttle import Rule

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RULE = Rule("test", free=3, wait=SECOND, longest=MINUTE)


def count(db: Session, times: int, *, now: datetime, subject: str = "a") -> None:
    for _ in range(times):
        throttle.count(db, (RULE, subject), now=now)


def test_first_attempts_are_free(db: Session, now: datetime) -> None:
    count(db, 2, now=now)

    throttle.check(db, (RULE, "a"), now=now)


def test_further_attempts_wait(db: Session, now: datetime) -> None:
    count(db, 5, now=now)

    with pytest.raises(ThrottledError) as refusal:
        throttle.check(db, (RULE, "a"), now=now)
    throttle.check(db, (RULE, "a"), now=now + 4 * SECOND)

    assert refusal.value.retry_after == 4 * SECOND


def test_wait_doubles_up_to_its_limit() -> None:
    waits = [RULE.wait_after(attempts).total_seconds() for attempts in (2, 3, 4, 5, 8, 9, 10, 10_000)]

    assert waits == [0, 1, 2, 4, 32, 60, 60, 60]


def test_others_are_not_affected(db: Session, now: datetime) -> None:
    count(db, 9, now=now)

    throttle.check(db, (RULE, "b"), (Rule("other", free=3, wait=SECOND, longest=MINUTE), "a"), now=now)


def test_longest_wait_of_several_counts(db: Session, now: datetime) -> None:
    count(db, 9, now=now)
    count(db, 3, now=now, subject="b")

    with pytest.raises(ThrottledError) as refusal:
        throttle.check(db, (RULE, "a"), (RULE, "b"), now=now)

    assert refusal.value.retry_after == MINUTE


def test_success_forgets(db: Session, now: datetime) -> None:
    count(db, 9, now=now)

    throttle.forget(db, (RULE, "a"))

    throttle.check(db, (RULE, "a"), now=now)


def test_quiet_time_forgets(db: Session, now: datetime) -> None:
    count(db, 9, now=now)
    later = now + timedelta(days=1, seconds=1)
    count(db, 1, now=later)

    throttle.check(db, (RULE, "a"), now=later)


def test_purge_drops_what_is_forgotten(db: Session, now: datetime) -> None:
    count(db, 1, now=now)
    count(db, 1, now=now + timedelta(days=1), subject="b")

    assert throttle.purge(db, now=now + timedelta(days=1, seconds=1)) == 1


def test_wait_is_said_in_whole_seconds() -> None:
    assert ThrottledError(timedelta(milliseconds=1200)).seconds == 2
    assert ThrottledError(timedelta(0)).seconds == 1
