"""The mail that carries a securedoc: who it is from, what it says, and that it is one well-formed mail."""

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

import translations
from envelope import (
    Algorithm,
    EnvelopeError,
    Level,
    Options,
    SealedEnvelope,
    b64u_encode,
    compose_notice,
    read_link,
    render_securedoc,
)
from tests.unit.sealed import BRAND, HEADER, MEDIUM, SERVER, sealed

LINES_OVER = re.compile(rb"[^\r\n]{998}")
WAYS = ["file", "link", "file link"]


def notice(
    mail: bytes,
    options: Options = MEDIUM,
    *,
    locale: str = "en",
    subject: str | None = None,
    carries: str = "file",
    open_address: str | None = None,
    **more: Any,
) -> EmailMessage:
    """The notice as the recipient's mail program reads it; it carries «file», «link» or «file link»."""
    envelope = sealed(mail, options, **more)
    made: dict[str, Any] = {"recipient": "bob@b.example", "server": SERVER, "locale": locale, "brand": BRAND}
    composed = compose_notice(
        mail,
        render_securedoc(envelope, **made) if "file" in carries else None,
        sealed=envelope,
        subject=subject,
        link=link_of(envelope) if "link" in carries else None,
        open_address=open_address,
        **made,
    )
    assert not LINES_OVER.search(b"".join(composed))
    parsed = message_from_bytes(b"".join(composed), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def link_of(envelope: SealedEnvelope) -> str:
    return read_link(
        SERVER,
        message_id=envelope.message_id,
        envelope_secret=envelope.envelope_secret,
        recipient="bob@b.example",
    )


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


@pytest.mark.parametrize("carries", WAYS)
@pytest.mark.parametrize("locale", translations.LOCALES)
def test_notice_is_whole_in_every_locale(locale: str, carries: str) -> None:
    options = Options(level=Level.HIGH, expires_after=timedelta(days=1))

    made = notice(HEADER, options, locale=locale, carries=carries, open_address="open@keys.a.example")

    assert not made.defects
    assert "%(" not in words(made, "plain") + words(made, "html") + str(made["Subject"])
    assert "keys.a.example" in words(made, "plain") and "keys.a.example" in words(made, "html")


def test_notice_with_a_link_alone_carries_no_file() -> None:
    """S26-S27."""
    made = notice(HEADER, carries="link")

    assert [part.get_content_type() for part in made.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert not made.defects


def test_notice_has_a_button_in_html_and_the_link_in_text() -> None:
    """S26-S27: «Read message»."""
    made = notice(HEADER, carries="link")

    plain, shown = words(made, "plain"), words(made, "html")
    links = re.findall(r"<(https://keys.a.example/read/[^>\s]+)>", plain)
    buttons = re.findall(r'<a href="(https://keys.a.example/read/[^"]+)"[^>]*>Read message</a>', shown)

    assert len(links) == 1 and links == buttons
    assert "securedoc" not in plain + shown


def test_notice_with_both_offers_the_file_as_the_second_way() -> None:
    made = notice(HEADER, carries="file link")

    for said in (words(made, "plain"), words(made, "html")):
        assert said.index("/read/") < said.index("Or open the attached file securedoc.html")
    assert next(made.iter_attachments()).get_filename() == "securedoc.html"


def test_envelope_secret_is_in_the_links_fragment_and_nowhere_else() -> None:
    envelope = sealed(HEADER)
    made = {"recipient": "bob@b.example", "server": SERVER, "locale": "en", "brand": BRAND, "subject": None}
    secret = b64u_encode(envelope.envelope_secret)
    composed = compose_notice(HEADER, None, sealed=envelope, link=link_of(envelope), **made)
    parsed = message_from_bytes(b"".join(composed), policy=policy.default)
    assert isinstance(parsed, EmailMessage)

    for said in (words(parsed, "plain"), words(parsed, "html")):
        assert re.findall(rf".{re.escape(secret)}", said) == [f"#{secret}"]
    assert secret not in "".join(map(str, parsed.values()))


def test_notice_of_nothing_is_refused() -> None:
    with pytest.raises(EnvelopeError) as refused:
        notice(HEADER, carries="")

    assert refused.value.code == "options"


@pytest.mark.parametrize("carries", WAYS)
def test_notice_says_where_it_can_be_forwarded_to_if_it_may_be_opened_there(carries: str) -> None:
    allowed = notice(HEADER, carries=carries, open_address="open@keys.a.example")
    forbidden = notice(
        HEADER, replace(MEDIUM, online=False), carries=carries, open_address="open@keys.a.example"
    )

    assert "forward this mail to open@keys.a.example" in words(allowed, "plain")
    assert "forward this mail to open@keys.a.example" in words(allowed, "html")
    assert "forward" not in words(forbidden, "plain") + words(forbidden, "html")


@pytest.mark.parametrize("carries", WAYS)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_notice_at_level_proven_speaks_of_a_code_and_no_passphrase_to_type(kind: str, carries: str) -> None:
    said = words(notice(HEADER, Options(level=Level.PROVEN), carries=carries), kind)

    assert "You need no passphrase: a code is mailed to bob@b.example when you open it." in said
    assert "Enter" not in said and "never asks" not in said


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_notice_with_a_link_alone_says_where_a_passphrase_belongs(kind: str) -> None:
    said = words(notice(HEADER, carries="link"), kind)

    assert "Enter your passphrase only at keys.a.example." in said


@pytest.mark.parametrize("options", [replace(MEDIUM, script=False), replace(MEDIUM, applet=False)])
def test_notice_of_a_file_that_opens_online_says_to_open_the_file(options: Options) -> None:
    """S60, S132: the way begins with the file, whatever opens it then."""
    assert "open the attached file securedoc.html in your browser" in words(notice(HEADER, options), "plain")


@pytest.mark.parametrize("algorithm", [*Algorithm])
@pytest.mark.parametrize("locale", translations.LOCALES)
def test_file_and_notice_add_at_most_96_kib_in_every_locale(locale: str, algorithm: Algorithm) -> None:
    options = replace(
        MEDIUM,
        algorithm=algorithm,
        mailed_code=True,
        remember=True,
        show_subject=True,
        expires_after=timedelta(days=1),
    )
    envelope = sealed(HEADER + b"\r\nHello\r\n", options)
    made: dict[str, Any] = {
        "recipient": "bob@b.example",
        "server": SERVER,
        "locale": locale,
        "brand": BRAND,
        "open_address": "open@keys.a.example",
    }
    composed = compose_notice(
        HEADER,
        render_securedoc(envelope, post_url="https://files.a.example", **made),
        sealed=envelope,
        subject=None,
        link=link_of(envelope),
        **made,
    )

    assert sum(map(len, composed)) < len(HEADER) + 96 * 1024


@pytest.mark.parametrize("locale", ["ja", "ko", "ru", "zh"])
def test_text_beyond_the_latin_alphabet_takes_the_shorter_encoding(locale: str) -> None:
    made = notice(HEADER, locale=locale)
    encodings = [part["Content-Transfer-Encoding"] for part in made.walk() if not part.is_multipart()]

    assert encodings == ["base64", "base64", "7bit"] or encodings == ["base64", "quoted-printable", "7bit"]
    assert words(made, "plain").count("\n") > 5


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
