"""Envelopes found in whatever mail programs make of a notice, and nothing else; no mail runs away with it."""

import io
import time
import zipfile
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envelope import Level, Options, SealedEnvelope
from envelope.found_links import FoundLink, find_links
from envelope.recovery import MAX_DEPTH, MAX_FOUND, recover
from envelope.salvage import salvage
from tests.unit.forwards import (
    FORWARDS,
    MAIL,
    NOTE,
    TO_US,
    attached,
    link_of,
    notice_of,
    securedoc_of,
    zipped,
)
from tests.unit.mails import HEADER, OFFER, multipart, part
from tests.unit.sealed import SERVER, payload, sealed

search = settings(deadline=None, database=None, max_examples=60)


@cache
def envelope() -> SealedEnvelope:
    return sealed(HEADER + b"\r\n" + b"What it says. " * 40_000)


@cache
def original() -> tuple[bytes, bytes]:
    return notice_of(envelope()), securedoc_of(envelope())


@pytest.mark.parametrize("program", FORWARDS)
def test_envelope_is_found_however_it_was_forwarded(program: str) -> None:
    (file,) = recover(FORWARDS[program](*original())).files

    assert file.is_intact
    assert file.recipient == "bob@b.example"
    assert file.envelope_secret == envelope().envelope_secret
    assert file.payload == payload(envelope())
    assert file.policy in (envelope().policy.canonical(), "")


@pytest.mark.parametrize("program", FORWARDS)
def test_file_without_a_script_is_found_too(program: str) -> None:
    """S137, S138."""
    quiet = sealed(MAIL, Options(level=Level.HIGH, script=False))

    (file,) = recover(FORWARDS[program](notice_of(quiet), securedoc_of(quiet))).files

    assert file.is_intact
    assert (file.envelope_secret, file.payload) == (quiet.envelope_secret, payload(quiet))


def test_references_in_the_data_block_are_undone() -> None:
    head, block, tail = original()[1].partition(b'id="envelope">')
    data, end, rest = tail.partition(b"</script>")

    file = salvage(head + block + data.replace(b'"', b"&quot;") + end + rest)

    assert file and file.is_intact


def test_references_in_the_payload_are_undone() -> None:
    page = original()[1]
    at = page.index(b'name="p" value="') + 40

    file = salvage(page[:at] + b"&#%d;" % page[at] + page[at + 1 :])

    assert file and file.is_intact


@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_cut_file_is_found_and_is_not_intact(cut: float) -> None:
    page = original()[1]

    (file,) = recover(attached(page[: int(len(page) * cut)])).files

    assert not file.is_intact
    assert file.envelope_secret == envelope().envelope_secret


def test_altered_payload_is_not_intact() -> None:
    page = original()[1]
    at = page.rindex(b'name="p"') + 300

    (file,) = recover(
        attached(page[:at] + (b"A" if page[at : at + 1] != b"A" else b"B") + page[at + 1 :])
    ).files

    assert not file.is_intact


def test_several_envelopes_are_found_up_to_a_limit() -> None:
    others = [sealed(MAIL) for _ in range(MAX_FOUND + 2)]
    parts = (part("message/rfc822", notice_of(one)) for one in others)

    found = recover(multipart("digest", NOTE, *parts, header=TO_US)).files

    assert [file.envelope_secret for file in found] == [one.envelope_secret for one in others[:MAX_FOUND]]


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        MAIL,
        multipart("mixed", NOTE, OFFER, header=TO_US),
        attached(b'<script type="application/json" id="envelope">{}</script>'),
        attached(b'<script type="application/json" id="envelope">{"server":1'),
        attached(b"PK\x03\x04 no archive", "application/zip"),
    ],
)
def test_mail_without_an_envelope_has_none(mail: bytes) -> None:
    found = recover(mail)

    assert not found.files
    assert not found.links


def test_mails_are_not_looked_into_without_end() -> None:
    mail = original()[0]
    for _ in range(MAX_DEPTH + 1):
        mail = attached(mail, "message/rfc822", name="forwarded.eml")

    assert not recover(mail).files


def test_archive_of_many_files_is_left_alone() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for number in range(11):
            files.writestr(f"{number}.html", original()[1] if number == 0 else "x")

    assert not recover(attached(archive.getvalue(), "application/zip")).files


def test_archive_that_grows_without_end_is_left_alone() -> None:
    bomb = zipped(b"\0" * 400_000_000)

    assert not recover(attached(bomb, "application/zip")).files


BASE = link_of(sealed(MAIL))
LINKS = {
    "as it was": "Read it here:\r\n\r\n{link}\r\n\r\nThe rest.",
    "in a page": '<p><a href="{link}">Read message</a></p>',
    "quoted": "> {link}\r\n> The rest.",
    "as a reference": '<a href="{link}">'.replace("{link}", "{link}").replace("#", "&#35;"),
    "in angle brackets": "Read message<{link}>",
}


def _wrapped(link: str, width: int, mark: str) -> str:
    lines = [link[at : at + width] for at in range(0, len(link), width)]
    return mark + f"\r\n{mark}".join(lines) + f"\r\n{mark}\r\n{mark}Hello there"


def mail_with(text: str, kind: str = "plain") -> bytes:
    return TO_US + f"Content-Type: text/{kind}\r\n\r\n{text}".encode()


def the_link(mail: bytes) -> FoundLink:
    (found,) = recover(mail).links
    return found


@pytest.mark.parametrize("form", LINKS)
def test_link_is_found(form: str) -> None:
    one = sealed(MAIL)

    found = the_link(mail_with(LINKS[form].format(link=link_of(one)), "html" if "<" in form else "plain"))

    assert (found.server, found.message_id, found.recipient) == (SERVER, one.message_id, "bob@b.example")
    assert found.envelope_secret == one.envelope_secret


