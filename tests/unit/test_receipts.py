"""The receipt as it leaves: words for people, fields for programs (RFC 8098), and answered by nobody."""

import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller

from keyserver import receipts
from keyserver.mailer import Renderer, transport_for
from keyserver.outbox import Waiting
from translations import LOCALES

CONTEXT = {
    "recipient": "bob@b.example",
    "proven": True,
    "subject": "Your <statement>",
    "sent": "2026-11-23T17:59:00+00:00",
    "when": "2026-11-23T18:00:00+00:00",
}


def rendered(locale: str = "en", **changes: Any) -> EmailMessage:
    """As it arrives: written out and read again."""
    waiting = Waiting(uuid4(), "ada@a.example", receipts.NAME, locale, {**CONTEXT, **changes}, attempts=1)
    mail = Renderer(base_url="https://keys.test:8443", mail_from="sealpost@keys.test").render(waiting)
    return message_from_bytes(mail.as_bytes(), policy=SMTP)


def words(mail: EmailMessage) -> str:
    """What a person reads of it, in one line."""
    text = mail.get_body(("plain",))
    assert text is not None
    return " ".join(text.get_content().split())


def fields(mail: EmailMessage) -> dict[str, str]:
    """What a program reads of it."""
    report = list(mail.iter_parts())[1]
    assert report.get_content_type() == "message/disposition-notification"
    (found,) = report.get_payload()
    return dict(found.items())


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("locale", LOCALES)
def test_receipt_is_a_report_in_every_locale(locale: str, *, proven: bool) -> None:
    mail = rendered(locale, proven=proven)

    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "disposition-notification"
    assert mail["Content-Language"] == locale
    assert "bob@b.example" in mail["Subject"]
    assert mail["Auto-Submitted"] == "auto-generated"
    html = mail.get_body(("html",))
    assert html is not None
    for text in (words(mail), html.get_content()):
        assert "bob@b.example" in text


def test_receipt_says_who_opened_what_and_when() -> None:
    """S54."""
    mail = rendered()

    assert "bob@b.example opened your secure message on November 23, 2026" in words(mail)
    assert "after showing that this address is theirs" in words(mail)
    assert "Subject: Your <statement>" in words(mail)
    assert "not that it was read or understood" in words(mail)
    assert fields(mail) == {
        "Reporting-UA": "keys.test; Sealpost",
        "Original-Recipient": "rfc822; bob@b.example",
        "Final-Recipient": "rfc822; bob@b.example",
        "Disposition": "manual-action/MDN-sent-automatically; displayed",
    }


def test_receipt_where_nobody_proves_anything_says_that() -> None:
    """S51: at level none it may have been anybody, or a program."""
    mail = rendered(proven=False, subject=None)

    assert "Your secure message to bob@b.example was opened on" in words(mail)
    assert "Somebody who has the file opened it." in words(mail)
    assert "a mail filter that looks into files" in words(mail)
    assert "theirs" not in words(mail)
    assert "Subject:" not in words(mail)
    assert fields(mail)["Disposition"] == "automatic-action/MDN-sent-automatically; displayed"


def test_what_senders_wrote_is_text_in_html() -> None:
    html = rendered().get_body(("html",))

    assert html is not None
    assert "Your &lt;statement&gt;" in html.get_content()


def test_address_that_is_not_ascii_is_written_in_seven_bits() -> None:
    """RFC 6533 section 3."""
    found = fields(rendered(recipient="jörg+a@b.example"))

    assert found["Final-Recipient"] == r"utf-8; j\x{F6}rg\x{2B}a@b.example"


class Inbox:
    """What a mail server was given."""

    def __init__(self) -> None:
        self.received = list[tuple[str, list[str]]]()

    async def handle_DATA(self, _server: object, _session: object, smtp_envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.received.append((smtp_envelope.mail_from, smtp_envelope.rcpt_tos))
        return "250 OK"


@pytest.fixture
def server() -> Iterator[Controller]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Inbox(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


def test_nothing_can_bounce_a_receipt(server: Controller) -> None:
    """RFC 8098 section 3: the reverse path is null."""
    transport = transport_for(f"smtp://127.0.0.1:{server.port}")

    transport.send(rendered(), to="ada@a.example")

    assert server.handler.received == [("<>", ["ada@a.example"])]
