"""Sending organisations: their domains, administrators and provisioning tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver import audit, codes, people
from keyserver.db import rows_changed
from keyserver.errors import ConflictError, InvalidFieldError
from keyserver.mailboxes import mailbox
from keyserver.models import Account, AccountAdministrator, AccountDomain, ProvisioningToken
from keyserver.tokens import Token

KIND = "sealpost-provisioning"
TOKEN_LIFETIME = timedelta(days=7)


def create(db: Session, name: str, *, domains: Sequence[str], now: datetime) -> Account:
    """A new account that sends from these domains. Raises InvalidFieldError, ConflictError."""
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise InvalidFieldError("name", "1 to 200 printable characters")
    wanted = sorted({_domain(domain) for domain in domains})
    if db.scalar(select(Account.id).where(Account.name == name)) is not None:
        raise ConflictError(f"there is an account {name} already")
    taken = db.scalar(select(AccountDomain.domain).where(AccountDomain.domain.in_(wanted)))
    if taken is not None:
        raise ConflictError(f"{taken} belongs to another account")
    account = Account(id=uuid7(), name=name, created=now)
    db.add(account)
    db.flush()
    db.add_all(AccountDomain(domain=domain, account_id=account.id) for domain in wanted)
    db.flush()
    audit.record(db, "account created", account_id=account.id, now=now, name=name, domains=wanted)
    return account


def every(db: Session) -> list[tuple[Account, list[str]]]:
    """All accounts by name, each with its domains."""
    accounts = db.scalars(select(Account).order_by(Account.name)).all()
    return [(account, domains_of(db, account.id)) for account in accounts]


def named(db: Session, name: str) -> Account | None:
    """The account of that name."""
    return db.scalar(select(Account).where(Account.name == name))


def domains_of(db: Session, account_id: UUID) -> list[str]:
    """The domains that the account sends from, in order."""
    found = select(AccountDomain.domain).where(AccountDomain.account_id == account_id)
    return list(db.scalars(found.order_by(AccountDomain.domain)))


def provisioning_token(db: Session, account: Account, *, now: datetime) -> str:
    """What a gateway presents to be provisioned, within seven days; shown once, only its hash is kept."""
    token = Token.mint(KIND)
    db.add(
        ProvisioningToken(
            id=token.id,
            account_id=account.id,
            sha256=token.sha256,
            created=now,
            expires=now + TOKEN_LIFETIME,
        )
    )
    db.flush()
    audit.record(db, "provisioning token made", account_id=account.id, now=now, token=token.id)
    return token.text


def by_provisioning_token(db: Session, token: Token, *, now: datetime) -> Account | None:
    """The account that this token provisions for, while it is good."""
    row = db.get(ProvisioningToken, token.id)
    if row is None or not token.matches(row.sha256) or row.expires <= now:
        return None
    return db.get(Account, row.account_id)


def add_administrator(
    db: Session, account: Account, *, address: str, locale: str, now: datetime, key: bytes
) -> None:
    """Register who administers the account and mail them how to set a passphrase, once (S24).

    `key`: the server's key for codes. Raises InvalidFieldError.
    """
    person = people.known_by(db, mailbox(address, field="administrator"), locale=locale, now=now)
    if db.get(AccountAdministrator, (account.id, person.id)) is not None:
        return
    db.add(AccountAdministrator(account_id=account.id, person_id=person.id, created=now))
    db.flush()
    audit.record(db, "administrator added", account_id=account.id, now=now, person=person.id)
    codes.invite(
        db,
        address=mailbox(address),
        locale=person.locale,
        name="welcome",
        context={"organisation": account.name},
        now=now,
        key=key,
    )


def purge(db: Session, *, now: datetime) -> int:
    """Drop provisioning tokens that are no longer good; returns how many."""
    return rows_changed(db, delete(ProvisioningToken).where(ProvisioningToken.expires <= now))


def _domain(text: str) -> str:
    return mailbox(f"postmaster@{text}", field="domain").rpartition("@")[2]