@pytest.mark.parametrize("mark", ["", "> ", ">> ", "| "])
@pytest.mark.parametrize("width", [60, 66, 72, 76, 78])
def test_link_that_was_wrapped_is_found(width: int, mark: str) -> None:
    one = sealed(MAIL)

    assert the_link(mail_with(_wrapped(link_of(one), width, mark))).envelope_secret == one.envelope_secret


REWRITTEN = {
    "Safe Links": "https://eur02.safelinks.protection.outlook.com/?url={quoted}&amp;data=05%7C01&amp;reserved=0",
    "encoded twice": "https://a.example/?u=https%3A%2F%2Fb.example%2F%3Furl%3D{twice}",
    "URL Defense 3": "https://urldefense.com/v3/__{starred}__;Iw!!KwNVnqRv!x$",
    "URL Defense 2": "https://urldefense.proofpoint.com/v2/url?u={dashed}&d=DwMFaQ&c=x",
}


@pytest.mark.parametrize("filter", REWRITTEN)
def test_link_that_a_filter_rewrote_is_found(filter: str) -> None:
    from urllib.parse import quote

    one = sealed(MAIL)
    link = link_of(one)
    quoted = quote(link, safe="")
    dashed = (
        quote(link.replace("-", "%2D").replace("_", "%5F"), safe="/%").replace("/", "_").replace("%", "-")
    )
    forms = {
        "quoted": quoted,
        "twice": quote(quoted, safe=""),
        "starred": link.replace("#", "*"),
        "dashed": dashed,
    }

    found = the_link(mail_with('<a href="' + REWRITTEN[filter].format(**forms) + '">', "html"))

    assert found.envelope_secret == one.envelope_secret


def test_link_in_text_and_page_is_one() -> None:
    link = link_of(sealed(MAIL))
    page = part("text/html", f'<a href="{link}">{link}</a>'.encode())

    assert (
        len(recover(multipart("alternative", part("text/plain", link.encode()), page, header=TO_US)).links)
        == 1
    )


@pytest.mark.parametrize("cut", [60, 90, len(BASE) - 14])
def test_half_a_link_is_none(cut: int) -> None:
    assert not find_links(BASE[:cut].encode() + b" ")


#: What hostile mails are made of.
PIECES = st.sampled_from(
    [
        b"From: a@b.example\r\n",
        b"MIME-Version: 1.0\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: text/html; charset=utf-16\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n",
        b"--a\r\n",
        b"--a--\r\n",
        b'<script type="application/json" id="envelope">',
        b"<SCRIPT id=envelope>",
        b'{"server":"x","secret":[],"policy":{},"digest":1}',
        b"</script>",
        b'<input name="p" value="',
        b"<input name=p value=QUJD>",
        b'">',
        b"&#x41;&quot;&#99999999999;",
        b"\xff\xfe<\0",
        b"PK\x03\x04" + b"\0" * 26,
        b"PK\x05\x06" + b"\0" * 18,
        zipped(b"<script"),
        BASE.encode(),
        BASE[:80].encode(),
        b"\r\n> ",
        b"%23%2523",
        b"https://a.example/?u=https-3A__a_read_",
        b"\0\xff\x80",
    ]
)


@search
@given(st.lists(PIECES, max_size=30).map(b"".join), st.binary(max_size=200))
def test_any_bytes_are_looked_through(pieces: bytes, noise: bytes) -> None:
    for mail in (pieces + noise, attached(pieces), TO_US + b"\r\n" + pieces):
        found = recover(mail)

        assert len(found.files) <= MAX_FOUND
        assert len(found.links) <= MAX_FOUND


@search
@given(st.data())
def test_any_damage_is_seen_or_does_no_harm(data: st.DataObject) -> None:
    """What says that it is intact holds the payload that was sent."""
    small = sealed(MAIL)
    page = bytearray(securedoc_of(small))
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(page) - 1))
        length = data.draw(st.sampled_from([0, 1, 2, 40]))
        page[start : start + length] = data.draw(st.binary(max_size=4))

    file = salvage(bytes(page))

    if file is not None and file.is_intact and file.envelope_secret == small.envelope_secret:
        assert file.payload == payload(small)


HOSTILE = {
    "scripts": b"<script " * 1_000_000,
    "closed scripts": b"<script id=envelope>{</script>json" * 200_000,
    "inputs": b"json envelope" + b"<input name=p value=x>" * 400_000,
    "quotes": b'json envelope <script id=envelope>{}</script><input "' * 150_000,
    "one tag": b"json envelope <script id=envelope>{}</script><input " + b" value" * 1_000_000 + b">",
    "words": b"json envelope <input name=p " + b" a" * 3_000_000 + b" value=x>",
    "references": b"json envelope <script id=envelope>" + b"&#x" * 300_000 + b"</script>",
    "nested data": b'json envelope <script id="envelope">' + b"[" * 900_000 + b"</script>",
    "links": b"https://a.example/read/" * 40_000,
    "percent signs": b"%25" * 330_000,
    "wrapped": b"https://a/read/" + b"0\n" * 500_000,
    "defense": b"?u=" + b"a-" * 500_000,
    "line feeds": b"=\r\n> " * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_costs_what_its_size_says(name: str) -> None:
    """A wide bound on seconds, to tell work that grows with the size from work that runs away."""
    start = time.process_time()

    recover(TO_US + b"Content-Type: text/html\r\n\r\n" + HOSTILE[name])

    assert time.process_time() - start < 10
