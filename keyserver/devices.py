"""Remembered devices: a standing credential per browser, listed and revocable; sets no cookie itself."""

import re
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from keyserver import audit
from keyserver.db import rows_changed
from keyserver.errors import NotFoundError
from keyserver.models import Device, Person
from keyserver.tokens import Token

KIND = "sealpost-device"
#: How exactly the last use is kept: a write for every request would be too many.
LAST_USE_STEP = timedelta(minutes=10)


def remember(db: Session, person: Person, *, label: str, lifetime: timedelta, now: datetime) -> str:
    """A new device of this person; returns what its cookie holds. Unused for `lifetime` it is forgotten."""
    token = Token.mint(KIND)
    db.add(
        Device(
            id=token.id,
            person_id=person.id,
            secret_sha256=token.sha256,
            label=label,
            created=now,
            last_used=now,
            expires=now + lifetime,
        )
    )
    db.flush()
    audit.record(db, "device remembered", account_id=None, now=now, person=person.id, device=token.id)
    return token.text


def person_by(db: Session, value: str, *, now: datetime) -> Person | None:
    """Whose device this cookie is, if it still counts."""
    device = _device_by(db, value)
    if device is None or device.expires <= now:
        return None
    person = db.get(Person, device.person_id)
    return person if person is not None and person.active else None


def used(db: Session, value: str, *, lifetime: timedelta, now: datetime) -> None:
    """Note that the device of this cookie is in use, which also prolongs its life."""
    device = _device_by(db, value)
    if device is not None and device.last_used < now - LAST_USE_STEP:
        device.last_used, device.expires = now, now + lifetime


def of(db: Session, person: Person, *, now: datetime) -> list[Device]:
    """The person's devices, the one used last first."""
    found = select(Device).where(Device.person_id == person.id, Device.expires > now)
    return list(db.scalars(found.order_by(Device.last_used.desc())))


def forget(db: Session, value: str, *, now: datetime) -> None:
    """End the device of this cookie, if it is one."""
    device = _device_by(db, value)
    if device is not None:
        _end(db, device, now=now)


def revoke(db: Session, person: Person, device_id: UUID, *, now: datetime) -> None:
    """End one of the person's own devices. Raises NotFoundError."""
    device = db.get(Device, device_id)
    if device is None or device.person_id != person.id:
        raise NotFoundError
    _end(db, device, now=now)


def revoke_all(db: Session, person: Person, *, now: datetime) -> None:
    """End all of the person's devices at their own wish."""
    void_all(db, person)
    audit.record(db, "all devices forgotten", account_id=None, now=now, person=person.id)


def void_all(db: Session, person: Person) -> None:
    """End all devices of this person, as part of what is on record anyway."""
    db.execute(delete(Device).where(Device.person_id == person.id))


def purge(db: Session, *, now: datetime) -> int:
    """Drop what has not been used for too long; returns how many."""
    return rows_changed(db, delete(Device).where(Device.expires < now))


def label_of(user_agent: str) -> str:
    """Browser and system, as its owner knows them: `Firefox, Windows`. Proper names need no translation."""
    return ", ".join(
        next((name for mark, name in marks if re.search(mark, user_agent)), "?")
        for marks in (_BROWSERS, _SYSTEMS)
    )


#: Most specific first: browsers also claim to be those they descend from.
_BROWSERS = (
    (r"Edg/|EdgA/|EdgiOS/", "Edge"),
    (r"OPR/", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chromium/|Chrome/|CriOS/", "Chrome"),
    (r"Safari/", "Safari"),
)
_SYSTEMS = (
    (r"iPhone|iPod", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"CrOS", "ChromeOS"),
    (r"Macintosh|Mac OS X", "macOS"),
    (r"Linux|X11", "Linux"),
)


def _device_by(db: Session, value: str) -> Device | None:
    token = Token.parse(value)
    if token is None or token.kind != KIND:
        return None
    device = db.get(Device, token.id)
    return device if device is not None and token.matches(device.secret_sha256) else None


def _end(db: Session, device: Device, *, now: datetime) -> None:
    audit.record(db, "device forgotten", account_id=None, now=now, person=device.person_id, device=device.id)
    db.delete(device)
    db.flush()
