"""The demo's mailboxes: a Maildir for each address under one folder; reads and writes them, shows nothing."""

import mailbox
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

SECUREDOC = "securedoc.html"
#: The header of a mail with a large file is all that a list needs of it.
HEADER_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Mail:
    """One delivered mail; `id` is the name of its file, `files` the folder that its envelope lies in."""

    path: Path
    files: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def delivered(self) -> datetime:
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)

    def header(self) -> EmailMessage:
        with self.path.open("rb") as file:
            block = b"".join(_header_lines(file))
        return parse(block)

    def read(self) -> EmailMessage:
        return parse(self.path.read_bytes())

    def unpacked(self, name: str) -> Path | None:
        return self.files / name if name == SECUREDOC and (self.files / name).exists() else None


class Maildirs:
    """All mailboxes; an address that never got mail has none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = folder.with_name("files")

    def deliver(self, address: str, content: bytes) -> None:
        """Put a mail into the address's Maildir, whole or not at all, and its envelope beside it."""
        # The address comes from whoever speaks SMTP to us: it names a folder, never a path.
        name = quote(address.lower() if "@" in address else f"{address}@localhost", safe="@+")
        self._folder.mkdir(parents=True, exist_ok=True)
        key = mailbox.Maildir(self._folder / name, create=True).add(content)
        for part in attachments_of(parse(content)):
            if name_of(part) == SECUREDOC:
                files = self._files / name / key
                files.mkdir(parents=True, exist_ok=True)
                (files / SECUREDOC).write_bytes(data_of(part))

    def addresses(self) -> list[str]:
        return sorted(path.name for path in self._folder.glob("*@*") if path.is_dir())

    def of(self, address: str) -> list[Mail]:
        """The address's mails, newest first."""
        if address not in self.addresses():
            return []
        paths = (path for part in ("new", "cur") for path in (self._folder / address).glob(f"{part}/*"))
        mails = [Mail(path, self._files / address / path.name) for path in paths]
        return sorted(mails, key=lambda mail: (mail.delivered, mail.id), reverse=True)

    def holds(self, address: str, message_id: str) -> bool:
        return any(mail.header()["Message-ID"] == message_id for mail in self.of(address))

    def find(self, address: str, mail_id: str) -> Mail | None:
        return next((mail for mail in self.of(address) if mail.id == mail_id), None)


def parse(content: bytes) -> EmailMessage:
    return BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(content)


def text_of(mail: EmailMessage) -> str:
    """What a person reads in it: its plain text."""
    return _body(mail, "plain")


def html_of(mail: EmailMessage) -> str:
    """The same as a mail program shows it, "" where the mail has plain text alone."""
    return _body(mail, "html")


def _body(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    return str(body.get_content()) if body else ""


def is_notice(mail: EmailMessage) -> bool:
    """Whether an envelope came with it: as a file, or behind a link."""
    return any(name_of(part) == SECUREDOC for part in attachments_of(mail)) or "/read/" in text_of(mail)


def attachments_of(mail: EmailMessage) -> list[EmailMessage]:
    return [part for part in mail.iter_attachments() if isinstance(part, EmailMessage)]


def name_of(part: EmailMessage) -> str:
    return part.get_filename("file") or "file"


def data_of(part: EmailMessage) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _header_lines(file: BinaryIO) -> Iterator[bytes]:
    left = HEADER_LIMIT
    for line in iter(lambda: file.readline(HEADER_LIMIT), b""):
        left -= len(line)
        if left < 0 or not line.strip(b"\r\n"):
            return
        yield line
