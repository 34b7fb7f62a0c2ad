"""Gateways: which there are, their secrets, and what a secret may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from envelope.ids import uuid7
from keyserver import accounts, audit, profiles
from keyserver.errors import AuthenticationError, InvalidFieldError, NotFoundError, WrongScopeError
from keyserver.models import Account, Gateway
from keyserver.profiles import Wanted
from keyserver.tokens import Token

KIND = "sealpost-gateway"
PROVISION, MESSAGES = "provision", "messages"
#: What each kind of secret may do.
SCOPES = {accounts.KIND: {PROVISION}, KIND: {PROVISION, MESSAGES}}


@dataclass(frozen=True)
class Caller:
    """Who presented a secret: an account, by one of its gateways or by a provisioning token."""

    account: Account
    gateway: Gateway | None


@dataclass(frozen=True)
class Provisioned:
    """What a gateway learns; `secret` only when it presented the token."""

    gateway: Gateway
    profiles: list[str]
    secret: str | None

    def __repr__(self) -> str:
        return f"Provisioned({self.gateway.name})"


def authenticate(db: Session, secret: str, *, scope: str, now: datetime) -> Caller:
    """Who presents this secret, if it is good for `scope`. Raises AuthenticationError, WrongScopeError."""
    token = Token.parse(secret)
    caller = _caller(db, token, now=now) if token else None
    if token is None or caller is None:
        raise AuthenticationError
    if scope not in SCOPES[token.kind]:
        raise WrongScopeError
    return caller


def provision(
    db: Session,
    caller: Caller,
    *,
    name: str,
    administrator: str,
    wanted: Sequence[Wanted],
    now: datetime,
    key: bytes,
) -> Provisioned:
    """Register a gateway, its profiles and the administrator; again is harmless and updates (S24, S71-S72).

    Presented with the token, a gateway gets a new secret and its older one ends; with its own secret it
    keeps that. Raises InvalidFieldError.
    """
    if caller.gateway is not None and caller.gateway.name != name:
        raise InvalidFieldError("gateway", "the name that this secret was given to")
    gateway, secret = (caller.gateway, None) if caller.gateway else _admit(db, caller.account, name, now=now)
    profiles.register(db, caller.account, wanted, now=now)
    locale = wanted[0].locale
    accounts.add_administrator(db, caller.account, address=administrator, locale=locale, now=now, key=key)
    names = [profile.name for profile in wanted]
    audit.record(
        db, "gateway provisioned", account_id=caller.account.id, now=now, gateway=gateway.id, profiles=names
    )
    return Provisioned(gateway, names, secret)


def every(db: Session) -> list[tuple[Gateway, Account]]:
    """All gateways with their accounts, by name."""
    found = select(Gateway, Account).join(Account, Account.id == Gateway.account_id)
    return [(row.Gateway, row.Account) for row in db.execute(found.order_by(Account.name, Gateway.name))]


def revoke(db: Session, gateway_id: UUID, *, now: datetime) -> Gateway:
    """End a gateway's secret at once; the gateway can be provisioned anew. Raises NotFoundError."""
    gateway = db.get(Gateway, gateway_id)
    if gateway is None:
        raise NotFoundError
    gateway.revoked = gateway.revoked or now
    db.flush()
    audit.record(db, "gateway revoked", account_id=gateway.account_id, now=now, gateway=gateway.id)
    return gateway


def _caller(db: Session, token: Token, *, now: datetime) -> Caller | None:
    if token.kind == accounts.KIND:
        account = accounts.by_provisioning_token(db, token, now=now)
        return Caller(account, None) if account else None
    gateway = db.get(Gateway, token.id) if token.kind == KIND else None
    if gateway is None or not token.matches(gateway.secret_sha256) or gateway.revoked:
        return None
    return Caller(db.get_one(Account, gateway.account_id), gateway)


def _admit(db: Session, account: Account, name: str, *, now: datetime) -> tuple[Gateway, str]:
    """The gateway of that name, new or known, with a new secret."""
    if not name.strip() or len(name) > 255 or not name.isprintable():
        raise InvalidFieldError("gateway", "1 to 255 printable characters")
    known = select(Gateway).where(Gateway.account_id == account.id, Gateway.name == name)
    gateway = db.scalar(known) or Gateway(id=uuid7(), account_id=account.id, name=name, created=now)
    token = Token.mint(KIND, id=gateway.id)
    gateway.secret_sha256, gateway.revoked = token.sha256, None
    db.add(gateway)
    db.flush()
    return gateway, token.text
