"""Open Online from a file on disk, in every browser: scripts off, left out, or in a preview's sandbox."""

import html
import os
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.browser.engines import ENGINES
from tests.browser.journey import PASSPHRASE
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import Window

PLANS = os.urandom(300_000)
#: As mail previews do it: no scripts, no origin, and the tab that opens inherits both.
SANDBOX = "allow-forms allow-popups"


@pytest.fixture
def preview(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """Where a mail program on the web shows a file within its page, in a sandbox."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path), **options)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    Thread(target=server.serve_forever, daemon=True).start()

    def show(file: Path) -> str:
        shown = html.escape(file.read_text("ascii"))
        page = f'<!doctype html><iframe sandbox="{SANDBOX}" srcdoc="{shown}" width=900 height=900></iframe>'
        (tmp_path / "preview.html").write_text(page)
        return f"http://127.0.0.1:{server.server_port}/preview.html"

    yield show
    server.shutdown()
    server.server_close()


def press(online: Window, address: str, demo: Demo) -> None:
    """From the posted file to the message, by somebody who never was here."""
    online.see("Open this message?", "Ada Moreau", address, "sees its text")
    online.click("Open message")
    online.see("Is this message for you?")
    online.click("Get a code by mail")
    online.see("Type the code from the mail", address)
    online.fill("Code", demo.code_for(address))
    online.click("Continue")
    online.fill("First name", "Nora")
    online.fill("Last name", "Lind")
    online.fill("New passphrase", PASSPHRASE)
    online.click("Open message")


@pytest.mark.parametrize("engine", ENGINES)
def test_newcomer_reads_and_downloads_where_scripts_are_off(
    start: Callable[..., Person], demo: Demo, address: str, tmp_path: Path, engine: str
) -> None:
    """S11, S13, S60, S131."""
    mail = mail_to(address, text="The plans are attached: https://tidewater.example/plans.")
    mail.add_attachment(PLANS, "application", "octet-stream", filename="Pläne für Zoë.bin")
    file = demo.send(mail).save(address, tmp_path)

    online = start(engine, scripts=False).open(file).click_opening("Open online")
    press(online, address, demo)

    online.see("Your contract", "The plans are attached", "Pläne für Zoë.bin", "has seen its text")
    saved = online.download("Download", within="Pläne")
    assert saved.read_bytes() == PLANS
    assert saved.name == "Pläne für Zoë.bin"


@pytest.mark.parametrize("engine", ENGINES)
def test_message_is_read_in_a_previews_sandbox(
    start: Callable[..., Person],
    demo: Demo,
    preview: Callable[[Path], str],
    address: str,
    tmp_path: Path,
    engine: str,
) -> None:
    """No origin, no cookies, no storage, no scripts, in a tab that inherits all that."""
    mail = mail_to(address)
    mail.add_alternative("<p>The <b>contract</b> is in the frame.</p>", subtype="html")
    mail.add_attachment(PLANS, "application", "octet-stream", filename="plans.bin")
    file = demo.send(mail).save(address, tmp_path)
    person = start(engine)

    online = person.open(preview(file)).frame().click_opening("Open online")
    person.forgive("'allow-scripts' permission is not set", "404")  # the last is the preview's missing icon
    press(online, address, demo)

    online.see("plans.bin", "your mail program does not allow it")
    online.frame().see("The contract is in the frame.")
    styled = "() => getComputedStyle(document.querySelector('.primary, .files li')).display"
    assert online.evaluate(styled) == "flex"


def test_file_without_scripts_opens_online_only(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S132, S137-S141."""
    file = demo.send(mail_to(address, "[no script] Hello", "It opened.")).save(address, tmp_path)
    assert b"<script" not in file.read_bytes()
    envelope = person.open(file)
    assert envelope.evaluate("() => document.getElementById('open').disabled") is True

    online = envelope.click_opening("Open online")
    press(online, address, demo)

    online.see("Hello", "It opened.")
    assert online.axe() == []


def test_file_with_the_applet_suppressed_posts_itself(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S60, S129-S131."""
    file = demo.send(mail_to(address, "[no applet] Hello", "It opened.")).save(address, tmp_path)

    online = person.open(file).click_opening("Open message")
    press(online, address, demo)

    online.see("Hello", "It opened.")


def test_one_press_opens_for_whoever_is_signed_in(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S49: the file has no cookies, the page that it leads to has."""
    first = demo.send(mail_to(address, text="The first.")).save(address, tmp_path)
    second = demo.send(mail_to(address, text="The second.")).save(address, tmp_path)
    press(somebody.open(first).click_opening("Open online"), address, demo)

    online = somebody.open(second).click_opening("Open online")
    online.click("Open message")

    online.see("The second.")
    assert online.axe() == []


def test_payload_goes_to_a_separate_address(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    """S43-S47: another origin takes the file in and sends the browser on to the portal."""
    file = demo.send(mail_to(address, "[no passphrase] Elsewhere", "It got here.")).save(address, tmp_path)
    elsewhere = demo.url.replace("127.0.0.1", "localhost")
    text = file.read_text("ascii").replace(f'action="{demo.url}', f'action="{elsewhere}')
    file.write_text(text.replace(f"form-action {demo.url}", f"form-action {demo.url} {elsewhere}"), "ascii")

    online = person.open(file).click_opening("Open online")
    online.see("Open this message?")
    assert online.url() == f"{elsewhere}/online"
    online.click("Open message")

    online.see("Elsewhere", "It got here.")
    assert online.url() == f"{demo.url}/online/open"


def test_pages_on_the_way_are_sound(somebody: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    somebody.forgive("422")
    mail = mail_to(address)
    mail.add_alternative("<p>Hi<img src='https://track.example/1.png'></p>", subtype="html")
    mail.add_attachment(PLANS, "application", "octet-stream", filename="plans.bin")
    online = somebody.open(demo.send(mail).save(address, tmp_path)).click_opening("Open online")

    def sound(*seen: str) -> None:
        online.see(*seen)
        assert online.axe() == []

    sound("Open this message?")
    online.click("Open message")
    sound("Is this message for you?")
    online.click("Sign in with another address")
    sound("It opens if that address is one of yours here")
    online.click("Back")
    online.see("Is this message for you?")
    online.click("Get a code by mail")
    sound("Type the code from the mail")
    online.fill("Code", "1111 1111")
    online.click("Continue")
    sound("That is not the code")
    online.fill("Code", demo.code_for(address))
    online.click("Continue")
    sound("Your name and passphrase")
    online.fill("First name", "Nora")
    online.fill("Last name", "Lind")
    online.fill("New passphrase", PASSPHRASE)
    online.click("Open message")
    sound("Show pictures", "plans.bin")
