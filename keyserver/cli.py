"""The operator's command; says what happened in one line, and imports only what the wanted command needs."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from keyserver.errors import KeyServerError, SettingsError

if TYPE_CHECKING:  # starting takes half a second less without them
    from sqlalchemy.orm import Session

    from keyserver.db import Database
    from keyserver.models import Person
    from keyserver.settings import Settings


class _Commands(click.Group):
    """Refusals in one line each, instead of a trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            for fault in error.faults:
                click.echo(f"sealpost: {fault}", err=True)
            sys.exit(78)  # EX_CONFIG
        except KeyServerError as error:
            click.echo(f"sealpost: {error or error.code}", err=True)
            sys.exit(1)


@click.group(cls=_Commands)
def main() -> None:
    """The key server of Sealpost. Its settings are SEALPOST_… in the environment."""
    import logging

    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=form)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # warns of each request that waits a moment


@main.command()
def run() -> None:
    """Serve pages and API, until interrupted."""
    from keyserver import create_app, serving

    settings = _settings()
    _require_current(settings)
    _require_copies(settings)
    server = serving.server(create_app(settings), settings)
    click.echo(f"sealpost listens on http://{settings.listen} for {settings.base_url}")
    _until_terminated()
    try:
        server.run()
    finally:
        server.close()


@main.command()
def worker() -> None:
    """Send mail, take mail to the open address, drop what has served its purpose; until interrupted."""
    from keyserver.worker import Worker

    settings = _settings()
    _require_current(settings)
    _require_copies(settings)
    with _database(settings) as database:
        working = Worker.of(settings, database)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: working.stop())
        click.echo("sealpost worker runs")
        working.run()


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Create the tables, or bring them to this release."""
    from keyserver.db import upgrade

    with _database(_settings()) as database:
        upgrade(database.engine)
    click.echo("the database is up to date")


@main.group()
def account() -> None:
    """Sending organisations."""


@account.command("create")
@click.argument("name")
@click.option("--domain", "domains", multiple=True, required=True, help="A domain it sends from; repeatable.")
@click.option("--admin", help="Address of its administrator, who gets a mail to set a passphrase.")
@click.option("--locale", default="en", show_default=True, help="Language of that mail.")
def account_create(name: str, domains: tuple[str, ...], admin: str | None, locale: str) -> None:
    """Create an account and print the token that provisions its gateways."""
    from keyserver import accounts

    settings = _settings()
    with _writing(settings) as (session, now):
        created = accounts.create(session, name, domains=domains, now=now)
        if admin:
            key = settings.derived("mailed codes")
            accounts.add_administrator(session, created, address=admin, locale=locale, now=now, key=key)
        token = accounts.provisioning_token(session, created, now=now)
    click.echo(token)


@account.command("token")
@click.argument("name")
def account_token(name: str) -> None:
    """Print another provisioning token for an account."""
    from keyserver import accounts

    with _writing(_settings()) as (session, now):
        found = accounts.named(session, name)
        if found is None:
            raise click.ClickException(f"there is no account {name}")
        token = accounts.provisioning_token(session, found, now=now)
    click.echo(token)


@account.command("list")
def account_list() -> None:
    """Every account with its domains."""
    from keyserver import accounts

    with _reading(_settings()) as session:
        for found, domains in accounts.every(session):
            click.echo(f"{found.name}\t{' '.join(domains)}")


@main.group()
def gateway() -> None:
    """Gateways."""


@gateway.command("list")
def gateway_list() -> None:
    """Every gateway: id, account, name, and whether it is revoked."""
    from keyserver import gateways

    with _reading(_settings()) as session:
        for found, owner in gateways.every(session):
            state = f"revoked {found.revoked:%Y-%m-%d %H:%M} UTC" if found.revoked else "active"
            click.echo(f"{found.id}\t{owner.name}\t{found.name}\t{state}")


@gateway.command("revoke")
@click.argument("gateway_id", type=click.UUID)
def gateway_revoke(gateway_id: UUID) -> None:
    """End a gateway's secret at once."""
    from keyserver import gateways

    with _writing(_settings()) as (session, now):
        found = gateways.revoke(session, gateway_id, now=now)
        click.echo(f"{found.name} can no longer register messages")


