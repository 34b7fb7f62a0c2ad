"""An opened message as the server's page shows it: nothing gets lost, and no page grows without bounds."""

import base64
import re

import pytest

from envelope.reading import PayloadReader
from keyserver import mailview
from keyserver.errors import AlteredError, NotFoundError
from tests.unit.mails import HTML, LOGO, OFFER, PLAIN, encoded, multipart, part
from tests.unit.sealed import payload, sealed

PNG = b"\x89PNG"


def reader_of(mail: bytes, *, damaged_at: int | None = None) -> PayloadReader:
    envelope = sealed(mail)
    data = bytearray(b"".join(payload(envelope)))
    if damaged_at is not None:
        data[damaged_at] ^= 1
    return PayloadReader(
        lambda start, length: bytes(data[start : start + length]),
        size=len(data),
        key_share=envelope.key_share,
        envelope_secret=envelope.envelope_secret,
    )


def names(view: mailview.MailView) -> list[str]:
    return [file.name for file in view.files]


def test_richest_alternative_is_shown_and_the_other_is_not_listed() -> None:
    view = mailview.view_of(reader_of(multipart("alternative", PLAIN, HTML)), remote=False)

    assert [bool(body.html) for body in view.bodies] == [True]
    assert names(view) == []


def test_text_stands_in_for_html_that_is_too_much() -> None:
    monster = part("text/html", b"<p>" * 40_000)

    view = mailview.view_of(reader_of(multipart("alternative", PLAIN, monster)), remote=False)

    assert [body.text for body in view.bodies] == ["Hello"]


def test_html_that_is_too_much_is_listed_where_there_is_no_text() -> None:
    reader = reader_of(multipart("mixed", part("text/html", b"<p>" * 40_000), PLAIN))

    view = mailview.view_of(reader, remote=False)

    assert names(view) == ["text.html"]
    assert mailview.file_of(reader, view.files[0].number).size == 120_000


def test_text_that_is_too_long_for_a_page_is_listed() -> None:
    long = part("text/plain", b"word " * 500_000)

    view = mailview.view_of(reader_of(multipart("mixed", PLAIN, long)), remote=False)

    assert len(view.bodies) == 1
    assert names(view) == ["attachment.txt"]


def test_pictures_stand_in_the_text_and_others_are_listed() -> None:
    stray = encoded("image/png", PNG, "Content-ID: <other@a.example>")
    reader = reader_of(multipart("related", HTML, LOGO, stray, OFFER))

    view = mailview.view_of(reader, remote=False)
    page = b"".join(mailview.filled(str(view.bodies[0].html), reader, view.mark)).decode()

    found = re.search(r"data:image/png;base64,([\w+/=]+)", page)
    assert found and base64.b64decode(found[1]) == PNG
    assert names(view) == ["picture.png", "offer.pdf"]


def test_large_picture_is_filled_in_exactly() -> None:
    picture = bytes(range(256)) * 2000
    reader = reader_of(
        multipart("related", HTML, encoded("image/png", picture, "Content-ID: <logo@a.example>"))
    )

    view = mailview.view_of(reader, remote=False)
    page = b"".join(mailview.filled(str(view.bodies[0].html), reader, view.mark)).decode()

    found = re.search(r"data:image/png;base64,([\w+/=]+)", page)
    assert found and base64.b64decode(found[1]) == picture


def test_picture_that_stands_in_a_text_too_often_is_shown_as_often_as_a_page_can_bear() -> None:
    html = part("text/html", b'<img src="cid:logo@a.example">' * 200)
    picture = encoded("image/png", bytes(1_000_000), "Content-ID: <logo@a.example>")

    view = mailview.view_of(reader_of(multipart("related", html, picture)), remote=False)

    assert str(view.bodies[0].html).count("data:image/png") == mailview.MOST_PICTURED // 1_000_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "see https://a.example/x.",
            'see <a href="https://a.example/x" target="_blank" rel="noopener noreferrer">',
        ),
        ("<b> & javascript:x", "&lt;b&gt; &amp; javascript:x"),
        ("(https://a.example/(x))", 'href="https://a.example/(x)"'),
    ],
)
def test_addresses_in_plain_text_can_be_clicked(text: str, shown: str) -> None:
    assert shown in mailview.linked(text)


def test_plain_text_made_to_take_long_does_not() -> None:
    assert mailview.linked("https://" + ")" * 1_000_000 + "x")


def test_part_that_is_no_file_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        mailview.file_of(reader_of(multipart("mixed", PLAIN, OFFER)), 99)


def test_body_that_does_not_decrypt_is_altered() -> None:
    """The manifest is in the first of three segments, the text in the second."""
    filler = encoded("application/pdf", bytes(300_000))
    reader = reader_of(multipart("mixed", filler, PLAIN, filler), damaged_at=300_000)

    with pytest.raises(AlteredError):
        mailview.view_of(reader, remote=False)


def test_picture_that_does_not_decrypt_ends_the_page() -> None:
    picture = encoded("image/png", bytes(600_000), "Content-ID: <logo@a.example>")
    reader = reader_of(multipart("related", HTML, picture), damaged_at=300_000)
    view = mailview.view_of(reader, remote=False)

    with pytest.raises(AlteredError):
        list(mailview.filled(str(view.bodies[0].html), reader, view.mark))
