"""What a mail's own X-PostX headers change of its envelope, and what becomes of those that cannot be read."""

import smtplib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import override_headers
from gateway.errors import PermanentError
from tests.gateway.conftest import MAIL, Send, StartGateway
from tests.gateway.neighbours import NextHop, ScriptedKeyServer
from tests.gateway.test_bounces import ADA, BOB, CLEAR, report_of, words_of
from tests.gateway.test_sealed_mail import opened, securedoc_of

NAMES = {
    "expires_after": "X-PostX-ExpirationDate",
    "applet": "X-PostX-Suppress-Applet-For-Open",
    "script": "X-PostX-Use-Script",
    "remember": "X-PostX-Remember-Envelope-Key-Checkbox",
    "receipt": "X-PostX-Send-Return-Receipt",
}


def with_headers(*headers: str, mail: bytes = MAIL) -> bytes:
    return b"".join(f"{header}\r\n".encode() for header in headers) + mail


@pytest.mark.parametrize(
    ("header", "field", "value"),
    [
        ("X-PostX-ExpirationDate: +24:00:00", "expires_after", 86400),
        ("X-PostX-ExpirationDate: +7", "expires_after", 7 * 86400),
        ("X-PostX-Send-Return-Receipt: true", "receipt", True),
        ("X-PostX-Remember-Envelope-Key-Checkbox: true", "remember", True),
    ],
)
def test_header_reaches_the_key_server(
    header: str, field: str, value: object, send: Send, key_server: ScriptedKeyServer
) -> None:
    """S107, S108, S111, S115-S119, S122, S133, S134, S136."""
    send(with_headers(header))

    key_server.wait(lambda: bool(key_server.requests))
    assert key_server.requests[0].body[field] == value


def test_header_takes_the_script_out_of_the_file(send: Send, next_hop: NextHop) -> None:
    """S132, S136, S137."""
    send(with_headers("X-PostX-Use-Script: false"))
    next_hop.wait(lambda: len(next_hop.mails) == 1)
    send(MAIL)
    next_hop.wait(lambda: len(next_hop.mails) == 2)

    assert [b"<script>" in mail.data for mail in next_hop.mails] == [False, True]


def test_header_suppresses_the_applet(send: Send, next_hop: NextHop) -> None:
    """S129, S135."""
    send(with_headers("X-PostX-Suppress-Applet-For-Open: true"))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert b'"applet":false' in next_hop.mails[0].data.replace(b" ", b"").replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("setting", "header", "field"),
    [
        ("receipt = true", "X-PostX-Send-Return-Receipt: false", "receipt"),
        ("remember = true", "X-PostX-Remember-Envelope-Key-Checkbox: false", "remember"),
    ],
)
def test_false_overrides_the_profiles_true(
    setting: str, header: str, field: str, start_gateway: StartGateway, key_server: ScriptedKeyServer
) -> None:
    """D3, S108."""
    gateway = start_gateway(('level = "medium"', f'level = "medium"\n{setting}'))
    with smtplib.SMTP(gateway.address.host, gateway.address.port) as smtp:
        smtp.sendmail(ADA, [BOB], MAIL)
        key_server.wait(lambda: len(key_server.requests) == 1)
        smtp.sendmail(ADA, [BOB], with_headers(header))
        key_server.wait(lambda: len(key_server.requests) == 2)

    assert [request.body[field] for request in key_server.requests] == [True, False]


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ([("x-postx-use-script", "FALSE")], {"script": False}),
        ([("X-PostX-Expiration Date", "+1")], {"expires_after": timedelta(days=1)}),
        ([("X-PostX-Expiration-Date", "+1")], {"expires_after": timedelta(days=1)}),
        ([("X-POSTX-EXPIRATIONDATE", "+01:02:03")], {"expires_after": timedelta(seconds=3723)}),
        ([("X-PostX-ExpirationDate", "+87672:00:00")], {"expires_after": timedelta(days=3653)}),
        (
            [("X-PostX-ExpirationDate", "+1"), ("X-PostX-Expiration Date", "+24:00:00")],
            {"expires_after": timedelta(days=1)},
        ),
        ([("X-PostX-Suppress-Applet-For-Open", "false")], {"applet": True}),
        ([("X-PostX-Reply-Enabled", "false")], {}),
    ],
)
def test_headers_are_read_in_every_spelling(fields: list[tuple[str, str]], changes: dict[str, Any]) -> None:
    """S111, S117-S119, S122, D3, D9."""
    assert override_headers.read(fields) == changes


@pytest.mark.parametrize(
    "value",
    ["+25 hours", "25", "+", "+0", "+00:00:00", "+1:00:00", "+24:60:00", "+24:00", "-1", "+1.5", "+3654",
     "+99999:00:00", "+٣", "+1 +2", ""],
)  # fmt: skip
def test_time_of_another_form_is_none(value: str) -> None:
    """D4, D9."""
    with pytest.raises(PermanentError) as error:
        override_headers.read([("X-PostX-ExpirationDate", value)])

    assert error.value.code == "header-time"


