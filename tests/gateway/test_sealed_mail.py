"""Mail that a rule wants sealed: its way through key server and next hop, and what happens when one fails."""

import email
import email.policy
import json
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from envelope import b64u_decode, open_payload
from envelope.content import Content
from envelope.securedoc import SecuredocFile, read_securedoc
from tests.gateway.conftest import MAIL, Send, StartGateway
from tests.gateway.neighbours import Answer, Delivered, NextHop, Request, ScriptedKeyServer

BOB, EVE = "bob@sealed.example", "eve@sealed.example"
SECRET_WORDS = b"Dear Bob, here it is."


def notice_of(mail: Delivered) -> EmailMessage:
    return email.message_from_bytes(mail.data, policy=email.policy.default)


def securedoc_of(mail: Delivered) -> SecuredocFile:
    (part,) = notice_of(mail).iter_attachments()
    assert part.get_filename() == "securedoc.html"
    return read_securedoc(part.get_content().encode("ascii").replace(b"\n", b"\r\n"))


def opened(mail: Delivered, request: Request) -> Content:
    securedoc = securedoc_of(mail)
    return open_payload(
        securedoc.payload,
        key_share=b64u_decode(request.body["key_share"], size=32),
        envelope_secret=securedoc.envelope_secret,
        policy=securedoc.policy,
    )


def text_of(content: Content) -> bytes:
    return b"".join(bytes(part.data) for part in content.parts if part.role == "text")


def test_mail_is_registered_then_delivered_and_opens_with_both_halves(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S4, S5, S9, S83."""
    send()

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    (request,) = key_server.requests
    mail = next_hop.mails[0]
    assert text_of(opened(mail, request)).rstrip() == SECRET_WORDS
    assert SECRET_WORDS not in mail.data
    assert (mail.sender, mail.recipients) == ("ada@bank.example", (BOB,))


def test_notice_keeps_the_thread_and_hides_the_subject(send: Send, next_hop: NextHop) -> None:
    send()

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    notice = notice_of(next_hop.mails[0])
    assert (notice["From"], notice["To"], notice["Message-ID"]) == (
        "Ada <ada@bank.example>",
        BOB,
        "<1@bank.example>",
    )
    assert "Offer" not in str(notice["Subject"])
    assert b"Offer" not in next_hop.mails[0].data


def test_each_recipient_gets_a_file_of_their_own_and_hidden_ones_stay_hidden(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """D10."""
    send(MAIL, BOB, EVE, "mallory@sealed.example")

    next_hop.wait(lambda: len(next_hop.mails) == 3)
    by_recipient = {mail.recipients: mail for mail in next_hop.mails}
    assert securedoc_of(by_recipient[EVE,]).recipient == EVE
    assert b"mallory" not in by_recipient[EVE,].data
    assert b"eve@" not in by_recipient[BOB,].data
    assert key_server.requests[0].body["recipients"] == [
        {"address": BOB, "visible": True},
        {"address": EVE, "visible": False},
        {"address": "mallory@sealed.example", "visible": False},
    ]


def test_mail_is_split_by_what_the_policy_says_of_each_recipient(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S29."""
    send(MAIL, BOB, "carol@clear.example")

    next_hop.wait(lambda: len(next_hop.mails) == 2)
    clear = next(mail for mail in next_hop.mails if mail.recipients == ("carol@clear.example",))
    assert SECRET_WORDS in clear.data
    assert key_server.requests[0].body["recipients"] == [{"address": BOB, "visible": True}]


def test_subject_tag_chooses_the_profile_and_is_taken_out(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    send(MAIL.replace(b"Subject: Offer", b"Subject: [Secure] Offer"), "carol@clear.example")

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    body = key_server.requests[0].body
    assert (body["profile"], body["level"], body["subject"]) == ("strict", "high", "Offer")
    assert "Offer" in str(notice_of(next_hop.mails[0])["Subject"])
    assert "ecure]" not in str(notice_of(next_hop.mails[0])["Subject"])


def test_key_share_and_mail_in_clear_are_gone_from_disk_once_registered(
    send: Send, next_hop: NextHop, entries: Callable[[], list[Path]]
) -> None:
    next_hop.answers["MAIL"] = ["451 4.3.0 not now"] * 1000

    send()

    next_hop.wait(lambda: len(next_hop.asked) >= 2)
    (entry,) = entries()
    control = json.loads((entry / "control.json").read_text())
    assert (control["stage"], control["key_share"]) == ("registered", None)
    assert {path.name for path in entry.iterdir()} - {"control.json.new"} == {
        "control.json",
        "sealed",
    }


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"<html>"),
        Answer(500, {"code": "server-error", "id": "1"}),
        Answer(429, {"code": "throttled", "retry_after": 0}),
        Answer(401, {"code": "unauthenticated"}),
        Answer(400, {"code": "unknown-profile"}),
        Answer(302, {}, (("Location", "http://127.0.0.1:9/"),)),
        Answer(200, b"no json"),
        Answer(200, b"["),
        Answer(404, b"x" * 300_000),
    ],
)
def test_key_server_that_fails_is_asked_again_with_the_same_message(
    answer: Answer, send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S6."""
    key_server.answers = [answer, answer]

    send()

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    first, second, third = key_server.requests
    assert first.path == second.path == third.path
    assert first.body == second.body == third.body


def test_key_server_that_is_away_is_waited_for(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer, entries: Callable[[], list[Path]]
) -> None:
    """S6."""
    key_server.stop()

    send()

    def attempts() -> int:
        return int(json.loads((entries()[0] / "control.json").read_text())["attempts"])

    next_hop.wait(lambda: attempts() >= 2)
    assert next_hop.asked == []


def test_mail_sealed_before_a_restart_is_registered_after_it_as_it_was(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    key_server.answers = [Answer(503)] * 1000
    gateway = start_gateway()
    with smtplib.SMTP(gateway.address.host, gateway.address.port) as smtp:
        smtp.sendmail("ada@bank.example", [BOB], MAIL)
    key_server.wait(lambda: bool(key_server.requests))
    gateway.stop()
    key_server.answers.clear()

    start_gateway()

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert key_server.requests[-1].body == key_server.requests[0].body


@pytest.mark.parametrize(
    "mail",
    [
        b"From: nobody\r\nTo: bob@sealed.example\r\n\r\nx\r\n",
        b"To: bob@sealed.example\r\n\r\nx\r\n",
        b"x\r\n",
        b"",
        MAIL + b"\x00\r\n\xff\r\n",
        b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(10_000)) + MAIL,
        MAIL.replace(b"\r\n\r\n", b"\r\n")
        + b"\r\n".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d" % (n, n) for n in range(200)
        )
        + b"\r\n\r\nx\r\n",
    ],
    ids=["From unparsable", "no From", "no header", "empty", "NUL", "10000 headers", "200 parts"],
)
def test_odd_mail_is_sealed_in_the_name_of_its_smtp_sender(
    mail: bytes, send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    send(mail)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert key_server.requests[0].body["sender"] == "ada@bank.example"
    opened(next_hop.mails[0], key_server.requests[0])
