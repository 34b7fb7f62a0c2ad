"""People: who they are, which addresses are theirs, and their passphrases; knows no session and no page."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver import audit, devices, outbox, throttle
from keyserver.db import let_others_write
from keyserver.errors import AuthenticationError, InvalidFieldError
from keyserver.mailboxes import mailbox
from keyserver.models import Person, PersonAddress
from keyserver.passphrases import Passphrases, check_strength
from translations import LOCALES, full_name

LONGEST_NAME = 100
_BY_ID = select(Person).where(Person.id == bindparam("id"))


def person_of(db: Session, address: str) -> Person | None:
    """Whose address this is, if anybody's."""
    return db.scalar(
        select(Person)
        .join(PersonAddress, PersonAddress.person_id == Person.id)
        .where(PersonAddress.address == address.strip().lower())
    )


def by_id(db: Session, person_id: UUID) -> Person | None:
    """The person with that id; asked by every page, so put together once."""
    return db.execute(_BY_ID, {"id": person_id}).scalar()


def addresses_of(db: Session, person: Person) -> list[str]:
    """The person's addresses, the oldest first."""
    found = select(PersonAddress.address).where(PersonAddress.person_id == person.id)
    return list(db.scalars(found.order_by(PersonAddress.created, PersonAddress.address)))


def name_of(person: Person) -> str:
    """First and last name, in the order of the person's language."""
    return full_name(person.first_name, person.last_name, person.locale)


def sign_in(
    db: Session,
    address: str,
    passphrase: str,
    *,
    source: str,
    now: datetime,
    passphrases: Passphrases,
    browser: str | None = None,
) -> Person:
    """Who this is. `browser`: the mark of a browser that this address signed in with before (throttle.py).

    Raises AuthenticationError, one answer in one time for whatever is wrong, or ThrottledError.
    """
    address = address.strip().lower()
    counted = _counted(address, source=source, browser=browser)
    throttle.check(db, *counted, now=now)
    person = person_of(db, address)
    stored = person.passphrase_hash if person is not None and person.active else None
    let_others_write(db)
    right = passphrases.verify(stored, passphrase)
    renewed = passphrases.hash(passphrase) if right and stored and passphrases.outdated(stored) else stored
    if not right or person is None:
        throttle.count(db, *counted, now=now)
        audit.record(db, "sign-in refused", account_id=None, now=now, address=address[:320], source=source)
        raise AuthenticationError
    person.passphrase_hash = renewed
    throttle.forget(db, *(pair for pair in counted if pair[0] is not throttle.SIGN_IN_SOURCE))
    audit.record(db, "signed in", account_id=None, now=now, person=person.id, source=source)
    return person


def set_up(
    db: Session,
    *,
    address: str,
    first_name: str,
    last_name: str,
    locale: str,
    passphrase: str,
    now: datetime,
    passphrases: Passphrases,
) -> Person:
    """The owner of an address that was just proven chooses names and a passphrase, the first or a new one.

    Ends whatever was signed in before. Raises PassphraseTooWeakError, InvalidFieldError, AuthenticationError
    (no longer active), ThrottledError.
    """
    address = mailbox(address)
    check_strength(passphrase, own=(first_name, last_name, address))
    let_others_write(db)
    hashed = passphrases.hash(passphrase)
    person = person_of(db, address) or _register(db, address, locale=locale, now=now)
    if not person.active:
        raise AuthenticationError
    update_profile(db, person, first_name=first_name, last_name=last_name, locale=locale, now=now)
    again = person.passphrase_hash is not None
    _set_passphrase(db, person, hashed)
    audit.record(db, "passphrase set", account_id=None, now=now, person=person.id, address=address)
    if again:
        _tell(db, person, now=now)
    return person


def change_passphrase(
    db: Session,
    person: Person,
    *,
    current: str,
    new: str,
    source: str,
    now: datetime,
    passphrases: Passphrases,
) -> None:
    """Replace the passphrase, which ends every session and remembered device.

    Raises AuthenticationError (`current` is wrong), ThrottledError, PassphraseTooWeakError.
    """
    check_strength(new, own=(person.first_name, person.last_name, *addresses_of(db, person)))
    counted = (throttle.PASSPHRASE_CHANGE, str(person.id))
    throttle.check(db, counted, now=now)
    stored = person.passphrase_hash
    let_others_write(db)
    if not passphrases.verify(stored, current):
        throttle.count(db, counted, now=now)
        audit.record(
            db, "passphrase change refused", account_id=None, now=now, person=person.id, source=source
        )
        raise AuthenticationError
    _set_passphrase(db, person, passphrases.hash(new))
    audit.record(db, "passphrase changed", account_id=None, now=now, person=person.id, source=source)
    _tell(db, person, now=now)


def update_profile(
    db: Session, person: Person, *, first_name: str, last_name: str, locale: str, now: datetime
) -> None:
    """Change names and language. Raises InvalidFieldError."""
    person.first_name = _name(first_name, "first_name")
    person.last_name = _name(last_name, "last_name")
    if locale not in LOCALES:
        raise InvalidFieldError("locale", f"one of {', '.join(LOCALES)}")
    person.locale = locale
    db.flush()
    audit.record(db, "profile changed", account_id=None, now=now, person=person.id)


def known_by(db: Session, address: str, *, locale: str, now: datetime) -> Person:
    """The owner of an address, registered without a passphrase if nobody was. Raises InvalidFieldError."""
    address = mailbox(address)
    return person_of(db, address) or _register(db, address, locale=locale, now=now)


def set_active(db: Session, person: Person, *, active: bool, now: datetime) -> None:
    """Let a person in or keep them out; keeping out ends sessions and devices at once."""
    person.active = active
    person.epoch += 1
    devices.void_all(db, person)
    db.flush()
    event = "person activated" if active else "person deactivated"
    audit.record(db, event, account_id=None, now=now, person=person.id)


def _counted(address: str, *, source: str, browser: str | None) -> tuple[throttle.Counted, ...]:
    if browser is not None:
        return ((throttle.SIGN_IN_BROWSER, f"{browser} {address}"),)
    return ((throttle.SIGN_IN_ADDRESS, address), (throttle.SIGN_IN_SOURCE, source))


def _register(db: Session, address: str, *, locale: str, now: datetime) -> Person:
    person = Person(id=uuid7(), first_name="", last_name="", locale=locale, epoch=0, active=True, created=now)
    db.add(person)
    db.flush()
    db.add(PersonAddress(address=address, person_id=person.id, created=now))
    db.flush()
    audit.record(db, "person registered", account_id=None, now=now, person=person.id, address=address)
    return person


def _set_passphrase(db: Session, person: Person, hashed: str) -> None:
    person.passphrase_hash = hashed
    person.epoch += 1
    devices.void_all(db, person)
    db.flush()


def _tell(db: Session, person: Person, *, now: datetime) -> None:
    """To every address: whoever took over one mailbox must not be the only one to hear of it."""
    context = {"name": name_of(person), "when": now.isoformat()}
    for address in addresses_of(db, person):
        outbox.put(db, to=address, name="passphrase_changed", locale=person.locale, context=context, now=now)


def _name(text: str, field: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidFieldError(field, f"1 to {LONGEST_NAME} printable characters")
    return name
