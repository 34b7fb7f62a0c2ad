"""Envelopes that a browser remembers: which open again without signing in, and what ends that (S133)."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page

from envelope import Algorithm, Level, Options, render_securedoc, seal
from envelope.brand import Brand
from tests.browser.engines import Engines
from tests.browser.journey import open_as_newcomer, until_state
from tests.browser.person import Person, PlaywrightPerson
from tests.browser.stack import Demo, mail_to, message_id, moved
from tests.browser.windows import PlaywrightWindow, Window

TEXT = "The contract is ready."
REMEMBERED = "This browser remembers this envelope"
NOBODY_THERE = "http://127.0.0.1:4"
#: Where everything below the place for remembering stands: nothing there may move.
FOOT = "() => document.getElementById('doors').getBoundingClientRect().top"


def remember(person: Person, demo: Demo, address: str, folder: Path) -> Path:
    """A file that was opened with the box ticked."""
    file = demo.send(mail_to(address, "[remember] Contract", TEXT)).save(address, folder)
    envelope = person.open(file)
    envelope.tick("Remember the password for this envelope")
    open_as_newcomer(envelope, demo, address)
    envelope.see_in_frame(TEXT)
    return file


def opened_at_once(person: Person, file: Path) -> Window:
    envelope = person.open(file)
    envelope.see(REMEMBERED)
    envelope.click("Open message")
    until_state(envelope, "open")
    envelope.see_in_frame(TEXT)
    return envelope


def test_remembered_envelope_opens_without_signing_in(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S133: also from another folder, and where the key server does not answer."""
    file = remember(person, demo, address, tmp_path)
    person.end_session(demo.url)
    person.forgive("ERR_UNSAFE_PORT", "ERR_CONNECTION_REFUSED", "127.0.0.1:4")
    elsewhere = tmp_path / "elsewhere.html"
    elsewhere.write_text(moved(file, demo.url, NOBODY_THERE), "ascii")

    opened_at_once(person, file)
    opened_at_once(person, elsewhere)


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_remembered_envelope_opens_offline_after_a_restart(
    engines: Engines, demo: Demo, address: str, tmp_path: Path, engine: str
) -> None:
    """S133."""
    profile = tmp_path / "profile"
    with engines.lasting(engine, profile) as person:
        file = remember(person, demo, address, tmp_path)

    unreachable = file.with_name("unreachable.html")
    unreachable.write_text(moved(file, demo.url, NOBODY_THERE), "ascii")
    with engines.lasting(engine, profile) as person:
        opened_at_once(person, unreachable)


def test_remembered_envelope_opens_while_the_computer_is_offline(
    somebody: PlaywrightPerson, demo: Demo, address: str, tmp_path: Path
) -> None:
    file = remember(somebody, demo, address, tmp_path)
    somebody.forgive("ERR_INTERNET_DISCONNECTED")

    somebody.set_offline(offline=True)

    opened_at_once(somebody, file)


