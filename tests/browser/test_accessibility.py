"""The accessibility checker finds nothing, on any page and in any state of the envelope, light and dark."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser.journey import PASSPHRASE, approve, open_as_newcomer, register, until_state
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to, message_id, moved
from tests.browser.windows import Window


@pytest.fixture(params=["light", "dark"])
def reader(request: pytest.FixtureRequest, start: Callable[..., Person]) -> Person:
    return start("chromium", dark=request.param == "dark")


@pytest.fixture
def sound() -> Callable[[Window, str], None]:
    """Judges one page; asserts so that a finding says where it was made."""

    def judge(window: Window, page: str) -> None:
        assert {page: window.axe()} == {page: []}

    return judge


def test_pages_of_an_opening_are_sound(
    reader: Person, demo: Demo, address: str, tmp_path: Path, sound: Callable[[Window, str], None]
) -> None:
    reader.forgive("422")
    mail = mail_to(address)
    mail.add_alternative('<p>Hello</p><img src="http://127.0.0.1:4/x.png" alt="">', subtype="html")
    mail.add_attachment(b"offer", "application", "pdf", filename="offer.pdf")
    envelope = reader.open(demo.send(mail).save(address, tmp_path))
    envelope.see("Open message")
    sound(envelope, "the envelope, ready")

    window = envelope.click_opening("Open message")
    window.see("Open this message?")
    sound(envelope, "the envelope, waiting")
    sound(window, "the passphrase")
    window.fill("Passphrase", "wrong")
    window.click("Open message")
    window.see("do not go together")
    sound(window, "a wrong passphrase")
    window.click("Get a code by mail")
    window.see("Type the code from the mail")
    sound(window, "the code")
    window.fill("Code", "1")
    window.click("Continue")
    window.see("That is not the code")
    sound(window, "a wrong code")
    window.fill("Code", demo.code_for(address))
    window.click("Continue")
    window.fill("New passphrase", "short")
    sound(window, "name and passphrase")
    window.fill("First name", "Nora")
    window.fill("Last name", "Lind")
    window.click("Continue")
    window.see("too short")
    sound(window, "a weak passphrase")
    window.fill("New passphrase", PASSPHRASE)
    window.click("Continue")
    window.see("Open this message?")
    sound(window, "the press that opens")
    approve(window)

    until_state(envelope, "open")
    envelope.see("Show pictures")
    sound(envelope, "the envelope, open")


def test_pages_of_the_portal_are_sound(
    reader: Person, demo: Demo, address: str, tmp_path: Path, sound: Callable[[Window, str], None]
) -> None:
    reader.forgive("404", "403", "410")
    open_as_newcomer(
        reader.open(demo.send(mail_to(address)).save(address, tmp_path)), demo, address, remember=True
    )
    window = reader.open(demo.url)
    window.see("Messages sent to you", "Ada Moreau")
    sound(window, "the inbox")
    window.click("Profile")
    window.see("Remembered computers", address)
    sound(window, "the profile")
    window.click("Change passphrase")
    window.see("Current passphrase")
    sound(window, "changing the passphrase")
    window.click("Sign out")
    window.see("Mail address")
    sound(window, "signing in")
    window.click("Get a code by mail")
    window.see("The address that your messages come to.")
    sound(window, "asking for a code")
    window.goto(f"{demo.url}/nowhere")
    window.see("does not exist")
    sound(window, "a page that is not there")
    window.goto(f"{demo.url}/open/{uuid4()}")
    window.see("One moment")
    window.evaluate("() => stop()")  # else it goes on by itself
    sound(window, "an opening to come")

    other = f"emil.{address}"
    register_elsewhere(reader, demo, other)
    stranger = reader.open(demo.send(mail_to(address)).save(address, tmp_path)).click_opening("Open message")
    stranger.see("This message is for another address")
    sound(stranger, "signed in with another address")


def test_pages_of_a_mailed_code_and_of_addresses_are_sound(
    reader: Person,
    start: Callable[..., Person],
    demo: Demo,
    address: str,
    tmp_path: Path,
    sound: Callable[[Window, str], None],
) -> None:
    reader.forgive("422")
    envelope = reader.open(demo.send(mail_to(address, "[code] x")).save(address, tmp_path))
    window = envelope.click_opening("Open message")
    window.see("no passphrase is needed")
    sound(window, "the way by a code")
    window.click("Use my passphrase instead")
    window.fill("Passphrase", "wrong")
    window.click("Open message")
    window.see("do not go together")
    sound(window, "a wrong passphrase instead")
    window.click("Sign in with another address")
    window.see("This message was made for")
    sound(window, "another address")
    window.click("Back")
    window.click("Get a code by mail")
    window.see("Type the code from the mail")
    sound(window, "the code that opens")
    again = reader.open(window.url())
    window.close()
    again.fill("Code", demo.code_for(address))
    again.click("Open message")
    again.see("Choose a passphrase")
    sound(again, "the offer")

    other = f"emil.{address}"
    register_elsewhere(reader, demo, other, remember=True)
    sign_in_elsewhere(start("chromium"), demo, other)
    profile = reader.open(f"{demo.url}/profile")
    profile.fill("Mail address", f"team.{address}")
    profile.click("Add an address")
    profile.fill("Code", demo.code_for(f"team.{address}"))
    sound(profile, "the code for an address")
    profile.click("Add this address")
    profile.see("is now one of your addresses", "Forget all computers")
    sound(profile, "the profile with two addresses and computers")


def test_pages_of_a_sender_are_sound(
    reader: Person, demo: Demo, address: str, tmp_path: Path, sound: Callable[[Window, str], None]
) -> None:
    sender = address.replace("post.example", "tidewater.example")
    register_elsewhere(reader, demo, sender)
    window = reader.open(f"{demo.url}/sent")
    window.see("There is nothing here yet.")
    sound(window, "nothing sent")
    mail = mail_to(address, "[no passphrase] Your contract")
    mail.replace_header("From", sender)
    mail["Cc"] = f"team.{address}"
    file = demo.send(mail).save(address, tmp_path)
    envelope = reader.open(file)
    envelope.click("Open message")
    until_state(envelope, "open")
    demo.sealpost("message", "lock", message_id(file), "--reason", "A mistake.")
    window.click("Sent")
    window.see("opened by 1 of 2")
    sound(window, "the sent messages")
    window.click("1 more")
    window.see("Who opened it", "not opened yet", "A mistake.")
    sound(window, "a sent message")


def sign_in_elsewhere(person: Person, demo: Demo, address: str) -> None:
    """At another computer, which is then remembered too."""
    window = person.open(f"{demo.url}/signin")
    window.fill("Mail address", address)
    window.fill("Passphrase", PASSPHRASE)
    window.tick("Remember me")
    window.click("Sign in")
    window.see("Messages sent to you")


def register_elsewhere(person: Person, demo: Demo, address: str, *, remember: bool = False) -> None:
    """Through the portal, without a message at hand."""
    window = person.open(f"{demo.url}/code")
    window.fill("Mail address", address)
    register(window, demo, address, remember=remember)
    window.see("Messages sent to you")


def test_pages_of_the_demo_are_sound(
    reader: Person, demo: Demo, sound: Callable[[Window, str], None]
) -> None:
    window = reader.open(f"{demo.url}/demo/")
    window.see("nora.lind@post.example")
    sound(window, "the mailboxes")
    window.click("nora.lind@post.example")
    window.see("Priya Nair")
    sound(window, "a mailbox")
    window.click("Priya Nair")
    window.see("securedoc.html")
    sound(window, "a mail")


def test_refusals_are_sound(
    reader: Person, demo: Demo, address: str, tmp_path: Path, sound: Callable[[Window, str], None]
) -> None:
    reader.forgive("403", "ERR_", "410")
    file = demo.send(mail_to(address)).save(address, tmp_path)
    unreachable = file.with_name("unreachable.html")
    unreachable.write_text(moved(file, demo.url, "http://127.0.0.1:4"), "ascii")
    altered = file.with_name("altered.html")
    altered.write_bytes(file.read_bytes()[:-600])
    demo.sealpost("message", "lock", message_id(file), "--reason", "A mistake.")

    for path, wanted in ((file, "locked"), (unreachable, "unreachable"), (altered, "altered")):
        envelope = reader.open(path)
        if wanted != "altered":
            envelope.click("Open message")
        until_state(envelope, wanted)
        sound(envelope, wanted)

    window = reader.open(f"{demo.url}/open/6f1b7d5c-9a54-4f6e-8f4e-3a4f0a1b2c3d?since=1")
    window.see("This window has nothing to open")
    sound(window, "an opening that is over")


def test_opened_message_is_sound_everywhere(
    person: Person, demo: Demo, address: str, tmp_path: Path, sound: Callable[[Window, str], None]
) -> None:
    mail = mail_to(address, "[no passphrase] Two files")
    mail.add_attachment(b"one", "application", "pdf", filename="one.pdf")
    mail.add_attachment(b"two", "image", "png", filename="two.png")
    envelope = person.open(demo.send(mail).save(address, tmp_path))
    envelope.see("Open message")
    sound(envelope, "ready")
    envelope.click("Open message")
    until_state(envelope, "open")
    sound(envelope, "open")