@pytest.mark.parametrize("option", list(NAMES))
@pytest.mark.parametrize("value", ["maybe", "", "yes", "true false", "t\u200brue"])
def test_value_that_cannot_be_read_is_refused(option: str, value: str) -> None:
    """D4."""
    with pytest.raises(PermanentError):
        override_headers.read([(NAMES[option], value)])


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (["X-PostX-ExpirationDate: +25 hours"], ["X-PostX-ExpirationDate: +25 hours", "+24:00:00", "+7"]),
        (["X-PostX-Use-Script: maybe"], ["X-PostX-Use-Script: maybe", "true or false"]),
        (
            ["X-PostX-Use-Script: true", "x-postx-use-script: false"],
            ["contradict each other", "x-postx-use-script: false"],
        ),
        (
            ["X-PostX-ExpirationDate: +1", "X-PostX-Expiration Date: +2"],
            ["contradict each other", "X-PostX-Expiration Date: +2"],
        ),
        (["X-PostX-Reply-Enabled: true"], ["cannot be done here", "X-PostX-Reply-Enabled: true"]),
        (["X-PostX-ReadNotification Date: +1"], ["cannot be done here", "X-PostX-ReadNotification Date: +1"]),
        (["X-PostX-Colour: blue"], ["cannot be done here", "X-PostX-Colour: blue"]),
        ([f"X-PostX-Use{'-' * count}Script: true" for count in range(60)], ["contradict each other"]),
    ],
)  # fmt: skip
def test_mail_whose_headers_cannot_be_followed_is_bounced_and_sent_to_nobody(
    headers: list[str], words: list[str], send: Send, next_hop: NextHop, entries: Callable[[], list[Path]]
) -> None:
    """D4: not even to those who would get it in clear."""
    send(with_headers(*headers), BOB, CLEAR)

    next_hop.wait(lambda: len(next_hop.mails) == 2 and entries() == [])
    assert {mail.recipients for mail in next_hop.mails} == {(ADA,)}
    told = [" ".join(words_of(mail).split()) for mail in next_hop.mails]
    assert all(each in text for each in words for text in told)
    assert "Change the header or leave it out" in told[0]
    assert {report_of(mail)["Subject"] for mail in next_hop.mails} == {"Your mail was not delivered"}


def test_headers_that_leave_no_way_to_open_are_bounced(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S132, S138: a file that only the key server opens, where the profile forbids that."""
    gateway = start_gateway(('level = "medium"', 'level = "medium"\nopen_online = false'))
    with smtplib.SMTP(gateway.address.host, gateway.address.port) as smtp:
        smtp.sendmail(ADA, [BOB], with_headers("X-PostX-Use-Script: false"))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == (ADA,)
    assert "nobody could open" in words_of(next_hop.mails[0])
    assert key_server.requests == []


SPELLINGS = [
    "X-PostX-Use-Script: true",
    "x-POSTX-use-script:true",
    "X-PostX-Use-Script : true",
    "X-PostX-ExpirationDate:\r\n +24:00:00",
    "X-PostX-Expiration Date: +24:00:00",
    "X-PostX-Expiration-Date: +24:00:00",
]


@pytest.mark.parametrize("header", SPELLINGS)
def test_header_is_in_no_mail_that_leaves_in_clear(header: str, send: Send, next_hop: NextHop) -> None:
    """D6."""
    send(with_headers("X-Other: 1", header, "X-Last: 2"), CLEAR)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].data.endswith(b"X-Other: 1\r\nX-Last: 2\r\n" + MAIL)
    assert b"postx" not in next_hop.mails[0].data.lower()


def test_header_is_not_in_what_is_sealed(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """D6: nor in the exact copy that a signed mail keeps."""
    signed = (
        b"From: ada@bank.example\r\nTo: bob@sealed.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\r\n\r\n'
        b"--b\r\n\r\nHello\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--b--\r\n"
    )
    send(with_headers("X-PostX-Send-Return-Receipt: true", "X-PostX-Expiration Date: +1", mail=signed))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    content = opened(next_hop.mails[0], key_server.requests[0])
    assert any(part.role == "original" or b"multipart/signed" in bytes(part.data) for part in content.parts)
    assert not any(b"postx" in bytes(part.data).lower() for part in content.parts)
    assert not any("postx" in name.lower() for name in content.headers)


def test_mail_with_a_stray_space_in_a_name_keeps_the_fields_behind_it(
    send: Send, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """S116, D3: to all other programs such a line ends the header."""
    send(
        with_headers("X-PostX-Expiration Date: +1", mail=MAIL.replace(b"Subject: ", b"Subject: [secure] ")),
        CLEAR,
    )

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    body = key_server.requests[0].body
    assert (body["profile"], body["subject"], body["expires_after"]) == ("strict", "Offer", 86400)
    assert securedoc_of(next_hop.mails[0]).recipient == CLEAR


def test_headers_of_clients_that_may_not_set_them_are_taken_out_and_do_not_count(
    start_gateway: StartGateway, next_hop: NextHop, key_server: ScriptedKeyServer
) -> None:
    """D6."""
    gateway = start_gateway(("workers = 2", 'workers = 2\nheaders_from = ["10.0.0.0/8"]'))
    mail = with_headers("X-PostX-Send-Return-Receipt: true", "X-PostX-ExpirationDate: nonsense")
    with smtplib.SMTP(gateway.address.host, gateway.address.port) as smtp:
        smtp.sendmail(ADA, [BOB, CLEAR], mail)

    next_hop.wait(lambda: len(next_hop.mails) == 2)
    assert {mail.recipients for mail in next_hop.mails} == {(BOB,), (CLEAR,)}
    assert not any(b"PostX" in mail.data for mail in next_hop.mails)
    assert (key_server.requests[0].body["receipt"], key_server.requests[0].body["expires_after"]) == (
        False,
        None,
    )