def test_envelope_is_remembered_only_where_the_box_was_ticked(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S133: the box is there only where the sender allows it."""
    file = demo.send(mail_to(address, "[remember] Contract")).save(address, tmp_path)
    open_as_newcomer(somebody.open(file), demo, address)
    plain = demo.send(mail_to(address)).save(address, tmp_path)

    again, other = somebody.open(file), somebody.open(plain)

    for envelope in (again, other):
        envelope.see("A window of 127.0.0.1")
        assert REMEMBERED not in envelope.text()
    assert "Remember the password" not in other.text()


def test_locked_message_is_forgotten(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    """Once the page has heard of the lock, the key is gone, whatever comes after."""
    file = remember(person, demo, address, tmp_path)
    demo.sealpost("message", "lock", message_id(file), "--reason", "Sent to the wrong Nora.")
    person.forgive("403")

    envelope = person.open(file)
    envelope.see(REMEMBERED)
    envelope.click("Open message")
    until_state(envelope, "locked")
    envelope.see("Sent to the wrong Nora.")

    demo.sealpost("message", "unlock", message_id(file))
    again = person.open(file)
    again.see("A window of 127.0.0.1")
    assert REMEMBERED not in again.text()


def test_envelope_is_forgotten_at_a_press(somebody: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    file = remember(somebody, demo, address, tmp_path)
    envelope = somebody.open(file)
    envelope.see(REMEMBERED)
    before = envelope.evaluate(FOOT)

    envelope.click("Forget")

    envelope.see("A window of 127.0.0.1")
    assert envelope.evaluate(FOOT) == before
    again = somebody.open(file)
    again.see("A window of 127.0.0.1")
    assert REMEMBERED not in again.text()


def test_envelope_is_forgotten_when_the_sender_no_longer_allows_it(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    file = remember(somebody, demo, address, tmp_path)
    with closing(sqlite3.connect(demo.place.var / "keys.sqlite")) as database, database:
        database.execute("UPDATE message SET remember = 0")
    envelope = somebody.open(file)
    envelope.see(REMEMBERED)

    window = envelope.click_opening("Open message")

    window.see("Open this message?")
    until_state(envelope, "waiting")


def test_envelope_whose_time_is_over_is_forgotten_by_the_own_clock(
    somebody: PlaywrightPerson, demo: Demo, address: str, tmp_path: Path
) -> None:
    """D8: the kept key carries the expiry and honours it, without a network too."""
    file = remember(somebody, demo, address, tmp_path)
    demo.sealpost("message", "expire", message_id(file), "2036-01-31T12:00:00Z")
    opened_at_once(somebody, file)  # and hears of the new date
    later = window_with(somebody, "const now = Date.now; Date.now = () => now() + 20 * 366 * 86_400_000;")
    somebody.set_offline(offline=True)

    later.goto(file.as_uri())

    until_state(later, "expired")
    assert "2036" in later.see("This message has expired")
    again = somebody.open(file)
    again.see("A window of 127.0.0.1")
    assert REMEMBERED not in again.text()


STORAGE = {
    "forbidden": "() => { throw new DOMException('no storage here', 'SecurityError'); }",
    "silent": "() => ({ open: () => ({}) })",
    "missing": "() => undefined",
}


@pytest.mark.parametrize("fault", STORAGE.values(), ids=STORAGE)
def test_browser_without_storage_says_so_and_opens(
    somebody: PlaywrightPerson, demo: Demo, address: str, tmp_path: Path, fault: str
) -> None:
    """As in a mail preview's sandbox: the box is not offered, in the same place."""
    file = demo.send(mail_to(address, "[remember] Contract", TEXT)).save(address, tmp_path)
    envelope = window_with(somebody, f"Object.defineProperty(window, 'indexedDB', {{ get: {fault} }});")
    envelope.goto(file.as_uri())
    before = envelope.evaluate(FOOT)

    envelope.see("This browser cannot remember it")

    assert envelope.evaluate("() => document.getElementById('remember').disabled")
    assert envelope.evaluate(FOOT) == before
    open_as_newcomer(envelope, demo, address)
    envelope.see_in_frame(TEXT)


@pytest.mark.parametrize(
    "options",
    [
        Options(level=Level.HIGH, remember=True),
        Options(level=Level.MEDIUM, remember=True, algorithm=Algorithm.AES_192),
    ],
)
def test_what_cannot_be_remembered_does_not_offer_it(
    somebody: Person, tmp_path: Path, options: Options
) -> None:
    """S48: the passphrase each time. S58: no browser's own cipher that could keep the key in Chromium."""
    file = rendered(options, tmp_path / "securedoc.html")

    envelope = somebody.open(file)

    envelope.see("Open message")
    assert "Remember the password" not in envelope.text()


def window_with(person: PlaywrightPerson, script: str) -> Window:
    """A window in whose pages a script runs first."""
    window = person.new_window()
    assert isinstance(window, PlaywrightWindow)
    page: Page = window.page
    page.add_init_script(script)
    return window


def rendered(options: Options, path: Path) -> Path:
    """An envelope of which no key server knows, for what is seen before it opens."""
    sealed = seal(
        b"From: ada@a.example\r\nTo: bob@b.example\r\n\r\nHello\r\n",
        options,
        sender="ada@a.example",
        recipients=["bob@b.example"],
        now=datetime.now(UTC),
    )
    brand = Brand(name="Bank A", colour="#0a5c8f")
    chunks = render_securedoc(
        sealed, recipient="bob@b.example", server="https://keys.a.example", locale="en", brand=brand
    )
    path.write_bytes(b"".join(chunks))
    return path
