"""A narrow screen and a thumb: nothing is cut off, too small to hit or to read, or brings the wrong keys."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser.journey import PASSPHRASE, approve, register, until_state
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import PlaywrightWindow, Window

FAULTS = (Path(__file__).parent / "phone.js").read_text("utf-8")
#: CSS pixels: the narrowest phone still in use, and the widest.
WIDTHS = (320, 430)
HEIGHT = 700


def fits(window: Window, page: str) -> None:
    """Judges one page at each width; asserts so that a finding says where it was made."""
    assert isinstance(window, PlaywrightWindow)
    window.until_styled()
    for width in WIDTHS:
        window.page.set_viewport_size({"width": width, "height": HEIGHT})
        assert {f"{page}, at {width} px": window.evaluate(FAULTS)} == {f"{page}, at {width} px": []}


@pytest.fixture
def long_address(address: str) -> str:
    """As long as real ones get, and without a place to break it."""
    return address.replace("@", ".lindqvistbergstroem+statements@customers.")


def test_pages_fit_a_phone_when_a_code_opens(
    somebody: Person, demo: Demo, long_address: str, tmp_path: Path
) -> None:
    somebody.forgive("422")
    envelope = somebody.open(demo.send(mail_to(long_address, "[code] x")).save(long_address, tmp_path))
    envelope.see("Secure message")
    fits(envelope, "the envelope's cover")
    window = envelope.click_opening("Open message")
    window.see("Open this message?")
    fits(envelope, "the envelope, waiting")
    fits(window, "the way by a code")
    window.click("Use my passphrase instead")
    window.fill("Passphrase", "wrong")
    fits(window, "the passphrase instead")
    window.click("Open message")
    window.see("do not go together")
    fits(window, "a wrong passphrase")
    window.click("Get a code by mail")
    window.see("Type the code from the mail")
    fits(window, "the code")
    window.fill("Code", "1")
    window.click("Open message")
    window.see("That is not the code")
    fits(window, "a wrong code")
    again = somebody.open(window.url())
    window.close()
    again.fill("Code", demo.code_for(long_address))
    again.click("Open message")
    again.see("Choose a passphrase")
    fits(again, "the offer")
    until_state(envelope, "open")
    fits(envelope, "the envelope, open")


def test_pages_fit_a_phone_when_a_passphrase_opens(
    somebody: Person, demo: Demo, long_address: str, tmp_path: Path
) -> None:
    somebody.forgive("422")
    envelope = somebody.open(demo.send(mail_to(long_address, "[high] x")).save(long_address, tmp_path))
    window = envelope.click_opening("Open message")
    window.see("Open this message?")
    fits(window, "the passphrase")
    window.click("Sign in with another address")
    window.see("This message was made for")
    fits(window, "another address")
    window.click("Back")
    window.click("Get a code by mail")
    window.fill("Code", demo.code_for(long_address))
    window.click("Continue")
    window.fill("First name", "Nora")
    window.fill("Last name", "Lindqvist-Bergström")
    fits(window, "name and passphrase")
    window.fill("New passphrase", "short")
    window.click("Continue")
    window.see("too short")
    fits(window, "a weak passphrase")
    window.fill("New passphrase", PASSPHRASE)
    window.click("Continue")
    window.see("Open this message?")
    fits(window, "the press that opens")


def test_pages_of_the_portal_fit_a_phone(
    somebody: Person, demo: Demo, long_address: str, tmp_path: Path
) -> None:
    somebody.forgive("403", "404", "410")
    window = somebody.open(demo.url)
    window.see("Mail address")
    fits(window, "signing in")
    window.click("Get a code by mail")
    window.see("The address that your messages come to.")
    fits(window, "asking for a code")
    window.fill("Mail address", long_address)
    window.click("Get a code by mail")
    window.see("Type the code from the mail")
    fits(window, "the code")
    window.fill("Code", demo.code_for(long_address))
    window.click("Continue")
    window.fill("First name", "Nora")
    window.fill("Last name", "Lindqvist-Bergström")
    window.fill("New passphrase", PASSPHRASE)
    window.tick("Remember me")
    window.click("Continue")
    window.see("There is nothing here yet.")
    fits(window, "the empty inbox")
    envelope = somebody.open(demo.send(mail_to(long_address)).save(long_address, tmp_path))
    envelope.see("Secure message")
    window.goto(demo.url)
    window.see("Ada Moreau")
    fits(window, "the inbox")
    window.click("Profile")
    window.see("Remembered since")
    fits(window, "the profile")
    window.fill("Mail address", f"team.{long_address}")
    window.click("Add an address")
    window.see("Type the code from the mail")
    fits(window, "the code for an address")
    window.fill("Code", demo.code_for(f"team.{long_address}"))
    window.click("Add this address")
    window.see("is now one of your addresses")
    fits(window, "the profile with two addresses")
    window.click("Change passphrase")
    window.see("Current passphrase")
    fits(window, "changing the passphrase")
    window.click("English")
    window.see("Polski")
    fits(window, "the languages")
    window.goto(f"{demo.url}/nowhere")
    window.see("does not exist")
    fits(window, "a page that is not there")
    window.goto(f"{demo.url}/open/{uuid4()}")
    window.see("One moment")
    window.evaluate("() => stop()")  # else it goes on by itself
    fits(window, "an opening to come")
    window.goto(f"{demo.url}/open/{uuid4()}?since=1")
    window.see("This window has nothing to open")
    fits(window, "an opening that is over")
    other = f"emil.{long_address}"
    stranger = somebody.open(demo.send(mail_to(other)).save(other, tmp_path)).click_opening("Open message")
    stranger.see("This message is for another address")
    fits(stranger, "signed in with another address")


def test_pages_of_open_online_and_behind_a_link_fit_a_phone(
    somebody: Person, demo: Demo, long_address: str, tmp_path: Path
) -> None:
    """One message, which comes by both, and is then forwarded."""
    somebody.forgive("404", "410", "422")
    mail = mail_to(long_address, "[both] Versicherungsvertragsunterlagen")
    mail.add_alternative("<p>Hello<img src='https://track.example/1.png'></p>", subtype="html")
    mail.add_attachment(b"plan", "application", "pdf", filename=f"{'Grundrissplan' * 5}.pdf")
    delivery = demo.send(mail)
    file = delivery.save(long_address, tmp_path)

    online = somebody.open(file).click_opening("Open online")
    online.see("Open this message?")
    fits(online, "online, the press")
    online.click("Open message")
    online.see("Is this message for you?")
    fits(online, "online, the passphrase")
    online.click("Sign in with another address")
    online.see("This message was made for")
    fits(online, "online, another address")
    online.click("Back")
    online.click("Get a code by mail")
    online.see("Type the code from the mail")
    fits(online, "online, the code")
    online.fill("Code", demo.code_for(long_address))
    online.click("Continue")
    online.fill("First name", "Nora")
    online.fill("Last name", "Lindqvist-Bergström")
    fits(online, "online, name and passphrase")
    online.fill("New passphrase", PASSPHRASE)
    online.click("Open message")
    online.see("Show pictures", "Attachments")
    fits(online, "online, the message")

    page = somebody.open(delivery.link(long_address))
    page.see("Ada Moreau", "A window of 127.0.0.1")
    fits(page, "behind the link")
    approve(page.click_opening("Open message"))
    until_state(page, "open")
    page.see(".pdf")
    fits(page, "behind the link, open")
    page.goto(delivery.link(long_address).partition("#")[0])
    until_state(page, "link-incomplete")
    fits(page, "an incomplete link")
    page.goto(demo.send(mail_to(long_address, "[link] x")).link(long_address))
    page.see("There you sign in, or register the first time.")
    fits(page, "behind a link alone")

    demo.forward(file, sender=long_address)
    link, code = demo.forwarded(long_address)
    page.goto(link)
    page.fill("Code from the mail", "1")
    page.click("Continue")
    page.see("That is not the code")
    fits(page, "forwarded, a wrong code")
    page.fill("Code from the mail", code)
    page.click("Continue")
    page.see("Open this message?", "Ada Moreau")
    fits(page, "forwarded, the press")
    page.click("Open message")
    page.see("Attachments")
    page.goto(link)
    page.fill("Code from the mail", code)
    page.click("Continue")
    page.see("This link has been used")
    fits(page, "forwarded, a used link")


def test_pages_of_a_sender_fit_a_phone(
    somebody: Person, demo: Demo, long_address: str, tmp_path: Path
) -> None:
    sender = long_address.replace("customers.post.example", "tidewater.example")
    window = somebody.open(f"{demo.url}/code")
    window.fill("Mail address", sender)
    register(window, demo, sender)
    window.click("Sent")
    window.see("There is nothing here yet.")
    fits(window, "nothing sent")
    mail = mail_to(long_address, "[no passphrase] Versicherungsvertragsunterlagen")
    mail.replace_header("From", f"Ada Moreau <{sender}>")
    mail["Cc"] = f"team.{long_address}"
    envelope = somebody.open(demo.send(mail).save(long_address, tmp_path))
    envelope.click("Open message")
    until_state(envelope, "open")
    window.click("Sent")
    window.see("opened by 1 of 2")
    fits(window, "the sent messages")
    window.click("1 more")
    window.see("Who opened it", "not opened yet")
    fits(window, "a sent message")


@pytest.mark.parametrize("locale", ["de-DE", "ja-JP", "zh-CN"])
def test_other_languages_fit_a_phone(start: Callable[..., Person], demo: Demo, locale: str) -> None:
    """Long words, and short ones that would be too small to hit."""
    window = start("chromium", locale=locale).open(f"{demo.url}/signin")
    window.see("Sealpost")
    fits(window, "signing in")
    window.goto(f"{demo.url}/code")
    window.see("Sealpost")
    fits(window, "asking for a code")


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("<p style='inline-size:9000px'>wide</p>", "px wide"),
        ("<button style='block-size:20px'>low</button>", "× 20 px"),
        ("<a href='/' style='display:block;inline-size:9px;block-size:60px'>!</a>", "is 9 × 60 px"),
        ("<input name='x' style='font-size:15px;block-size:60px'>", "a font of 15 px"),
        ("<input name='code' style='font-size:17px;block-size:60px'>", "lacks inputmode=numeric"),
    ],
)
def test_measure_finds_a_fault(somebody: Person, tmp_path: Path, page: str, fault: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><title>A page</title>{page}", "utf-8")

    found = somebody.open(file).evaluate(FAULTS)

    assert any(fault in one for one in found), found
