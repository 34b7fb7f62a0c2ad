"""People: who they are, which addresses are theirs, and their passphrases; knows no session and no page."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, bindparam, delete, func, or_, select
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver import audit, devices, outbox, throttle
from keyserver.db import insert_into, let_others_write, rows_changed
from keyserver.errors import (
    AddressLimitError,
    AuthenticationError,
    CodeSpentError,
    InvalidFieldError,
    NotFoundError,
    PersonInactiveError,
)
from keyserver.mailboxes import mailbox
from keyserver.models import Person, PersonAddress, ProvenAddress
from keyserver.passphrases import Passphrases, check_strength
from translations import LOCALES, full_name

LONGEST_NAME = 100
#: Further addresses of one person: each is one more index to read for every page of the inbox.
MOST_FURTHER = 50
#: Not as this transaction has read it before.
_AS_IT_IS_NOW = {"populate_existing": True}
_BY_ID = select(Person).where(Person.id == bindparam("id"))


def person_of(db: Session, address: str) -> Person | None:
    """Who signs in with this address, if anybody."""
    return db.scalar(_owner_of(address))


def by_id(db: Session, person_id: UUID) -> Person | None:
    """The person with that id; asked by every page, so put together once."""
    return db.execute(_BY_ID, {"id": person_id}).scalar()


def require_active(db: Session, address: str) -> None:
    """Raises PersonInactiveError if whoever signs in with this address has been kept out."""
    person = person_of(db, address)
    if person is not None and not person.active:
        raise PersonInactiveError


def epoch_of(db: Session, address: str) -> int | None:
    """Of whoever signs in with this address: a proof of the address is used up when it has changed."""
    person = person_of(db, address)
    return person.epoch if person else None


def has_passphrase(db: Session, address: str) -> bool:
    """Whether somebody signs in with this address; for who has proven it."""
    person = person_of(db, address)
    return person is not None and person.passphrase_hash is not None


def own_addresses(db: Session, person: Person) -> list[str]:
    """The addresses that this person signs in with, the oldest first."""
    found = select(PersonAddress.address).where(PersonAddress.person_id == person.id)
    return list(db.scalars(found.order_by(PersonAddress.created, PersonAddress.address)))


def further_addresses(db: Session, person: Person) -> list[str]:
    """The addresses that this person has proven to read besides, the oldest first."""
    found = select(ProvenAddress.address).where(ProvenAddress.person_id == person.id)
    return list(db.scalars(found.order_by(ProvenAddress.created, ProvenAddress.address)))


def addresses_of(db: Session, person: Person) -> list[str]:
    """All of the person's addresses, those to sign in with first."""
    return [*own_addresses(db, person), *further_addresses(db, person)]


def owns(db: Session, person: Person, address: str) -> bool:
    """Whether what is sent to `address` is this person's to open."""
    address = address.strip().lower()
    own = select(PersonAddress.address).filter_by(address=address, person_id=person.id)
    further = select(ProvenAddress.address).filter_by(address=address, person_id=person.id)
    return bool(db.scalar(select(or_(own.exists(), further.exists()))))


def prove_address(db: Session, person: Person, address: str, *, now: datetime) -> None:
    """This person has shown that they read `address`; others may have, too (models.ProvenAddress).

    Raises AddressLimitError.
    """
    address = mailbox(address)
    if owns(db, person, address):
        return
    count = select(func.count()).select_from(ProvenAddress).where(ProvenAddress.person_id == person.id)
    if db.scalars(count).one() >= MOST_FURTHER:
        raise AddressLimitError
    added = insert_into(db, ProvenAddress).values(address=address, person_id=person.id, created=now)
    db.execute(added.on_conflict_do_nothing())
    audit.record(db, "address added", account_id=None, now=now, person=person.id, address=address)


def drop_address(db: Session, person: Person, address: str, *, now: datetime) -> None:
    """A further address is this person's no more. Raises NotFoundError, also for one to sign in with."""
    address = address.strip().lower()
    theirs = (ProvenAddress.address == address, ProvenAddress.person_id == person.id)
    if not rows_changed(db, delete(ProvenAddress).where(*theirs)):
        raise NotFoundError
    audit.record(db, "address removed", account_id=None, now=now, person=person.id, address=address)


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

    Ends whatever was signed in before. Raises PassphraseTooWeakError, InvalidFieldError, PersonInactiveError,
    ThrottledError, CodeSpentError (somebody else who proved the address was faster by an instant).
    """
    address = mailbox(address)
    check_strength(passphrase, own=(first_name, last_name, address))
    epoch = epoch_of(db, address)
    let_others_write(db)
    hashed = passphrases.hash(passphrase)
    person = db.scalar(_owner_of(address).with_for_update(of=Person), execution_options=_AS_IT_IS_NOW)
    if person is not None and not person.active:
        raise PersonInactiveError
    if (person.epoch if person else None) != epoch:
        raise CodeSpentError
    person = person or _register(db, address, locale=locale, now=now)
    if person is None:
        raise CodeSpentError
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
    person = person_of(db, address) or _register(db, address, locale=locale, now=now)
    return person or db.scalars(_owner_of(address)).one()


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


def _owner_of(address: str) -> Select[Person]:
    return (
        select(Person)
        .join(PersonAddress, PersonAddress.person_id == Person.id)
        .where(PersonAddress.address == address.strip().lower())
    )


def _register(db: Session, address: str, *, locale: str, now: datetime) -> Person | None:
    """A new person; None if in this very instant somebody else took the address."""
    person = Person(id=uuid7(), first_name="", last_name="", locale=locale, epoch=0, active=True, created=now)
    db.add(person)
    db.flush()
    values = {"address": address, "person_id": person.id, "created": now}
    added = insert_into(db, PersonAddress).values(values).on_conflict_do_nothing()
    if db.execute(added.returning(PersonAddress.address)).first() is None:
        db.delete(person)
        db.flush()
        return None
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
