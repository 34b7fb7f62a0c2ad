"""Remembered devices: recognised by a secret, listed, revoked, forgotten."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from keyserver import devices, people
from keyserver.errors import NotFoundError
from keyserver.models import AuditEntry, Person
from tests.factories import make_person

LIFETIME = timedelta(days=90)


def remember(db: Session, person: Person, *, now: datetime, label: str = "Firefox, Linux") -> str:
    return devices.remember(db, person, label=label, lifetime=LIFETIME, now=now)


def test_remembered_device_stands_for_its_person(db: Session, now: datetime) -> None:
    """S49: no credentials are asked of a recipient whose credentials are remembered."""
    bob = make_person(db, now=now)

    assert devices.person_by(db, remember(db, bob, now=now), now=now) is bob


@pytest.mark.parametrize("value", ["", "nonsense", "sealpost-device." + "0" * 32 + "." + "A" * 43])
def test_other_values_stand_for_nobody(db: Session, now: datetime, value: str) -> None:
    remember(db, make_person(db, now=now), now=now)

    assert devices.person_by(db, value, now=now) is None


def test_right_device_with_wrong_secret_stands_for_nobody(db: Session, now: datetime) -> None:
    value = remember(db, make_person(db, now=now), now=now)

    assert devices.person_by(db, value[:-43] + "A" * 43, now=now) is None


def test_inactive_persons_device_stands_for_nobody(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    value = remember(db, bob, now=now)
    bob.active = False

    assert devices.person_by(db, value, now=now) is None


def test_unused_device_is_forgotten(db: Session, now: datetime) -> None:
    value = remember(db, make_person(db, now=now), now=now)

    assert devices.person_by(db, value, now=now + LIFETIME) is None
    assert devices.purge(db, now=now + LIFETIME + timedelta(seconds=1)) == 1


def test_used_device_lives_on(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    value, later = remember(db, bob, now=now), now + LIFETIME / 2

    devices.used(db, value, lifetime=LIFETIME, now=later)

    assert devices.person_by(db, value, now=now + LIFETIME) is bob
    assert devices.of(db, bob, now=later)[0].last_used == later


def test_devices_are_listed_with_the_last_used_first(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    remember(db, bob, label="old", now=now)
    remember(db, bob, label="new", now=now + timedelta(hours=1))

    assert [device.label for device in devices.of(db, bob, now=now)] == ["new", "old"]


def test_one_device_is_revoked_alone(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    first, second = remember(db, bob, now=now), remember(db, bob, now=now)
    device = devices.of(db, bob, now=now)[0]

    devices.revoke(db, bob, device.id, now=now)

    left = [value for value in (first, second) if devices.person_by(db, value, now=now)]
    assert len(left) == 1


def test_others_devices_cannot_be_revoked(db: Session, now: datetime) -> None:
    bob, eve = make_person(db, now=now), make_person(db, "eve@e.example", now=now)
    remember(db, bob, now=now)

    with pytest.raises(NotFoundError):
        devices.revoke(db, eve, devices.of(db, bob, now=now)[0].id, now=now)


def test_forgotten_device_stands_for_nobody(db: Session, now: datetime) -> None:
    bob = make_person(db, now=now)
    value = remember(db, bob, now=now)

    devices.forget(db, value, now=now)
    devices.forget(db, value, now=now)

    assert devices.person_by(db, value, now=now) is None
    assert people.addresses_of(db, bob)


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/19.0 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/156.0.0.0 Safari/537.36",
            "Chrome, macOS",
        ),
        ("curl/8.0", "?, ?"),
    ],
)
def test_label_is_what_the_owner_recognises(user_agent: str, label: str) -> None:
    assert devices.label_of(user_agent) == label


def test_all_devices_of_one_person_are_revoked_and_that_is_on_record(db: Session, now: datetime) -> None:
    bob, eve = make_person(db, now=now), make_person(db, "eve@e.example", now=now)
    his, hers = [remember(db, bob, now=now) for _ in range(2)], remember(db, eve, now=now)

    devices.revoke_all(db, bob, now=now)

    assert devices.of(db, bob, now=now) == []
    assert [devices.person_by(db, value, now=now) for value in (*his, hers)] == [None, None, eve]
    assert db.scalars(select(AuditEntry).where(AuditEntry.event == "all devices forgotten")).one()
