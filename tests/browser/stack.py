"""The demo as a person starts it, and the mail that goes in and comes out of it; knows no browser."""

import mailbox
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from uuid import UUID, uuid4

from demo.maildirs import Mail, Maildirs, attachments_of, data_of, name_of, text_of
from demo.organisation import OPEN_ADDRESS, Place, environment
from envelope import read_securedoc
from tests.browser.windows import wait_for

ROOT = Path(__file__).parents[2]
SENDER = "Ada Moreau <ada.moreau@tidewater.example>"


class Demo:
    """A running demo."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.maildirs = Maildirs(place.mail)

    @property
    def url(self) -> str:
        return self.place.url

    def send(self, mail: EmailMessage) -> "Delivery":
        """Hand a mail to the gateway, as any mail program would."""
        mail["Message-ID"] = make_msgid(domain="tidewater.example")
        with smtplib.SMTP("127.0.0.1", self.place.smtp_port) as smtp:
            smtp.send_message(mail)
        return Delivery(self, mail)

    def code_for(self, address: str, *, other_than: str = "") -> str:
        """The code that was mailed to the address; a newer one than that which is known."""
        return wait_for(lambda: self._codes(address) - {other_than}, f"a code for {address}").pop()

    def _codes(self, address: str) -> set[str]:
        texts = (text_of(mail.read()) for mail in self.maildirs.of(address) if not mail.files.exists())
        return {found[0] for text in texts if (found := re.search(r"\b\d{4} \d{4}\b", text))}

    def forward(self, file: Path, *, sender: str) -> None:
        """Somebody mails the file to the open address, as a mail server would bring it there."""
        mail = mail_to(OPEN_ADDRESS, "Please open this", "It was sent to a colleague.")
        mail.replace_header("From", sender)
        mail.add_attachment(file.read_bytes(), "application", "octet-stream", filename="renamed.bin")
        mailbox.Maildir(self.place.inbound, create=False).add(
            f"Return-Path: <{sender}>\n".encode() + mail.as_bytes()
        )

    def forwarded(self, address: str) -> tuple[str, str]:
        """Link and code that were mailed to the address after a message had been forwarded."""
        return wait_for(lambda: self._answers(address), f"an answer for {address}")[0]

    def _answers(self, address: str) -> list[tuple[str, str]]:
        texts = (text_of(mail.read()) for mail in self.maildirs.of(address))
        found = (re.search(r"(http\S+/forwarded/[0-9a-f-]+)#([0-9A-Z-]{19})", text) for text in texts)
        return [(match[1], match[2]) for match in found if match]

    def sealpost(self, *arguments: str) -> str:
        """What the operator's command prints, on the demo's database."""
        settings = {**os.environ, **environment(self.place, sink_port=1)}
        command = [sys.executable, "-c", "from keyserver.cli import main; main()", *arguments]
        return subprocess.run(
            command, env=settings, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout


class Delivery:
    """One mail on its way to its recipients."""

    def __init__(self, demo: Demo, mail: EmailMessage) -> None:
        self._demo = demo
        self._message_id = str(mail["Message-ID"])

    def notice(self, address: str) -> Mail:
        """The notice in the recipient's mailbox, once it is there."""
        return wait_for(lambda: self._arrived(address), f"the notice for {address}")[0]

    def _arrived(self, address: str) -> list[Mail]:
        mails = self._demo.maildirs.of(address)
        return [mail for mail in mails if mail.header()["Message-ID"] == self._message_id]

    def link(self, address: str) -> str:
        """Where «Read message» in the notice leads."""
        found = re.search(r"\bhttp\S+/read/[^\s>]+", text_of(self.notice(address).read()))
        assert found is not None
        return found[0]

    def save(self, address: str, folder: Path) -> Path:
        """The securedoc, saved from the notice as its recipient would; the file's path."""
        parts = attachments_of(self.notice(address).read())
        path = folder / f"{uuid4().hex}.html"
        path.write_bytes(next(data_of(part) for part in parts if name_of(part) == "securedoc.html"))
        return path


def mail_to(
    address: str, subject: str = "Your contract", text: str = "The contract is ready."
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = SENDER
    mail["To"] = address
    mail["Subject"] = subject
    mail.set_content(text)
    return mail


def readdressed(content: bytes, address: str) -> EmailMessage:
    """One of the samples, for somebody else."""
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    mail.replace_header("To", address)
    del mail["Cc"]
    return mail


def message_id(file: Path) -> str:
    """The message's id, from where FORMAT.md section 2 puts it."""
    header = read_securedoc(file.read_bytes()).payload[0]
    return str(UUID(bytes=header[16:32]))


def moved(file: Path, server: str, elsewhere: str) -> str:
    """The file's text with another key server: its data block writes slashes as `\\u002f`."""
    text = file.read_text("ascii").replace(server, elsewhere)
    return text.replace(server.replace("/", "\\u002f"), elsewhere.replace("/", "\\u002f"))


@contextmanager
def running_demo(var: Path) -> Iterator[Demo]:
    """`python -m demo` beside others, until it says that it is ready; ended as by Ctrl-C."""
    place = Place(var=var, port=free_port(), smtp_port=free_port())
    flags = ("--port", str(place.port), "--smtp-port", str(place.smtp_port), "--var", str(var))
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo", *flags],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
    )  # fmt: skip
    assert demo.stdout is not None
    try:
        said: list[str] = []
        for line in demo.stdout:
            said.append(line)
            if "demo ready" in line:
                break
        else:
            raise AssertionError("the demo did not start:\n" + "".join(said))
        yield Demo(place)
    finally:
        demo.send_signal(signal.SIGINT)
        rest = demo.communicate(timeout=60)[0]
    assert demo.returncode == 0, rest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
