"""Accounts and gateways: provisioning, secrets, scopes, revoking."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from keyserver import accounts, gateways, people, profiles
from keyserver.errors import (
    AuthenticationError,
    ConflictError,
    InvalidFieldError,
    NotFoundError,
    UnknownProfileError,
    WrongScopeError,
)
from keyserver.gateways import MESSAGES, PROVISION, Provisioned
from keyserver.models import Account, Outbox
from tests.factories import KEY, make_account, make_profile


def provision(
    db: Session, secret: str, *, now: datetime, name: str = "mx1.a.example", profile: str = "standard"
) -> Provisioned:
    caller = gateways.authenticate(db, secret, scope=PROVISION, now=now)
    return gateways.provision(
        db,
        caller,
        name=name,
        administrator="admin@a.example",
        wanted=[make_profile(profile)],
        now=now,
        key=KEY,
    )


@pytest.fixture
def account(db: Session, now: datetime) -> Account:
    return make_account(db, now=now)


@pytest.fixture
def token(db: Session, account: Account, now: datetime) -> str:
    return accounts.provisioning_token(db, account, now=now)


def test_gateway_gets_a_secret_of_its_own(db: Session, account: Account, token: str, now: datetime) -> None:
    """S71, S72: provisioning registers the profile with the key server."""
    done = provision(db, token, now=now, profile="confidential")

    caller = gateways.authenticate(db, str(done.secret), scope=MESSAGES, now=now)
    assert caller.account is account
    assert caller.gateway is done.gateway
    assert profiles.id_of(db, account, "confidential")
    assert str(done.secret) not in repr(done)


def test_provisioning_registers_the_administrator_once(db: Session, token: str, now: datetime) -> None:
    """S24: the administrator's address is registered automatically."""
    provision(db, token, now=now)
    provision(db, token, now=now)

    admin = people.person_of(db, "admin@a.example")
    mail = db.scalars(select(Outbox)).one()
    assert admin is not None and admin.passphrase_hash is None
    assert (mail.address, mail.name, mail.locale) == ("admin@a.example", "welcome", "de")
    assert mail.context.keys() == {"organisation", "code", "flow"}


def test_gateway_provisions_again_with_its_own_secret(db: Session, token: str, now: datetime) -> None:
    secret = str(provision(db, token, now=now).secret)

    again = provision(db, secret, now=now)

    assert again.secret is None
    assert gateways.authenticate(db, secret, scope=MESSAGES, now=now)


def test_token_again_ends_the_gateways_older_secret(db: Session, token: str, now: datetime) -> None:
    old, other = provision(db, token, now=now), provision(db, token, name="mx2.a.example", now=now)
    new = provision(db, token, now=now)

    assert new.gateway is old.gateway
    assert gateways.authenticate(db, str(new.secret), scope=MESSAGES, now=now)
    assert gateways.authenticate(db, str(other.secret), scope=MESSAGES, now=now)
    with pytest.raises(AuthenticationError):
        gateways.authenticate(db, str(old.secret), scope=MESSAGES, now=now)


def test_gateways_secret_does_not_provision_another_name(db: Session, token: str, now: datetime) -> None:
    secret = str(provision(db, token, now=now).secret)

    with pytest.raises(InvalidFieldError):
        provision(db, secret, name="mx2.a.example", now=now)


def test_profile_is_updated(db: Session, account: Account, now: datetime) -> None:
    before = profiles.id_of(db, account, "standard")
    wanted = make_profile()
    profiles.register(db, account, [wanted], now=now)

    assert profiles.id_of(db, account, "standard") == before
    assert profiles.brand_of(db, before) == wanted.brand


def test_profile_of_another_account_is_unknown(db: Session, account: Account, now: datetime) -> None:
    other = accounts.create(db, "Bank B", domains=["b.example"], now=now)

    with pytest.raises(UnknownProfileError):
        profiles.id_of(db, other, "standard")


def test_old_token_is_refused(db: Session, token: str, now: datetime) -> None:
    later = now + timedelta(days=7)

    with pytest.raises(AuthenticationError):
        gateways.authenticate(db, token, scope=PROVISION, now=later)
    assert accounts.purge(db, now=later) == 1


def test_token_registers_no_messages(db: Session, token: str, now: datetime) -> None:
    with pytest.raises(WrongScopeError):
        gateways.authenticate(db, token, scope=MESSAGES, now=now)


@pytest.mark.parametrize("secret", ["", "x", "sealpost-gateway." + "0" * 32 + "." + "A" * 43])
def test_unknown_secret_is_refused(db: Session, now: datetime, secret: str) -> None:
    with pytest.raises(AuthenticationError):
        gateways.authenticate(db, secret, scope=MESSAGES, now=now)


def test_secret_of_another_kind_is_refused(db: Session, token: str, now: datetime) -> None:
    with pytest.raises(AuthenticationError):
        gateways.authenticate(db, token.replace("provisioning", "gateway"), scope=MESSAGES, now=now)


def test_revoked_gateway_is_refused_until_provisioned_anew(db: Session, token: str, now: datetime) -> None:
    done = provision(db, token, now=now)
    gateways.revoke(db, done.gateway.id, now=now)

    with pytest.raises(AuthenticationError):
        gateways.authenticate(db, str(done.secret), scope=MESSAGES, now=now)
    anew = provision(db, token, now=now)
    assert gateways.authenticate(db, str(anew.secret), scope=MESSAGES, now=now)


def test_unknown_gateway_cannot_be_revoked(db: Session, account: Account, now: datetime) -> None:
    with pytest.raises(NotFoundError):
        gateways.revoke(db, account.id, now=now)


@pytest.mark.parametrize(("name", "domain"), [("Bank A", "c.example"), ("Bank C", "A.example")])
def test_name_and_domain_belong_to_one_account(
    db: Session, account: Account, now: datetime, name: str, domain: str
) -> None:
    with pytest.raises(ConflictError):
        accounts.create(db, name, domains=[domain], now=now)


@pytest.mark.parametrize(("name", "domain"), [("", "c.example"), ("Bank C", "not a domain")])
def test_bad_account_is_refused(db: Session, now: datetime, name: str, domain: str) -> None:
    with pytest.raises(InvalidFieldError):
        accounts.create(db, name, domains=[domain], now=now)


def test_accounts_are_listed_with_their_domains(db: Session, account: Account, now: datetime) -> None:
    accounts.create(db, "Bank B", domains=["z.example", "b.example"], now=now)

    listed = [(found.name, domains) for found, domains in accounts.every(db)]

    assert listed == [("Bank A", ["a.example"]), ("Bank B", ["b.example", "z.example"])]