@main.group()
def person() -> None:
    """People who sign in."""


@person.command("show")
@click.argument("address")
def person_show(address: str) -> None:
    """Who has an address."""
    from keyserver import devices, people

    with _reading(_settings()) as session:
        found = _person(session, address)
        click.echo(f"id\t{found.id}")
        click.echo(f"name\t{found.first_name} {found.last_name}".rstrip())
        click.echo(f"language\t{found.locale}")
        click.echo(f"addresses\t{' '.join(people.addresses_of(session, found))}")
        click.echo(f"passphrase\t{'set' if found.passphrase_hash else 'not set yet'}")
        click.echo(f"active\t{'yes' if found.active else 'no'}")
        click.echo(f"remembered devices\t{len(devices.of(session, found, now=datetime.now(UTC)))}")


@person.command("deactivate")
@click.argument("address")
def person_deactivate(address: str) -> None:
    """Keep a person out, and end what is signed in."""
    _set_active(address, active=False)


@person.command("activate")
@click.argument("address")
def person_activate(address: str) -> None:
    """Let a person in again."""
    _set_active(address, active=True)


@main.group()
def message() -> None:
    """Messages."""


@message.command("show")
@click.argument("message_id", type=click.UUID)
def message_show(message_id: UUID) -> None:
    """Sender, state and who opened it when."""
    from keyserver import messages

    with _reading(_settings()) as session:
        found = messages.get(session, message_id)
        click.echo(f"from\t{found.sender}")
        click.echo(f"registered\t{found.registered:%Y-%m-%d %H:%M:%S} UTC")
        click.echo(f"expires\t{_moment(found.expires, otherwise='never')}")
        click.echo(f"state\t{messages.state_of(found, now=datetime.now(UTC))}")
        for one in messages.recipients_of(session, message_id):
            click.echo(f"to\t{one.address}\topened {_moment(one.first_opened, otherwise='never')}")


@message.command("lock")
@click.argument("message_id", type=click.UUID)
@click.option("--reason", help="What recipients are shown.")
def message_lock(message_id: UUID, reason: str | None) -> None:
    """Nobody opens it until it is unlocked."""
    from keyserver import messages

    with _writing(_settings()) as (session, now):
        messages.lock(session, message_id, actor="operator", reason=reason, now=now)
    click.echo("locked")


@message.command("unlock")
@click.argument("message_id", type=click.UUID)
def message_unlock(message_id: UUID) -> None:
    """Recipients can open it again."""
    from keyserver import messages

    with _writing(_settings()) as (session, now):
        messages.unlock(session, message_id, actor="operator", now=now)
    click.echo("unlocked")


@message.command("expire")
@click.argument("message_id", type=click.UUID)
@click.argument("moment", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]), required=False)
@click.option("--never", is_flag=True, help="Remove the expiry.")
def message_expire(message_id: UUID, moment: datetime | None, never: bool) -> None:
    """Nobody opens it after MOMENT (UTC); from now on if there is none."""
    from keyserver import messages

    with _writing(_settings()) as (session, now):
        expires = None if never else moment.replace(tzinfo=UTC) if moment else now
        messages.set_expiry(session, message_id, expires=expires, actor="operator", now=now)
    click.echo(f"expires {_moment(expires, otherwise='never')}")


@main.group()
def kek() -> None:
    """The keys that wrap key shares."""


