"""`sealpost-envelope`: seal, inspect and open envelopes by hand; registers nothing and asks no server."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import click

import translations
from envelope import filenames, ids, open_payload, read_securedoc, render_securedoc, seal
from envelope.brand import Brand
from envelope.content import Content, Part, Role
from envelope.errors import EnvelopeError
from envelope.format import Header
from envelope.mail import read_mail
from envelope.notice import FILE_NAME
from envelope.options import Algorithm, Level, Options, Policy

_SENTENCES = {
    "format": "This is no envelope, or it is damaged",
    "unsupported-version": "This envelope was made by a newer release; update this program",
    "limit-exceeded": "This is larger than an envelope may be",
    "wrong-key": "The key share belongs to another envelope",
    "payload-corrupt": "The envelope was altered or cut on its way; get the file again",
    "options": "These options contradict each other",
    "mail": "This mail cannot be sealed",
    "address": "One of the addresses cannot be used",
    "brand": "The brand cannot be used",
}
_LEVELS = [level.value for level in Level]
_ALGORITHMS = [algorithm.value for algorithm in Algorithm]
_File = click.Path(exists=True, dir_okay=False, path_type=Path)
_NewFile = click.Path(path_type=Path)
_Folder = click.Path(file_okay=False, path_type=Path)
#: What a terminal would obey instead of showing.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class _Sentences(click.Group):
    """Every refusal is one line for the person at the terminal."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EnvelopeError as error:
            raise click.ClickException(f"{_SENTENCES[error.code]}: {error}.") from error
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}.") from error


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Seal a mail into an envelope, look at one, open one. No server is asked for anything."""


@main.command("seal")
@click.argument("file", metavar="MAIL.eml", type=_File)
@click.option("--out", required=True, type=_Folder, help="The folder to write to.")
@click.option(
    "--key-share", required=True, type=_NewFile, help="A new file for the server's half of the key."
)
@click.option("--server", required=True, help="The key server, https://host.")
@click.option("--recipient", "recipients", multiple=True, help="Who gets it; else To and Cc of the mail.")
@click.option("--sender", default="", help="Who sent it, if the mail's From does not say.")
@click.option("--level", type=click.Choice(_LEVELS), default="high", show_default=True)
@click.option("--algorithm", type=click.Choice(_ALGORITHMS), default="AES-256", show_default=True)
@click.option("--expires-after", type=click.IntRange(min=1), metavar="DAYS", help="Then it ends.")
@click.option("--show-subject", is_flag=True, help="Show the subject on the outside.")
@click.option("--mailed-code", is_flag=True, help="At level medium a mailed code will do, too.")
@click.option("--remember", is_flag=True, help="Let the recipient keep this one message's key.")
@click.option("--no-script", is_flag=True, help="A file without any script: it opens at the key server only.")
@click.option("--no-applet", is_flag=True, help="The key server decrypts, not the page.")
@click.option("--no-online", is_flag=True, help="The key server never decrypts.")
@click.option("--post-url", help="Where Open Online posts to, https://host; else the key server.")
@click.option("--open-address", help="Where the recipient can forward the mail to, to get a link back.")
@click.option("--locale", type=click.Choice(translations.LOCALES), default="en", show_default=True)
@click.option("--organisation", default="Sealpost", show_default=True, help="Whose name it shows.")
@click.option("--colour", default="#155e56", show_default=True)
def seal_command(
    *, file: Path, out: Path, key_share: Path, recipients: tuple[str, ...], sender: str, **settings: Any
) -> None:
    """Seal MAIL.eml into a securedoc.html for each recipient.

    Prints, as JSON, what the key server has to be told besides the key share.
    """
    original = file.read_bytes()
    recipients = recipients or tuple(mailbox.address for mailbox in read_mail(original).visible)
    sealed = seal(original, _options(**settings), sender=sender, recipients=recipients, now=datetime.now(UTC))
    brand = Brand(name=settings["organisation"], colour=settings["colour"])
    rest = {name: settings[name] for name in ("server", "locale", "post_url", "open_address")}
    rendered = {
        out / _place(recipient, recipients): render_securedoc(
            sealed, recipient=recipient, brand=brand, **rest
        )
        for recipient in recipients
    }
    _write_secret(key_share, ids.b64u_encode(sealed.key_share))
    for path, chunks in rendered.items():
        _write(path, chunks)
    registration = {
        "id": str(sealed.message_id),
        "possession_sha256": ids.b64u_encode(sealed.possession_sha256),
        "policy_sha256": ids.b64u_encode(sealed.policy.digest()),
        "level": sealed.options.level.value,
        "mailed_code": sealed.options.mailed_code,
        "online": sealed.options.online,
        "remember": sealed.options.may_be_remembered,
        "files": [str(path) for path in rendered],
    }
    click.echo(json.dumps(registration, indent=2))


@main.command("inspect")
@click.argument("file", metavar="securedoc.html", type=_File)
def inspect_command(*, file: Path) -> None:
    """Print what a securedoc says openly; nothing of it is secret."""
    octets = file.read_bytes()
    found = read_securedoc(octets)
    header, policy = Header.parse(b"".join(found.payload)), Policy.parse(found.policy)
    facts = {
        "message": header.message_id,
        "server": found.server,
        "sender": f"{policy.sender_name} <{policy.sender}>",
        "recipients": ", ".join(policy.recipients),
        "made for": found.recipient,
        "subject": "not shown" if policy.subject is None else policy.subject,
        "sent": policy.sent,
        "expires": policy.expires or "never",
        "level": policy.level,
        "algorithm": header.algorithm.value,
        "opens": _ways(octets, applet=found.applet),
        "remembering": "allowed" if found.remember else "not allowed",
        "content": f"{found.size} bytes",
        "state": "as it was sent" if found.is_intact else "altered on the way",
    }
    for name, fact in facts.items():
        click.echo(f"{name + ':':12} {_harmless(str(fact))}")


def _ways(file: bytes, *, applet: bool) -> str:
    """Who decrypts, as the file offers it."""
    in_page = applet and b"<script" in file
    at_server = b'<form id="online"' in file
    return " or ".join(["in the page"] * in_page + ["at the key server"] * at_server)


@main.command("open")
@click.argument("file", metavar="securedoc.html", type=_File)
@click.option("--key-share", required=True, type=_File, help="The file that sealing wrote.")
@click.option("--out", type=_Folder, help="Write every part there.")
def open_command(*, file: Path, key_share: Path, out: Path | None) -> None:
    """Print the message; with --out, write its parts into a folder."""
    found = read_securedoc(file.read_bytes())
    content = open_payload(
        found.payload,
        key_share=ids.b64u_decode(key_share.read_text("ascii", "replace").strip()),
        envelope_secret=found.envelope_secret,
        policy=found.policy,
    )
    for line in _told(content):
        click.echo(_harmless(line))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for part in content.parts:
            _write(_unused(out / _file_name(part)), [part.data])


def _options(
    *, level: str, algorithm: str, expires_after: int | None, show_subject: bool, **more: Any
) -> Options:
    return Options(
        level=Level(level),
        algorithm=Algorithm(algorithm),
        show_subject=show_subject,
        expires_after=None if expires_after is None else timedelta(days=expires_after),
        mailed_code=more["mailed_code"],
        remember=more["remember"],
        script=not more["no_script"],
        applet=not more["no_applet"],
        online=not more["no_online"],
    )


def _place(recipient: str, recipients: tuple[str, ...]) -> str:
    """A folder for each, if there are several: a securedoc is called the same wherever it is."""
    return FILE_NAME if len(recipients) == 1 else f"{filenames.bare(recipient, '')}/{FILE_NAME}"


def _told(content: Content) -> Iterator[str]:
    for name, value in content.headers.items():
        yield f"{name}: {value}"
    yield ""
    for part in content.parts:
        if part.role is Role.TEXT:
            yield part.text()
        elif part.role is not Role.SOURCE:
            yield f"[{part.role} {_file_name(part)}, {part.type}, {len(part.data)} bytes]"


def _file_name(part: Part) -> str:
    """A part's name, whoever sealed it: a stranger's name goes to no other folder."""
    usual = {Role.TEXT: "text.txt", Role.HTML: "text.html", Role.SOURCE: "source.txt"}
    return filenames.bare(usual.get(part.role, part.name), part.type)


def _unused(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return path if not path.exists() else next(name for name in names if not name.exists())


def _write(path: Path, chunks: Iterable[ids.Data]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(chunks)


def _write_secret(path: Path, text: str) -> None:
    """A new file that only its owner can read; one that is there is left alone."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")


def _harmless(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)
