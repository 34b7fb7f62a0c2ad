"""What a sender hears of mail that was not delivered."""

import email
import email.policy
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.service import Gateway
from tests.gateway.conftest import MAIL, Send, StartGateway
from tests.gateway.neighbours import Answer, Delivered, NextHop, ScriptedKeyServer
from translations import load

ADA, BOB, POSTMASTER = "ada@bank.example", "bob@sealed.example", "postmaster@bank.example"
CLEAR = "carol@clear.example"


def report_of(mail: Delivered) -> EmailMessage:
    report = email.message_from_bytes(mail.data, policy=email.policy.default)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert [part.get_content_type() for part in report.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert report["Auto-Submitted"] == "auto-replied"
    return report


def words_of(mail: Delivered) -> str:
    return next(report_of(mail).iter_parts()).get_content()


def statuses_of(mail: Delivered) -> list[dict[str, str]]:
    status = list(report_of(mail).iter_parts())[1]
    return [dict(part.items()) for part in status.get_payload()]


def test_refused_recipient_is_reported_to_the_sender(send: Send, next_hop: NextHop) -> None:
    next_hop.answers[CLEAR] = ["550 5.1.1 no such person"]

    send(MAIL, CLEAR, "dan@clear.example")

    next_hop.wait(lambda: len(next_hop.mails) == 2)
    (bounce,) = next_hop.taken(ADA)
    assert bounce.sender == ""
    assert "550 5.1.1 no such person" in words_of(bounce)
    whole, recipient = statuses_of(bounce)
    assert whole["Reporting-MTA"] == "dns; mx1.bank.example"
    assert recipient == {
        "Final-Recipient": f"rfc822; {CLEAR}",
        "Action": "failed",
        "Status": "5.1.1",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such person",
    }


@pytest.mark.parametrize("step", ["MAIL", "DATA"])
def test_refused_mail_is_reported_for_all_its_recipients(step: str, send: Send, next_hop: NextHop) -> None:
    next_hop.answers[step] = ["554 5.7.1 we take none of that"]

    send(MAIL, CLEAR, "dan@clear.example")

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert len(statuses_of(next_hop.taken(ADA)[0])) == 3


def test_bounce_of_clear_mail_gives_back_headers_and_no_content(send: Send, next_hop: NextHop) -> None:
    next_hop.answers[CLEAR] = ["550 no"]

    send(MAIL, CLEAR)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    bounce = next_hop.mails[0]
    assert b"here it is" not in bounce.data
    assert b"Message-ID: <1@bank.example>" in bounce.data
    assert b"Subject: Offer" in bounce.data


def test_key_server_that_refuses_the_sender_ends_the_mail(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    key_server.answers = [Answer(403, {"code": "sender-not-allowed", "title": "no"})]

    send()

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    bounce = next_hop.mails[0]
    assert bounce.recipients == (ADA,)
    assert "ada@bank.example may not send secure messages here." in words_of(bounce)
    assert "It was not sent without protection either." in words_of(bounce)
    assert b"Offer" not in bounce.data
    assert b"here it is" not in bounce.data
    assert statuses_of(bounce)[1]["Status"] == "5.7.1"


def test_mail_that_waited_too_long_to_be_registered_is_bounced_and_not_sent(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S55, S56."""
    key_server.answers = [Answer(503)] * 1000
    gateway = start_gateway(('queue_timeout = "1h"', "queue_timeout = 1"))
    with smtplib.SMTP(gateway.address.host, gateway.address.port) as smtp:
        smtp.sendmail(ADA, [BOB], MAIL)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    bounce = next_hop.mails[0]
    assert bounce.recipients == (ADA,)
    assert "in time" in words_of(bounce)
    assert statuses_of(bounce)[1]["Status"] == "4.4.7"
    assert BOB not in next_hop.asked


def test_bounce_is_in_the_profiles_language(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S74-S80."""
    key_server.answers = [Answer(403, {"code": "sender-not-allowed", "title": "no"})]
    gateway = start_gateway(('level = "medium"', 'level = "medium"\nlocale = "de"'))
    with smtplib.SMTP(gateway.address.host, gateway.address.port) as smtp:
        smtp.sendmail(ADA, [BOB], MAIL)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert report_of(next_hop.mails[0])["Subject"] == load("de").gettext("Your mail was not delivered")


def test_mail_without_a_sender_is_reported_to_the_administrator(send: Send, next_hop: NextHop) -> None:
    next_hop.answers[CLEAR] = ["550 no"]

    send(MAIL, CLEAR, sender="")

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == (POSTMASTER,)


def test_bounce_that_fails_goes_to_the_administrator_and_then_stays(
    send: Send, next_hop: NextHop, entries: Callable[[], list[Path]]
) -> None:
    next_hop.answers[CLEAR] = ["550 no"]
    next_hop.answers[ADA] = ["550 no"]
    next_hop.answers[POSTMASTER] = ["550 no"]

    send(MAIL, CLEAR)

    next_hop.wait(lambda: POSTMASTER in next_hop.asked and len(entries()) == 1)
    assert next_hop.mails == []


def test_sender_beyond_ascii_is_told_with_smtputf8(gateway: Gateway, next_hop: NextHop) -> None:
    next_hop.answers["jürgen@clear.example"] = ["550 no"]
    with smtplib.SMTP(gateway.address.host, gateway.address.port) as smtp:
        smtp.sendmail("ädä@bank.example", ["jürgen@clear.example"], MAIL, ["SMTPUTF8"])

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == ("ädä@bank.example",)
    assert statuses_of(next_hop.mails[0])[1]["Final-Recipient"] == r"utf-8; j\x{FC}rgen@clear.example"
