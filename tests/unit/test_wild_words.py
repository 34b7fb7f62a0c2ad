"""Charsets, file names, subjects and dates as mails in the wild have them."""

import pytest

from envelope import Role
from tests.unit.mails import PDF, PLAIN, encoded, mail_of, multipart
from tests.unit.sealed import HEADER, content_of, files_of, parts_of, text_of


@pytest.mark.parametrize(
    ("type", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ("text/plain; charset=windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("text/plain; charset=iso-2022-jp", "大きさ".encode("iso2022_jp"), "大きさ"),
        ("text/plain; charset=shift_jis", "①髙".encode("cp932"), "①髙"),
        ("text/plain; charset=ks_c_5601-1987", "크기".encode("cp949"), "크기"),
        ("text/plain; charset=gb2312", "镕".encode("gb18030"), "镕"),
        ("text/plain; charset=iso-8859-1", b"\x93quoted\x94", "“quoted”"),
        ("text/plain; charset=us-ascii", "Grüße".encode(), "Grüße"),
        ("text/plain", "Grüße".encode(), "Grüße"),
        ("text/plain", "大きさ".encode("iso2022_jp"), "大きさ"),
        ('text/plain; charset="utf-8"', b"\xef\xbb\xbfHello", "Hello"),
        ("text/plain; charset=unknown-8bit", "Grüße".encode(), "Grüße"),
    ],
)
def test_charset_is_decoded_and_nothing_else_is_kept(type: str, body: bytes, text: str) -> None:
    mail = mail_of(f"Content-Type: {type}", "", body)

    assert text_of(mail).strip() == text
    assert files_of(mail) == {}


@pytest.mark.parametrize(
    ("type", "body", "text"),
    [
        ("text/plain", b"Gr\xfc\xdfe", "Grüße"),
        ("text/plain; charset=utf-8", b"Gr\xfc\xdfe", "Grüße"),
        ("text/plain; charset=iso-2022-jp", "Grüße".encode(), "Grüße"),
        ("text/plain; charset=rot13", b"Gr\xfc\xdfe", "Grüße"),
        ("text/plain; charset=utf-7", b"a +2AA- b", "a"),
    ],
)
def test_wrong_charset_is_guessed_and_the_bytes_are_kept(type: str, body: bytes, text: str) -> None:
    mail = mail_of(f"Content-Type: {type}", "", body)

    assert text_of(mail).startswith(text)
    assert files_of(mail) == {"original.txt": body + b"\r\n"}


def test_html_says_its_charset_itself() -> None:
    mail = mail_of("Content-Type: text/html", "", b'<meta charset="koi8-r">' + "Привет".encode("koi8-r"))

    assert "Привет" in parts_of(mail, Role.HTML)[0].text()
    assert files_of(mail) == {}


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('attachment; filename="offer.pdf"', "offer.pdf"),
        ("attachment; filename=my offer.pdf", "my offer.pdf"),
        ("attachment; filename*=utf-8''%C3%9Cbersicht.pdf", "Übersicht.pdf"),
        ("attachment; filename=plain.pdf; filename*=iso-8859-1'de'%DCbersicht.pdf", "Übersicht.pdf"),
        ("attachment; filename*0*=utf-8''%C3%9Cber; filename*1=sicht; filename*2*=%2Epdf", "Übersicht.pdf"),
        ('attachment; filename*0="over"; filename*1="view.pdf"', "overview.pdf"),
        ('attachment; filename="=?utf-8?Q?=C3=9Cbersicht=2Epdf?="', "Übersicht.pdf"),
        ('attachment; filename="=?utf-8?B?w5xiZXI=?= =?utf-8?B?c2ljaHQucGRm?="', "Übersicht.pdf"),
        ('attachment; filename="Übersicht.pdf"', "Übersicht.pdf"),
        ('attachment; filename="a \\"b\\".pdf"', 'a "b".pdf'),
        ('attachment; filename="C:\\Users\\ada\\offer.pdf"', "offer.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename=".."', "document.pdf"),
        ('attachment; filename=""', "document.pdf"),
        ('attachment; filename="a\x00b\x1b.pdf"', "a b.pdf"),
        ('attachment; filename="invoice\u202efdp.exe"', "invoicefdp.exe"),
        ("attachment; filename=" + "x" * 500 + ".pdf", "x" * 116 + ".pdf"),
        ("attachment", "document.pdf"),
    ],
)
def test_file_name_is_bare_and_readable(field: str, name: str) -> None:
    mail = multipart("mixed", PLAIN, encoded("application/pdf", PDF, f"Content-Disposition: {field}"))

    assert files_of(mail) == {name: PDF}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße"),
        ("Re: =?iso-8859-1?Q?Gr=FC=DFe_aus?= Rom", "Re: Grüße aus Rom"),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?Q?_aus_K=F6ln?= x", "Grüße aus Köln x"),
        ("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("Grüße", "Grüße"),
        ("=?none?Q?abc?=", "abc"),
        ("=?utf-8?B?###?= x", "x"),
        ("a\tb\r\n  c", "a b c"),
        ("a\x1b[31mb", "a [31mb"),
    ],
)
def test_subject_is_decoded_for_reading(value: str, shown: str) -> None:
    mail = b"From: ada@a.example\r\nSubject: " + value.encode() + b"\r\n\r\n"

    assert content_of(mail).headers["subject"] == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Mon, 23 Nov 2026 18:00:00 +0100", "2026-11-23T18:00:00+01:00"),
        ("Mon, 23 Nov 2026 18:00:00 -0000", "2026-11-23T18:00:00+00:00"),
        ("23 Nov 26 18:00 EST", "2026-11-23T18:00:00-05:00"),
        ("yesterday", None),
        ("Mon, 32 Nov 2026 18:00:00 +0100", None),
        ("Mon, 23 Nov 2026 18:00:00 +9999", None),
    ],
)
def test_date_is_read_or_left_out(value: str, shown: str | None) -> None:
    mail = HEADER + f"Date: {value}\r\n\r\n".encode()

    assert content_of(mail).headers.get("date") == shown
