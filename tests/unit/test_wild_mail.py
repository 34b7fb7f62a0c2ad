"""Mails as they are in the wild: what is shown, what is kept as a file, and that nothing is lost."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from envelope import EnvelopeError, Role
from tests.unit.mails import HTML, LOGO, OFFER, PDF, PLAIN, encoded, mail_of, multipart, part
from tests.unit.sealed import HEADER, content_of, files_of, parts_of, sealed, text_of


def roles(mail: bytes) -> list[tuple[str, int | str]]:
    """What a reader sees: bodies with their group, everything else with its name."""
    bodies = (Role.TEXT, Role.HTML)
    parts = [part for part in content_of(mail).parts if part.role is not Role.SOURCE]
    return [(part.role.value, part.group if part.role in bodies else part.name) for part in parts]


def test_nested_multiparts_are_one_body_with_its_pictures_and_the_files() -> None:
    related = multipart("related", HTML, LOGO, boundary="r", header=b"")
    alternative = multipart("alternative", PLAIN, related, boundary="a", header=b"")
    mail = multipart("mixed", alternative, OFFER)

    assert roles(mail) == [("text", 0), ("html", 0), ("inline", "picture.png"), ("attachment", "offer.pdf")]
    assert parts_of(mail, Role.INLINE)[0].id == "logo@a.example"
    assert files_of(mail) == {"offer.pdf": PDF}


def test_texts_around_an_attachment_are_shown_one_after_another() -> None:
    mail = multipart("mixed", PLAIN, OFFER, part("text/plain", b"A footer"))

    assert roles(mail) == [("text", 0), ("attachment", "offer.pdf"), ("text", 1)]


def test_alternative_with_an_attachment_inside_stays_one_body() -> None:
    mixed = multipart("mixed", HTML, OFFER, HTML, boundary="m", header=b"")

    mail = multipart("alternative", PLAIN, mixed)

    assert roles(mail) == [("text", 0), ("html", 0), ("attachment", "offer.pdf"), ("html", 0)]


def test_picture_that_no_body_shows_is_an_attachment() -> None:
    assert roles(multipart("related", PLAIN, LOGO)) == [("text", 0), ("attachment", "picture.png")]


def test_file_with_a_content_id_is_an_attachment_even_if_referred_to() -> None:
    document = encoded("application/pdf", PDF, "Content-ID: <logo@a.example>")

    assert roles(multipart("related", HTML, document)) == [("html", 0), ("attachment", "document.pdf")]


def test_forwarded_mail_is_kept_to_the_byte_under_its_subject() -> None:
    inner = b"From: x@y.example\r\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?= 1/2\r\nBcc: b@c.example\r\n\r\nHi\r\n"

    mail = multipart("mixed", PLAIN, part("message/rfc822", inner.removesuffix(b"\r\n")))

    assert files_of(mail) == {"Größe 1-2.eml": inner.removesuffix(b"\r\n")}


def test_digest_keeps_each_mail() -> None:
    mail = multipart("digest", b"\r\nSubject: One\r\n\r\n1", b"\r\nSubject: Two\r\n\r\n2")

    assert files_of(mail) == {"One.eml": b"Subject: One\r\n\r\n1", "Two.eml": b"Subject: Two\r\n\r\n2"}


def test_invitation_is_kept_as_a_file_beside_the_text() -> None:
    invitation = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR"
    mail = multipart("alternative", PLAIN, HTML, part("text/calendar; method=REQUEST", invitation))

    assert roles(mail) == [("text", 0), ("html", 0), ("attachment", "invitation.ics")]
    assert files_of(mail) == {"invitation.ics": invitation}


def test_mail_that_is_only_an_invitation_loses_nothing() -> None:
    mail = mail_of("Content-Type: text/calendar", "", "BEGIN:VCALENDAR")

    assert files_of(mail) == {"invitation.ics": b"BEGIN:VCALENDAR\r\n"}


def test_winmail_is_kept_as_a_file() -> None:
    mail = multipart("mixed", PLAIN, encoded("application/ms-tnef", b"\x78\x9f\x3e\x22"))

    assert files_of(mail) == {"winmail.dat": b"\x78\x9f\x3e\x22"}


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n"])
def test_empty_body_is_sealed(body: bytes) -> None:
    assert text_of(HEADER + body).strip() == ""


def test_binary_part_is_kept_to_the_byte() -> None:
    data = bytes(range(256)) * 3

    mail = multipart(
        "mixed", part("application/octet-stream; name=x.bin", data, "Content-Transfer-Encoding: binary")
    )

    assert files_of(mail) == {"x.bin": data}


def test_damaged_base64_is_read_as_far_as_it_goes_and_kept() -> None:
    damaged = b"JVBERi0x!!LjcgZmlyc3Q=\r\nc2Vjb25k*"
    mail = multipart(
        "mixed", part("application/pdf; name=a.pdf", damaged, "Content-Transfer-Encoding: base64")
    )

    assert files_of(mail) == {"a.pdf": b"%PDF-1.7 firstsecond", "a.pdf.raw": damaged}


def test_base64_without_padding_or_with_odd_lines_is_whole() -> None:
    body = b"JVBERi0\r\n\r\n  xLjcgb2Zm\tZXI"
    mail = multipart("mixed", part("application/pdf; name=a.pdf", body, "Content-Transfer-Encoding: BASE64 "))

    assert files_of(mail) == {"a.pdf": b"%PDF-1.7 offer"}


def test_damaged_quoted_printable_is_read_and_kept() -> None:
    mail = mail_of(
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "a=C3=BC=ZZ b",
    )

    assert text_of(mail) == "aü=ZZ b\n"
    assert files_of(mail) == {"original.txt": b"a=C3=BC=ZZ b\r\n"}


def test_uuencoded_part_is_decoded() -> None:
    body = b"begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n"
    mail = multipart(
        "mixed", part("application/octet-stream; name=cat.txt", body, "Content-Transfer-Encoding: x-uuencode")
    )

    assert files_of(mail) == {"cat.txt": b"Cat"}


@pytest.mark.parametrize("body", [b"no begin", b"begin 644 x\r\nM\xff\r\n`\r\nend\r\n"])
def test_damaged_uuencoded_part_is_kept(body: bytes) -> None:
    mail = multipart("mixed", part("application/x; name=a.bin", body, "Content-Transfer-Encoding: uuencode"))

    assert files_of(mail)["a.bin.raw"] == body


def test_unknown_transfer_encoding_is_kept_as_it_came() -> None:
    mail = multipart(
        "mixed", part("application/pdf; name=a.pdf", b"<~87cURD]i~>", "Content-Transfer-Encoding: x-ascii85")
    )

    assert files_of(mail) == {"a.pdf": b"<~87cURD]i~>"}


@pytest.mark.parametrize(
    "type",
    [
        'multipart/signed; micalg=sha-256; protocol="application/pkcs7-signature"; boundary="b"',
        'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"',
    ],
)
def test_protected_mail_also_keeps_its_exact_bytes_without_bcc(type: str) -> None:
    rest = f"Content-Type: {type}\r\n\r\n--b\r\n".encode() + PLAIN + b"\r\n--b\r\n" + OFFER + b"\r\n--b--\r\n"
    mail = HEADER + b"Bcc: x@y.example\r\n" + rest

    assert files_of(mail) == {"offer.pdf": PDF, "message.eml": HEADER + rest}


@pytest.mark.parametrize(
    "mail",
    [
        mail_of("Content-Type: application/pkcs7-mime", "Content-Transfer-Encoding: base64", "", "QUJD"),
        mail_of("", "-----BEGIN PGP SIGNED MESSAGE-----", "Hi"),
        multipart(
            "mixed", multipart("signed", PLAIN, boundary="s", header=b""), part("text/plain", b"footer")
        ),
    ],
)
def test_protection_anywhere_keeps_the_exact_bytes(mail: bytes) -> None:
    assert files_of(mail)["message.eml"] == mail


def test_broken_boundary_shows_what_is_there() -> None:
    mail = mail_of('Content-Type: multipart/mixed; boundary="other"', "", "--b", "", "Hello")

    assert text_of(mail) == "--b\n\nHello\n"


def test_missing_end_and_early_end_lose_no_part() -> None:
    mail = mail_of(
        'Content-Type: multipart/mixed; boundary="b"', "", "--b", "", "One", "--b--", "--b", "", "Two"
    )

    assert text_of(mail) == "OneTwo\n"


def test_text_behind_the_end_is_kept_as_a_file() -> None:
    mail = multipart("mixed", PLAIN) + b"\r\nYour mailing list\r\n"

    assert files_of(mail) == {"attachment.txt": b"\r\nYour mailing list\r\n"}


def test_source_keeps_header_preamble_and_boundaries_but_no_bcc() -> None:
    mail = multipart(
        "mixed",
        PLAIN,
        header=HEADER + b"Bcc: x@y.example,\r\n z@y.example\r\nResent-Bcc:q@y.example\r\nX-Note: 1\r\n",
    )
    mail = mail.replace(b"--b\r\n", b"A preamble\r\n--b\r\n", 1)

    source = bytes(parts_of(mail, Role.SOURCE)[0].data)

    assert source.startswith(HEADER + b"X-Note: 1\r\n")
    assert b"A preamble\r\n--b\r\nContent-Type: text/plain" in source
    assert b"y.example" not in source and b"Hello\r\n--b" not in source


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_bare_line_ends_are_read(end: bytes) -> None:
    mail = multipart("mixed", PLAIN, OFFER).replace(b"\r\n", end)

    assert text_of(mail) == "Hello"
    assert files_of(mail) == {"offer.pdf": PDF}


def test_mail_without_header_is_all_body() -> None:
    assert text_of(b"Dear all,\r\nthis is it.\r\n") == "Dear all,\nthis is it.\n"


def test_header_without_end_is_a_header() -> None:
    content = content_of(HEADER.removesuffix(b"\r\n"))

    assert content.headers == {"from": "Ada <ada@a.example>", "to": "Bob <bob@b.example>", "subject": "Hello"}


def test_ten_thousand_header_fields_are_sealed() -> None:
    fields = b"".join(b"X-Field-%d: some value\r\n" % number for number in range(10_000))

    mail = HEADER + fields + b"\r\nHello\r\n"

    assert text_of(mail) == "Hello\n"
    assert len(parts_of(mail, Role.SOURCE)[0].data) == len(HEADER + fields) + 2


def test_two_hundred_nested_parts_are_read_to_the_innermost() -> None:
    mail = PLAIN
    for depth in range(200):
        mail = multipart("mixed", mail, boundary=f"b{depth}", header=HEADER if depth == 199 else b"")

    assert text_of(mail) == "Hello"


def test_deeper_parts_are_kept_in_one_piece() -> None:
    mail = PLAIN
    for depth in range(600):
        mail = multipart("mixed", mail, boundary=f"b{depth}", header=HEADER if depth == 599 else b"")

    assert b"Hello" in files_of(mail)["message.eml"]


def test_mail_of_a_thousand_parts_is_kept_in_one_piece() -> None:
    mail = multipart("mixed", *[OFFER] * 1000)

    assert files_of(mail) == {"message.eml": mail}


def test_names_and_addresses_as_long_as_can_be_fit_the_manifest() -> None:
    field = ", ".join(f'"{"quoted" * 10}{n}" <a{n}@{"b" * 60}.example>' for n in range(2000))
    awkward = encoded(
        "image/png",
        b"",
        "Content-ID: <" + '"' * 300 + ">",
        "Content-Disposition: attachment; filename*=utf-8''" + "%22" * 300,
    )
    header = b"".join(f"{name}: {field}\r\n".encode() for name in ("From", "To", "Cc", "Reply-To"))

    content = content_of(multipart("mixed", *[awkward] * 299, header=header))

    assert len(content.parts) == 300


def test_nul_bytes_stay_where_they_are() -> None:
    mail = mail_of("Subject: a\0b", "", "c\0d")

    assert text_of(mail) == "c\0d\n"


def test_mail_without_recipients_or_sender_is_refused() -> None:
    with pytest.raises(EnvelopeError) as without_recipients:
        sealed(HEADER, recipients=[])
    with pytest.raises(EnvelopeError) as without_sender:
        sealed(b"From: nobody\r\n\r\n", sender="")

    assert without_recipients.value.code == without_sender.value.code == "mail"


def test_mail_that_fills_more_than_a_payload_is_refused() -> None:
    with pytest.raises(EnvelopeError) as refused:
        sealed(mail_of("", b"x" * 67_108_864))

    assert refused.value.code == "limit-exceeded"


def test_sample_mails_of_the_standard_library_are_read_alike() -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ada@a.example", "bob@b.example", "ünï"
    mail.set_content("Grüße\n")
    mail.add_alternative("<p>Grüße</p>\n", subtype="html")
    mail.add_attachment(PDF, maintype="application", subtype="pdf", filename="Übersicht.pdf")

    content = content_of(mail.as_bytes())

    assert content.headers["subject"] == "ünï"
    assert [bytes(part.data) for part in content.parts[:3]] == [
        "Grüße\n".encode(),
        "<p>Grüße</p>\n".encode(),
        PDF,
    ]


DEMO_MAILS = sorted((Path(__file__).parents[2] / "demo" / "mails").glob("*.eml"))


@pytest.mark.parametrize("path", DEMO_MAILS, ids=lambda path: path.stem)
def test_demo_mails_can_be_read(path: Path) -> None:
    content = content_of(path.read_bytes())

    assert content.headers["from"] and content.headers["subject"]
    assert any(part.role in (Role.TEXT, Role.HTML) for part in content.parts)
