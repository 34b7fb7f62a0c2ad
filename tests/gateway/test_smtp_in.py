"""What is taken over SMTP, what is refused and with which words."""

import errno
import smtplib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.service import Gateway
from tests.gateway.conftest import MAIL, Send, StartGateway
from tests.gateway.neighbours import NextHop

CLEAR = "carol@clear.example"


@pytest.fixture
def smtp(gateway: Gateway) -> smtplib.SMTP:
    with smtplib.SMTP(gateway.address.host, gateway.address.port, timeout=30) as client:
        client.ehlo()
        yield client


def test_size_of_a_mail_is_announced(smtp: smtplib.SMTP) -> None:
    """S19."""
    assert smtp.esmtp_features["size"] == "25000000"
    assert smtp.has_extn("8bitmime")
    assert smtp.has_extn("smtputf8")


def test_mail_that_says_it_is_too_large_is_refused_with_the_limit(smtp: smtplib.SMTP) -> None:
    """S21, D1."""
    code, text = smtp.mail("ada@bank.example", ["SIZE=26000000"])

    assert (code, text) == (
        552,
        b"5.3.4 The mail is too large: at most 25 MB (25000000 bytes) are accepted here",
    )


def test_mail_that_turns_out_too_large_is_refused_with_the_limit(
    smtp: smtplib.SMTP, entries: Callable[[], list[Path]]
) -> None:
    """S21, D1: 26 MB from a client that does not say its size."""
    smtp.mail("ada@bank.example")
    smtp.rcpt(CLEAR)
    code, text = smtp.data(MAIL + b"x" * 70 + b"\r\n" + (b"y" * 76 + b"\r\n") * 340_000)

    assert (code, text[:5]) == (552, b"5.3.4")
    assert b"25 MB" in text
    assert entries() == []
    assert smtp.noop()[0] == 250


def test_mail_just_within_the_limit_is_taken(send: Send, next_hop: NextHop) -> None:
    mail = MAIL + (b"y" * 76 + b"\r\n") * 320_000

    send(mail, CLEAR)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].data.endswith(mail)


def test_mail_without_recipients_is_refused(smtp: smtplib.SMTP) -> None:
    smtp.mail("ada@bank.example")

    assert smtp.docmd("DATA") == (503, b"5.5.1 Name a recipient first")


def test_more_than_a_thousand_recipients_are_for_another_time(smtp: smtplib.SMTP) -> None:
    smtp.mail("ada@bank.example")
    codes = [smtp.rcpt(f"r{n}@clear.example")[0] for n in range(1001)]

    assert codes == [250] * 1000 + [452]


@pytest.mark.parametrize("address", ["bob", "bob@", "bob@-.example", "bob@b.example\x01"])
def test_unusable_recipient_is_refused(address: str, smtp: smtplib.SMTP) -> None:
    smtp.mail("ada@bank.example")

    assert smtp.docmd("RCPT", f"TO:<{address}>")[0] in {501, 553, 555}


def test_address_beyond_ascii_needs_smtputf8(smtp: smtplib.SMTP) -> None:
    smtp.mail("ada@bank.example")
    smtp.command_encoding = "utf-8"

    assert smtp.docmd("RCPT", "TO:<jürgen@clear.example>") == (
        553,
        b"5.6.7 This address needs SMTPUTF8, which was not asked for",
    )


def test_sealed_mail_without_any_sender_is_refused_with_a_reason(send: Send) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(b"Subject: nobody's\r\n\r\nHello\r\n", sender="")

    assert refused.value.smtp_code == 550
    assert b"needs a sender" in refused.value.smtp_error


def test_mail_that_loops_is_refused(send: Send) -> None:
    ours = b"Received: from a by mx1.bank.example (Sealpost) with ESMTP id 1; today\r\n"

    for trace in (b"Received: from a by b; today\r\n" * 101, ours * 5):
        with pytest.raises(smtplib.SMTPDataError, match=r"5\.4\.6"):
            send(trace + MAIL)


def test_stranger_is_turned_away(start_gateway: StartGateway) -> None:
    gateway = start_gateway(("workers = 2", 'workers = 2\nallow = ["10.0.0.0/8"]'))

    with pytest.raises(smtplib.SMTPConnectError) as refused:
        smtplib.SMTP(gateway.address.host, gateway.address.port, timeout=30)
    assert refused.value.smtp_code == 554


def test_client_that_goes_away_in_the_middle_leaves_nothing(
    gateway: Gateway, tmp_path: Path, entries: Callable[[], list[Path]], next_hop: NextHop, send: Send
) -> None:
    with socket.create_connection((gateway.address.host, gateway.address.port)) as client:
        client.sendall(b"EHLO x\r\nMAIL FROM:<ada@bank.example>\r\nRCPT TO:<carol@clear.example>\r\nDATA\r\n")
        while b"354" not in client.recv(4096):
            pass
        client.sendall(b"From: ada@bank.example\r\n\r\nhalf a")

    send(MAIL, CLEAR)
    next_hop.wait(lambda: len(next_hop.mails) == 1)
    gateway.stop()
    assert entries() == []
    assert list((tmp_path / "queue" / "incoming").iterdir()) == []


def test_commands_sent_along_with_the_mail_are_answered_in_order(gateway: Gateway) -> None:
    with socket.create_connection((gateway.address.host, gateway.address.port), timeout=30) as client:
        client.sendall(b"EHLO x\r\nMAIL FROM:<ada@bank.example>\r\nRCPT TO:<carol@clear.example>\r\nDATA\r\n")
        client.sendall(b"a: b\r\n\r\nhello\r\n.\r\nNOOP\r\nQUIT\r\n")
        answers = client.makefile("rb").read()

    assert [line[:3] for line in answers.splitlines()][-4:] == [b"354", b"250", b"250", b"221"]


def test_full_disk_is_a_temporary_failure(
    send: Send, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(MAIL, CLEAR)
    assert refused.value.smtp_code == 452
