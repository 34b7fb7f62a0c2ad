"""What a securedoc offers beside its own script: Open Online, a box to tick, and files without any script."""

import html
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

import translations
from envelope import (
    Algorithm,
    EnvelopeError,
    Level,
    Options,
    b64u_decode,
    b64u_encode,
    read_securedoc,
    render_securedoc,
)
from tests.unit.sealed import BRAND, HEADER, MEDIUM, SERVER, payload, sealed

SCRIPTLESS = replace(MEDIUM, script=False)
OPEN_ADDRESS = "open@keys.a.example"


def file_of(options: Options = MEDIUM, *, mail: bytes = HEADER + b"\r\nHello\r\n", **more: Any) -> bytes:
    made = {"recipient": "bob@b.example", "server": SERVER, "locale": "en", "brand": BRAND} | more
    return b"".join(render_securedoc(sealed(mail, options), **made))


class Page(HTMLParser):
    """A page as far as these tests look at it."""

    def __init__(self, file: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[str] = []
        self.feed(file.decode("ascii"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] and self.tags[-1][0] not in ("script", "style"):
            self.shown.append(data.strip())

    def by_id(self, identity: str) -> dict[str, str | None] | None:
        return next((attributes for _, attributes in self.tags if attributes.get("id") == identity), None)

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.shown))


def data_of(file: bytes) -> dict[str, Any]:
    """The data block."""
    block = re.findall(rb'<script type="application/json" id="envelope">(.*?)</script>', file, re.DOTALL)[0]
    parsed = json.loads(block.replace(b"\r\n", b""))
    assert isinstance(parsed, dict)
    return parsed


def csp_of(file: bytes) -> dict[str, list[str]]:
    """The page's policy, by directive."""
    found = re.findall(rb'http-equiv="Content-Security-Policy" content="(.*?)"', file)[0].decode()
    directives = (directive.split() for directive in html.unescape(found).split(";"))
    return {name: values for name, *values in directives}


def test_form_posts_the_fields_and_then_the_payload() -> None:
    """Open Online: a plain form, which works with scripts off."""
    envelope = sealed(HEADER + b"\r\nHello\r\n")
    file = b"".join(
        render_securedoc(envelope, recipient="bob@b.example", server=SERVER, locale="de", brand=BRAND)
    )

    page = Page(file)
    form = page.by_id("online")
    within = [
        (attributes["name"], re.sub(r"\s", "", attributes.get("value") or ""))
        for tag, attributes in page.tags
        if tag == "input" and attributes.get("name")
    ]

    assert form is not None
    assert (form["action"], form["method"], form["target"]) == (f"{SERVER}/online", "post", "_blank")
    assert form["enctype"] == "multipart/form-data"
    assert within == [
        ("recipient", "bob@b.example"),
        ("secret", b64u_encode(envelope.envelope_secret)),
        ("digest", b64u_encode(envelope.digest)),
        ("locale", "de"),
        *(("p", b64u_encode(piece)) for piece in payload(envelope)),
    ]
    assert all(attributes["form"] == "online" for _, attributes in page.tags if attributes.get("name") == "p")


@pytest.mark.parametrize("post_url", ["http://keys.a.example", "https://files.a.example:8443"])
def test_payload_goes_where_the_profile_says(post_url: str) -> None:
    """S43-S47: over HTTP, or to a separate URL; from there the browser is sent on to the portal."""
    file = file_of(post_url=post_url)

    form = Page(file).by_id("online")

    assert form is not None and form["action"] == f"{post_url}/online"
    assert csp_of(file)["form-action"] == [post_url, SERVER]
    assert csp_of(file)["connect-src"] == [SERVER]
    assert read_securedoc(file).server == SERVER


def test_payload_url_that_is_no_origin_is_refused() -> None:
    with pytest.raises(EnvelopeError):
        file_of(post_url="https://a.example/; script-src *")


def test_doors_are_left_out_where_the_server_may_not_decrypt() -> None:
    file = file_of(replace(MEDIUM, online=False), open_address=OPEN_ADDRESS)
    page = Page(file)

    assert page.by_id("doors") is None and page.by_id("online") is None
    assert OPEN_ADDRESS not in page.text
    assert "needs a browser in which scripts may run" in page.text
    assert read_securedoc(file).is_intact


def test_doors_say_that_the_server_reads_along_and_where_to_forward() -> None:
    said = Page(file_of(open_address=OPEN_ADDRESS)).text

    assert "keys.a.example then shows you the message, and so reads it too." in said
    assert f"forward the mail to {OPEN_ADDRESS}" in said
    assert "forward" not in Page(file_of()).text


def test_scriptless_file_has_no_script_at_all() -> None:
    """S132, S137, S139: nothing that a filter for scripts could strip."""
    file = file_of(SCRIPTLESS)

    assert b"<script" not in file and b"javascript" not in file.lower()
    assert csp_of(file)["script-src"] == ["'none'"] and "connect-src" not in csp_of(file)


def test_scriptless_file_has_its_open_button_disabled_and_opens_online() -> None:
    """S138, S140-S141."""
    page = Page(file_of(SCRIPTLESS, open_address=OPEN_ADDRESS))

    button, form = page.by_id("open"), page.by_id("online")

    assert button is not None and "disabled" in button
    assert form is not None and "Open online" in page.text and OPEN_ADDRESS in page.text
    assert not any((attributes.get("class") or "").startswith("script") for _, attributes in page.tags)


