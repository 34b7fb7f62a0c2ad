"""The mail that carries a securedoc: who it is from, what it says, and that it is one well-formed mail."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

import translations
from envelope import Level, Options, compose_notice, render_securedoc
from tests.unit.sealed import BRAND, HEADER, MEDIUM, SERVER, sealed


def notice(
    mail: bytes, options: Options = MEDIUM, *, locale: str = "en", subject: str | None = None, **more: Any
) -> EmailMessage:
    """The notice as the recipient's mail program reads it."""
    envelope = sealed(mail, options, **more)
    made: dict[str, Any] = {"recipient": "bob@b.example", "server": SERVER, "locale": locale, "brand": BRAND}
    securedoc = render_securedoc(envelope, **made)
    composed = compose_notice(mail, securedoc, sealed=envelope, subject=subject, **made)
    parsed = message_from_bytes(b"".join(composed), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def words(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_notice_carries_the_file_beside_text_and_html() -> None:
    """S65-S67: both a text and an HTML form."""
    made = notice(HEADER)

    types = [(part.get_content_type(), part["Content-Transfer-Encoding"]) for part in made.walk()]
    attached = next(made.iter_attachments())

    assert types == [
        ("multipart/mixed", None),
        ("multipart/alternative", None),
        ("text/plain", "quoted-printable"),
        ("text/html", "quoted-printable"),
        ("text/html", "7bit"),
    ]
    assert attached.get_filename() == attached.get_param("name") == "securedoc.html"
    assert attached.get_content_disposition() == "attachment"


def test_notice_keeps_who_wrote_to_whom_and_the_thread() -> None:
    fields = {
        "From": "Ädä <ada@a.example>",
        "Reply-To": "Team <team@a.example>",
        "Sender": "secretary@a.example",
        "To": '"Doe, Bob" <bob@b.example>',
        "Cc": "eve@e.example",
        "Date": "Mon, 23 Nov 2026 18:00:00 +0100",
        "Message-ID": "<1@a.example>",
        "In-Reply-To": "<0@b.example>",
        "References": " ".join(f"<{number}.{'x' * 50}@b.example>" for number in range(20)),
        "List-Id": "Friends <friends.a.example>",
        "List-Unsubscribe": "<mailto:leave@a.example>",
    }
    mail = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()

    made = notice(mail)

    assert {name: str(made[name]) for name in fields} == fields


def test_notice_drops_what_is_not_for_strangers() -> None:
    mail = HEADER + b"Bcc: eve@e.example\r\nX-Internal: 1\r\nDKIM-Signature: v=1\r\nThread-Topic: Hello\r\n"

    made = notice(mail)

    assert set(made.keys()) == {"From", "To", "Date", "Message-ID", "Subject", "MIME-Version", "Content-Type"}


def test_notice_of_a_bare_mail_is_complete() -> None:
    made = notice(b"\r\nHello\r\n")

    assert made["From"] == "smtp@a.example"
    assert made["To"] == "undisclosed-recipients:;"
    assert made["Date"] == "Mon, 23 Nov 2026 18:00:00 +0000"
    assert made["Message-ID"].endswith("@a.example>")


def test_names_without_an_address_are_left_out() -> None:
    made = notice(b"From: The Bank\r\nTo: everybody, bob@b.example\r\n\r\n")

    assert (made["From"], made["To"]) == ("smtp@a.example", "bob@b.example")


def test_subject_is_neutral_unless_the_profile_shows_it() -> None:
    """S100: the message's subject can be chosen."""
    shown = Options(level=Level.HIGH, show_subject=True)

    assert notice(HEADER)["Subject"] == "Secure message from Ada"
    assert notice(HEADER, shown)["Subject"] == "Hello"
    assert notice(HEADER, shown, subject="[secure] Grüße")["Subject"] == "[secure] Grüße"


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_notice_says_who_sent_it_and_how_to_open_it(kind: str) -> None:
    said = words(notice(HEADER), kind)

    assert "Ada (ada@a.example)" in said and "Bank A" in said
    assert "securedoc.html" in said and "phone" in said
    assert "passphrase" in said and "keys.a.example" in said


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_notice_tells_the_end_only_if_there_is_one(kind: str) -> None:
    ending = Options(level=Level.HIGH, expires_after=timedelta(days=1))

    assert "November 24, 2026, 6:00\u202fPM UTC" in words(notice(HEADER, ending), kind)
    assert "until" not in words(notice(HEADER), kind)


def test_notice_speaks_of_no_passphrase_where_none_is_asked() -> None:
    """S50."""
    assert "passphrase" not in words(notice(HEADER, Options(level=Level.NONE)), "plain")


@pytest.mark.parametrize("locale", translations.LOCALES)
def test_notice_is_whole_in_every_locale(locale: str) -> None:
    made = notice(HEADER, Options(level=Level.HIGH, expires_after=timedelta(days=1)), locale=locale)

    assert not made.defects
    assert "%(" not in words(made, "plain") + words(made, "html") + str(made["Subject"])
    assert "keys.a.example" in words(made, "plain") and "keys.a.example" in words(made, "html")


@pytest.mark.parametrize(
    "field",
    [
        b"To: bob@b.example\r\n \r\n Bcc: eve@e.example",
        b'Reply-To: "a\r\n\tBcc: eve@e.example\r\n\t" <a@b.example>',
        b"Reply-To: =?utf-8?q?a=0D=0ABcc:_eve=40e.example?= <a@b.example>",
        b"References: <a@b>\x0bBcc: eve@e.example",
        b"List-Id: a\x85Bcc: eve@e.example",
        b"Date: now\x00\rX-Other: y",
    ],
)
def test_hostile_field_brings_no_other_field(field: bytes) -> None:
    made = notice(b"From: ada@a.example\r\n" + field + b"\r\n\r\n")

    allowed = {"From", "To", "Reply-To", "Date", "Message-ID", "References", "List-ID"}
    assert set(made.keys()) <= allowed | {"Subject", "MIME-Version", "Content-Type"}
    assert not made.defects


def test_hostile_subject_stays_one_line() -> None:
    made = notice(HEADER, subject="Hello\r\nBcc: eve@e.example\r\n\r\nbody")

    assert made["Subject"] == "Hello Bcc: eve@e.example body" and made["Bcc"] is None


def test_mailbox_beyond_ascii_is_named_but_not_addressed() -> None:
    """RFC 6857: a mail of ASCII cannot hold such an address."""
    mail = "From: Ada <ada@a.example>\r\nTo: Jürgen <jürgen@b.example>, bob@b.example\r\n".encode()

    made = notice(mail)

    assert [str(address) for address in made["To"].addresses] == ["bob@b.example"]
    assert [group.display_name for group in made["To"].groups] == ["Jürgen jürgen@b.example", None]
