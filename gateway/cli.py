"""The command `sealpost-gateway`: what an operator types and reads; decides nothing about mail."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from uuid import UUID

import click

from gateway.errors import EntryBusyError, GatewayError, SettingsError

if TYPE_CHECKING:  # what takes long to load waits until a command needs it
    from gateway.control import Control
    from gateway.queue import Queue
    from gateway.settings import Settings

#: Seconds to wait for a mail that the gateway is working on.
PATIENCE = 10.0

_config = click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("/etc/sealpost/gateway.toml"),
    show_default=True,
    help="The settings.",
)
_id = click.argument("mail_id", metavar="ID", type=click.UUID)


@click.group()
def main() -> None:
    """Seals outgoing mail that policy selects, and sends it on."""


@main.command()
@_config
def run(path: Path) -> None:
    """Take mail until SIGTERM or Ctrl-C."""
    from gateway.service import Gateway

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = _load(path)
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: ended.set())
    gateway = Gateway(settings)
    with _plainly():
        gateway.start()
    ended.wait()
    gateway.stop()


@main.command()
@_config
def check(path: Path) -> None:
    """Read the settings and name every fault in them."""
    settings = _load(path)
    for warning in settings.warnings:
        click.echo(f"warning: {warning}")
    if not settings.keyserver.secret_file.exists():
        click.echo(f"warning: {settings.keyserver.secret_file} is not there yet: provision this gateway")
    click.echo(f"{path}: good, profiles: {', '.join(settings.profiles)}")


@main.command()
@_config
@click.option(
    "--token-file", type=click.File(), help="The provisioning token; without it, the stored secret serves."
)
@click.option("--profile", "names", multiple=True, help="Only this profile; may be given several times.")
def provision(path: Path, token_file: TextIO | None, names: tuple[str, ...]) -> None:
    """Make this gateway and its profiles known to the key server; again is harmless."""
    from gateway.provisioning import provision as provision_gateway

    settings = _load(path)
    if unknown := set(names) - set(settings.profiles):
        raise click.ClickException(f"no such profile: {', '.join(sorted(unknown))}")
    with _plainly():
        token = token_file.read().strip() if token_file else None
        done = provision_gateway(settings, token=token, profiles=names or None)
    if done.new_secret:
        click.echo(f"secret written to {settings.keyserver.secret_file}")
    click.echo(f"gateway {settings.hostname} is known to {done.account} as {done.gateway}")
    wanted = names or tuple(settings.profiles)
    for name in wanted:
        click.echo(f"profile {name}: {'provisioned' if name in done.profiles else 'NOT provisioned'}")
    if not set(wanted) <= set(done.profiles):
        raise click.ClickException("not every profile was provisioned")


@main.group()
def queue() -> None:
    """Mails that were accepted and are not yet done with."""


@queue.command("list")
@_config
def list_queue(path: Path) -> None:
    """One line for each mail, the oldest first."""
    mails = _queue(path)
    for mail_id in mails.ids():
        try:
            click.echo(_line(mails.look(mail_id)))
        except GatewayError as error:
            click.echo(f"{mail_id} {error}")


@queue.command()
@_config
@_id
def show(path: Path, mail_id: UUID) -> None:
    """What is known of one mail; nothing of its content."""
    with _plainly():
        control = _queue(path).look(mail_id)
    click.echo(_line(control))
    click.echo(f"next attempt: {control.next_attempt.isoformat(timespec='seconds')}")
    click.echo(f"failed attempts: {control.attempts}")
    if control.last_fault:
        click.echo(f"last fault: {control.last_fault}")
    for recipient in control.recipients:
        click.echo(f"  {recipient.address} {recipient.state} {recipient.answer}".rstrip())


@queue.command()
@_config
@_id
def retry(path: Path, mail_id: UUID) -> None:
    """Try again now; what failed and could not be reported, too."""
    _change(path, mail_id, _again)
    click.echo(f"{mail_id} is tried again")


@queue.command()
@_config
@_id
def bounce(path: Path, mail_id: UUID) -> None:
    """Give up on a mail: its sender is told."""
    _change(path, mail_id, _given_up)
    click.echo(f"{mail_id} is bounced")


def _again(control: "Control") -> "Control":
    from gateway.control import State

    failed = [
        replace(each, state=State.WAITING, reason="", status="") for each in control.in_state(State.FAILED)
    ]
    return control.with_recipients(*failed)


def _given_up(control: "Control") -> "Control":
    return control.fail(reason="operator", status="5.0.0")


def _change(path: Path, mail_id: UUID, change: Callable[["Control"], "Control"]) -> None:
    """Change a mail's state; the gateway that works on the queue acts on it, or the next one that does."""
    mails, deadline = _queue(path), time.monotonic() + PATIENCE
    with _plainly():
        if mails.owner != os.geteuid():  # a file of ours would be one that the gateway cannot read
            raise click.ClickException(f"run this as the queue's owner, user id {mails.owner}")
        while True:
            try:
                with mails.claim(mail_id) as entry:
                    entry.save(replace(change(entry.control), next_attempt=datetime.now(UTC)))
                break
            except EntryBusyError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        mails.wake()


def _line(control: "Control") -> str:
    arrived = control.arrived.isoformat(timespec="seconds")
    policy = control.treatment.profile or control.treatment.action
    recipients = f"{len(control.waiting)} of {len(control.recipients)} waiting"
    return f"{control.id} {arrived} {control.stage} {policy} from {control.smtp_sender or '<>'}, {recipients}"


def _queue(path: Path) -> "Queue":
    from gateway.queue import Queue

    return Queue(_load(path).queue)


def _load(path: Path) -> "Settings":
    from gateway.settings import Settings

    try:
        return Settings.load(path)
    except SettingsError as error:
        for fault in error.faults:
            click.echo(fault, err=True)
        sys.exit(1)


@contextmanager
def _plainly() -> Iterator[None]:
    """Errors that an operator can do something about, in one line."""
    try:
        yield
    except (GatewayError, OSError) as error:
        raise click.ClickException(str(error)) from error
