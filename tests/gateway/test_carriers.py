"""How an envelope comes to its recipients: in the notice, behind its link, or both."""

import json
import random
import re
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from envelope import b64u_decode, open_payload
from envelope.links import read_link
from envelope.options import policy_digest
from gateway.service import Gateway
from tests.gateway.conftest import MAIL, StartGateway
from tests.gateway.neighbours import Answer, Delivered, NextHop, Request, ScriptedKeyServer
from tests.gateway.test_bounces import statuses_of, words_of
from tests.gateway.test_sealed_mail import notice_of, securedoc_of, text_of

ADA, BOB, EVE = "ada@bank.example", "bob@sealed.example", "eve@sealed.example"
MEDIUM = 'level = "medium"'


def carried_by(carrier: str) -> tuple[str, str]:
    return MEDIUM, f'{MEDIUM}\ncarrier = "{carrier}"'


def send(gateway: Gateway, mail: bytes = MAIL, *to: str) -> None:
    with smtplib.SMTP(gateway.address.host, gateway.address.port, timeout=30) as smtp:
        smtp.sendmail(ADA, to or [BOB], mail)


def link_of(mail: Delivered) -> str:
    body = notice_of(mail).get_body(("plain",))
    assert body is not None
    (link,) = re.findall(r"http://127\.0\.0\.1:\d+/read/[^\s>]+", body.get_content())
    return str(link)


def opened_copy(link: str, register: Request, copy: Request) -> bytes:
    """What the page behind the link does with the copy, and the key share that it gets."""
    policy, _, payload = copy.data.partition(b"\n")
    secret = b64u_decode(link.partition("#")[2].partition(".")[0], size=32)
    key_share = b64u_decode(register.body["key_share"], size=32)
    content = open_payload(
        [payload], key_share=key_share, envelope_secret=secret, policy=policy.decode("ascii")
    )
    return text_of(content)


def test_link_leads_to_a_copy_that_opens(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S26, S27."""
    send(start_gateway(carried_by("link")))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    register, copy = key_server.requests
    (mail,) = next_hop.mails
    assert (copy.method, copy.path) == ("PUT", f"{register.path}/copy")
    assert copy.headers["Authorization"] == "Bearer the-gateways-own-secret"
    assert copy.headers["Content-Type"] == "application/octet-stream"
    assert copy.headers["Content-Length"] == str(len(copy.data))
    assert b"securedoc" not in mail.data
    assert list(notice_of(mail).iter_attachments()) == []
    assert opened_copy(link_of(mail), register, copy).rstrip() == b"Dear Bob, here it is."
    assert b64u_decode(register.body["policy_sha256"]) == policy_digest(copy.data.split(b"\n", 1)[0].decode())


def test_each_recipient_has_a_link_of_their_own(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    send(start_gateway(carried_by("link")), MAIL, BOB, EVE)

    next_hop.wait(lambda: len(next_hop.mails) == 2)
    links = {mail.recipients[0]: link_of(mail) for mail in next_hop.mails}
    message_id = key_server.requests[0].path.rpartition("/")[2]
    for recipient, link in links.items():
        secret = b64u_decode(link.partition("#")[2].partition(".")[0], size=32)
        assert link == read_link(
            key_server.url, message_id=message_id, envelope_secret=secret, recipient=recipient
        )
    assert len(key_server.requests) == 2


def test_notice_with_both_has_link_and_file(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S26, S27."""
    send(start_gateway(carried_by("both")))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    register, copy = key_server.requests
    assert securedoc_of(next_hop.mails[0]).recipient == BOB
    assert opened_copy(link_of(next_hop.mails[0]), register, copy).rstrip() == b"Dear Bob, here it is."


def test_notice_with_the_file_alone_stores_no_copy(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    send(start_gateway(carried_by("attachment")))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert len(key_server.requests) == 1
    assert b"/read/" not in next_hop.mails[0].data


def large_mail(size: int) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ADA, BOB, "Offer"
    mail.set_content("Dear Bob, here it is.\n")
    mail.add_attachment(random.Random(1).randbytes(size), "application", "x", filename="x")
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))


