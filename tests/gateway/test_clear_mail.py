"""Mail that no rule wants sealed: it goes on as it came."""

import smtplib

import pytest

from gateway.service import Gateway
from tests.gateway.conftest import MAIL, Send
from tests.gateway.neighbours import NextHop

CLEAR, OTHER = "carol@clear.example", "dan@clear.example"


def body_of(data: bytes) -> bytes:
    """A mail without the Received field that stands first."""
    lines = data.split(b"\r\n")
    assert lines[0].startswith(b"Received: from ")
    assert b"by mx1.bank.example (Sealpost) with ESMTP id" in lines[1]
    return b"\r\n".join(lines[3:])


@pytest.mark.parametrize(
    "mail",
    [
        MAIL,
        MAIL + b".\r\n..\r\n.x\r\n",
        MAIL + b"8 bit: \xff\xfe, NUL: \x00\r\n",
        MAIL + b"long " * 1000 + b"\r\n",
        b"X: " + b"y" * 5000 + b"\r\n\r\n\r\n",
        b"no header at all\r\n",
        b"From: not an address\r\nSubject: [other] tag\r\n\r\n",
    ],
)
def test_mail_is_relayed_to_the_byte(mail: bytes, send: Send, next_hop: NextHop) -> None:
    send(mail, CLEAR)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert body_of(next_hop.mails[0].data) == mail
    assert next_hop.mails[0].sender == "ada@bank.example"


def test_recipients_share_one_mail(send: Send, next_hop: NextHop) -> None:
    send(MAIL, CLEAR, OTHER, CLEAR)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == (CLEAR, OTHER)


def test_null_sender_is_passed_on(send: Send, next_hop: NextHop) -> None:
    send(b"Subject: report\r\n\r\n", CLEAR, sender="")

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].sender == ""


def test_recipient_that_is_asked_to_wait_gets_it_later_and_others_once(send: Send, next_hop: NextHop) -> None:
    """S6."""
    next_hop.answers[OTHER] = ["450 4.2.1 busy", "450 4.2.1 busy"]

    send(MAIL, CLEAR, OTHER)

    next_hop.wait(lambda: len(next_hop.mails) == 2)
    assert [mail.recipients for mail in next_hop.mails] == [(CLEAR,), (OTHER,)]


@pytest.mark.parametrize("step", ["MAIL", "DATA"])
def test_next_hop_that_is_busy_is_asked_again(step: str, send: Send, next_hop: NextHop) -> None:
    next_hop.answers[step] = ["421 4.3.2 busy", "451 4.3.0 busy"]

    send(MAIL, CLEAR)

    next_hop.wait(lambda: len(next_hop.mails) == 1)


def test_next_hop_that_is_down_is_tried_again(send: Send, next_hop: NextHop) -> None:
    next_hop.stop()

    send(MAIL, CLEAR)

    again = NextHop(next_hop.port).start()
    try:
        again.wait(lambda: len(again.mails) == 1)
    finally:
        again.stop()


def test_address_beyond_ascii_goes_on_with_smtputf8(gateway: Gateway, next_hop: NextHop) -> None:
    with smtplib.SMTP(gateway.address.host, gateway.address.port, timeout=30) as smtp:
        smtp.sendmail("ada@bank.example", ["jürgen@clear.example"], MAIL, ["SMTPUTF8"])

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == ("jürgen@clear.example",)