@kek.command("rotate")
def kek_rotate() -> None:
    """Rewrap every key share with the highest KEK version; may be interrupted and begun again."""
    from keyserver import audit, keyring

    settings = _settings()
    ring = keyring.Keyring(settings.keks)
    after: UUID | None = None
    moved = 0
    while True:
        with _writing(settings) as (session, now):
            after, number = keyring.rewrap(session, ring, after=after)
            moved += number
            if after is None:
                audit.record(
                    session, "key shares rewrapped", account_id=None, now=now, kek=ring.current, moved=moved
                )
        if number:
            click.echo(f"{moved} key shares moved to KEK version {ring.current}")
        if after is None:
            break
    _print_status(settings)


@kek.command("status")
def kek_status() -> None:
    """Which KEK version wraps how many key shares; fails while an old one is in use."""
    if not _print_status(_settings()):
        sys.exit(1)


@main.group("audit")
def audit_group() -> None:
    """The trail of security events."""


@audit_group.command("verify")
def audit_verify() -> None:
    """Recompute every chain; prints where each ends, for a note kept elsewhere."""
    from keyserver import audit

    with _reading(_settings()) as session:
        broken = 0
        for verdict in audit.verify(session):
            if verdict.broken_at is None:
                click.echo(f"{verdict.chain}\t{verdict.entries} entries\t{verdict.head.hex()}")
            else:
                broken += 1
                click.echo(f"{verdict.chain}\tBROKEN at entry {verdict.broken_at}")
    if broken:
        sys.exit(1)


def _settings() -> "Settings":
    from keyserver.settings import Settings

    return Settings.from_environ(os.environ)


@contextmanager
def _database(settings: "Settings") -> Iterator["Database"]:
    from keyserver.db import Database

    database = Database(settings.database_url)
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def _reading(settings: "Settings") -> Iterator["Session"]:
    with _database(settings) as database, database.reading() as session:
        yield session


@contextmanager
def _writing(settings: "Settings") -> Iterator[tuple["Session", datetime]]:
    with _database(settings) as database, database.writing() as session:
        yield session, datetime.now(UTC)


def _require_current(settings: "Settings") -> None:
    from keyserver.db import is_current

    with _database(settings) as database:
        if not is_current(database.engine):
            raise click.ClickException("the database is not this release's: run `sealpost db upgrade` first")


def _require_copies(settings: "Settings") -> None:
    """A copy store that will not serve us is a mistake in the settings. One that does not answer may come
    back: nobody should be kept from opening the rest meanwhile."""
    from keyserver.copy_store import CopyStore
    from keyserver.errors import CopyStoreError

    try:
        CopyStore(settings.copies_url).check()
    except CopyStoreError as error:
        message = f"SEALPOST_COPIES_URL: {error}: {error.fault}"
        if error.refused:
            raise click.ClickException(message) from None
        click.echo(f"sealpost: {message}", err=True)


def _person(session: "Session", address: str) -> "Person":
    from keyserver import people

    found = people.person_of(session, address)
    if found is None:
        raise click.ClickException(f"nobody has the address {address}")
    return found


def _set_active(address: str, *, active: bool) -> None:
    from keyserver import people

    with _writing(_settings()) as (session, now):
        people.set_active(session, _person(session, address), active=active, now=now)
    click.echo(f"{address} can sign in" if active else f"{address} can no longer sign in")


def _moment(moment: datetime | None, *, otherwise: str) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else otherwise


def _print_status(settings: "Settings") -> bool:
    """Whether nothing uses an older KEK version than the highest."""
    from keyserver import keyring

    current = max(settings.keks)
    with _reading(settings) as session:
        found = keyring.shares_by_version(session)
    for version in sorted({*found, *settings.keks}):
        known = "" if version in settings.keks else "\tNOT IN THE SETTINGS"
        click.echo(f"KEK version {version}\t{found.get(version, 0)} key shares{known}")
    old = sorted(version for version in found if version != current)
    retired = not old
    click.echo("no older version is in use" if retired else f"still in use: {', '.join(map(str, old))}")
    return retired


def _until_terminated() -> None:
    """A service manager's SIGTERM ends the server as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