def test_mail_too_large_to_attach_goes_by_link_and_smaller_mail_as_ever(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S26: by itself, at the size that the profile says."""
    gateway = start_gateway((MEDIUM, f'{MEDIUM}\nlink_above = "1 MB"'))
    send(gateway, large_mail(800_000))
    next_hop.wait(lambda: len(next_hop.mails) == 1)
    send(gateway, large_mail(600_000))
    next_hop.wait(lambda: len(next_hop.mails) == 2)

    linked, attached = next_hop.mails
    register, copy, _ = key_server.requests
    assert len(linked.data) < 20_000
    assert opened_copy(link_of(linked), register, copy).rstrip() == b"Dear Bob, here it is."
    assert securedoc_of(attached).recipient == BOB
    assert b"/read/" not in attached.data


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"<html>"),
        Answer(404, {"code": "not-found"}),
        Answer(401, {"code": "unauthenticated"}),
        Answer(429, {"code": "throttled", "retry_after": 0}),
        Answer(201, b"no json"),
    ],
)
def test_copy_that_is_not_taken_is_sent_again_and_no_notice_before(
    answer: Answer, start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S6."""
    key_server.answers = [Answer(), answer, answer]
    send(start_gateway(carried_by("link")))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    register, *copies = key_server.requests
    assert len(copies) == 3
    assert len({copy.data for copy in copies}) == 1
    assert register.path not in {copy.path for copy in copies}


def test_copy_that_is_refused_for_good_ends_the_mail(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    key_server.answers = [Answer(), Answer(413, {"code": "too-large"})]
    send(start_gateway(carried_by("both")))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == (ADA,)
    assert "too large for a secure message" in words_of(next_hop.mails[0])


def test_mail_whose_copy_cannot_be_stored_in_time_is_bounced(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S55, S56."""
    key_server.answers = [Answer(), *[Answer(503)] * 1000]
    send(start_gateway(carried_by("link"), ('queue_timeout = "1h"', "queue_timeout = 1")))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == (ADA,)
    assert statuses_of(next_hop.mails[0])[1]["Status"] == "4.4.7"
    assert "in time" in words_of(next_hop.mails[0])


def test_copy_is_stored_once_however_often_delivery_is_tried(
    start_gateway: StartGateway,
    next_hop: NextHop,
    key_server: ScriptedKeyServer,
    entries: Callable[[], list[Path]],
) -> None:
    next_hop.answers["MAIL"] = ["451 4.3.0 not now"] * 3
    gateway = start_gateway(carried_by("link"))
    send(gateway)
    next_hop.wait(lambda: len(next_hop.asked) >= 1)
    control = json.loads((entries()[0] / "control.json").read_text())
    gateway.stop()
    start_gateway(carried_by("attachment"))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert (control["stage"], control["carrier"]) == ("stored", "link")
    assert len(key_server.requests) == 2
    assert link_of(next_hop.mails[0])


def test_file_posts_where_the_profile_says_and_names_where_to_forward(
    start_gateway: StartGateway, next_hop: NextHop
) -> None:
    """S43, S47."""
    gateway = start_gateway(
        (MEDIUM, f'{MEDIUM}\npayload_transport = "https://upload.bank.example"'),
        ('secret_file = "secret"', 'secret_file = "secret"\nopen_address = "open@bank.example"'),
    )
    send(gateway)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    mail = next_hop.mails[0].data
    assert b'action="https://upload.bank.example/online"' in mail
    assert b"open@bank.example" in mail[mail.index(b"<!doctype") :]
    assert "open@bank.example" in str(notice_of(next_hop.mails[0]).get_body(("plain",)))


def test_profile_that_forbids_opening_online_names_no_door_at_the_server(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    gateway = start_gateway(
        (MEDIUM, f"{MEDIUM}\nopen_online = false"),
        ('secret_file = "secret"', 'secret_file = "secret"\nopen_address = "open@bank.example"'),
    )
    send(gateway)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert key_server.requests[0].body["online"] is False
    assert b"open@bank.example" not in next_hop.mails[0].data
    assert b"/online" not in next_hop.mails[0].data


@pytest.mark.parametrize(
    ("settings", "level", "mailed_code"),
    [('"proven"', "proven", False), ('"medium"\nmailed_code = true', "medium", True)],
)
def test_profile_may_ask_for_a_mailed_code_alone(
    settings: str, level: str, mailed_code: bool, start_gateway: StartGateway, key_server: ScriptedKeyServer
) -> None:
    """S13."""
    send(start_gateway((MEDIUM, f"level = {settings}")))

    key_server.wait(lambda: len(key_server.requests) == 1)
    body = key_server.requests[0].body
    assert (body["level"], body["mailed_code"]) == (level, mailed_code)