@pytest.mark.parametrize("options", [SCRIPTLESS, replace(SCRIPTLESS, level=Level.NONE)])
def test_scriptless_file_reads_back(options: Options) -> None:
    mail = b"From: \"O'Neill & <Co>\" <o'neill@a.example>\r\nTo: bob@b.example\r\n\r\nHello\r\n"
    envelope = sealed(mail, options)
    file = b"".join(
        render_securedoc(envelope, recipient="o'b@b.example", server=SERVER, locale="ja", brand=BRAND)
    )

    found = read_securedoc(file)

    assert (found.server, found.recipient, found.locale) == (SERVER, "o'b@b.example", "ja")
    assert found.policy == envelope.policy.canonical() and found.is_intact
    assert found.payload == payload(envelope)


def test_file_from_before_there_were_doors_reads_back() -> None:
    """Envelopes made by any release open with every later one."""
    file = file_of(replace(MEDIUM, remember=True))
    block = re.sub(rb'"(?:remember|applet)":(?:true|false),\r\n', b"", file)
    old = block.replace(b'<input type="hidden" form="online" name="p"', b'<input type="hidden" name="p"')

    found = read_securedoc(old)

    assert len(old) < len(file) and found.payload == read_securedoc(file).payload
    assert (found.is_intact, found.remember, found.applet) == (True, False, True)


@pytest.mark.parametrize(
    ("options", "offered"),
    [
        (replace(MEDIUM, remember=True), True),
        (replace(MEDIUM, remember=True, level=Level.NONE), True),
        (MEDIUM, False),
        (replace(MEDIUM, remember=True, level=Level.HIGH), False),
        (replace(MEDIUM, remember=True, algorithm=Algorithm.AES_192), False),
        (replace(MEDIUM, remember=True, applet=False), False),
        (replace(MEDIUM, remember=True, script=False), False),
    ],
)
def test_box_to_remember_is_there_where_it_is_allowed_and_can_work(options: Options, offered: bool) -> None:
    """S133, S142; S48: at level high the passphrase is wanted each time."""
    file = file_of(options)
    page = Page(file)

    assert (page.by_id("remember") is not None) is offered
    assert ("Remember the password for this envelope" in page.text) is offered
    assert read_securedoc(file).remember is offered


def test_file_without_applet_says_that_it_opens_at_the_server() -> None:
    """S59-S60, S129-S131."""
    off, on = file_of(replace(MEDIUM, applet=False)), file_of()

    assert "opens at keys.a.example, in a new tab" in Page(off).text
    assert "Then the message appears on this page." not in Page(off).text
    assert (data_of(off)["applet"], data_of(on)["applet"]) == (False, True)
    assert (read_securedoc(off).applet, read_securedoc(on).applet) == (False, True)


@pytest.mark.parametrize(
    ("options", "sentence", "passphrase"),
    [
        (Options(level=Level.HIGH), "There you sign in, or register the first time.", True),
        (Options(level=Level.MEDIUM), "There you sign in, or register the first time.", True),
        (Options(level=Level.MEDIUM, mailed_code=True), "There you sign in, or get a code by mail.", True),
        (Options(level=Level.PROVEN), "No passphrase: you type in a code that is mailed to you.", False),
        (Options(level=Level.NONE), "It opens right here; you do not have to sign in.", False),
    ],
)
def test_cover_says_what_opening_asks_for(options: Options, sentence: str, passphrase: bool) -> None:
    """S48-S50."""
    said = Page(file_of(options)).text

    assert sentence in said
    assert ("never asks for a passphrase" in said) is passphrase


@pytest.mark.parametrize(
    ("receipt", "level"), [(True, Level.NONE), (False, Level.NONE), (True, Level.MEDIUM)]
)
def test_cover_tells_of_a_receipt_where_no_window_will(receipt: bool, level: Level) -> None:
    """S54."""
    said = Page(file_of(replace(MEDIUM, receipt=receipt, level=level))).text

    assert ("The sender is told when you open it." in said) is (receipt and level is Level.NONE)


@pytest.mark.parametrize("locale", translations.LOCALES)
def test_script_gets_its_words_deflated(locale: str) -> None:
    """S73-S76."""
    carried = data_of(file_of(locale=locale))["strings"]
    words = json.loads(zlib.decompress(b64u_decode(carried), wbits=-zlib.MAX_WBITS)) if carried else {}

    assert words == translations.strings_of(locale, "static/js/envelope/")
    assert bool(words) is (locale != "en")


def test_data_block_shows_filters_no_address_to_rewrite() -> None:
    """The page finds its key server though every link in the file was led elsewhere."""
    file = file_of()

    assert SERVER.encode() not in b"".join(re.findall(rb'id="envelope">(.*?)</script>', file, re.DOTALL))
    assert data_of(file)["server"] == SERVER


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize(
    "recipient", ["ü" * 115 + "@b.example", "𝒳" * 58 + "@b.example", "&" * 140 + "@b.example"]
)
def test_longest_address_fits_into_the_lines(recipient: str, script: bool) -> None:
    file = file_of(replace(MEDIUM, script=script), recipient=recipient)

    assert max(map(len, file.split(b"\r\n"))) < 998
    assert read_securedoc(file).recipient == recipient
    assert [
        attributes["value"] for _, attributes in Page(file).tags if attributes.get("name") == "recipient"
    ] == [recipient]


@pytest.mark.parametrize("algorithm", [*Algorithm])
@pytest.mark.parametrize("locale", translations.LOCALES)
def test_scriptless_file_is_small_in_every_locale(locale: str, algorithm: Algorithm) -> None:
    assert len(file_of(replace(SCRIPTLESS, algorithm=algorithm), locale=locale)) < 24 * 1024
