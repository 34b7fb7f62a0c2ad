"""Open by forwarding, from a notice that is forwarded to a message read; with scripts and without."""

from pathlib import Path

from demo.organisation import OPEN_ADDRESS
from tests.browser.engines import Engines
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import wait_for


def attach(demo: Demo, address: str, subject: str, *, sender: str, folder: Path) -> None:
    demo.forward(
        demo.send(mail_to(address, subject, text="What it says.")).save(address, folder), sender=sender
    )


def test_forwarded_message_opens_by_its_link(person: Person, demo: Demo, address: str) -> None:
    """S138. Nobody types the code, and it does not stay in the address bar."""
    demo.send(mail_to(address, "[proven] Hello", text="What it says.")).notice(address)
    page = person.open(f"{demo.url}/demo/{address}/")
    page.click("Secure message from Ada Moreau")
    page.click(f"Forward to {OPEN_ADDRESS}")
    page.see("The answer comes into this mailbox")

    link, code = demo.forwarded(address)
    page = person.open(f"{link}#{code}")
    page.see("Open your message")
    wait_for(lambda: "Code from the mail" not in page.text(), "the field to be filled in")
    assert code not in page.url()
    page.click("Continue")
    page.see("Open this message?", "Ada Moreau", address)
    page.click("Open message")

    page.see("What it says.")


def test_link_goes_to_the_recipient_and_opens_once(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    somebody.forgive("410")
    attach(demo, address, "[no passphrase] Hello", sender="eve@elsewhere.example", folder=tmp_path)

    link, code = demo.forwarded(address)
    page = somebody.open(f"{link}#{code}")
    page.see("Open your message")
    assert page.axe() == []
    page.click("Continue")
    page.see("Open this message?")
    assert page.axe() == []
    page.click("Open message")
    page.see("What it says.")
    page.goto(f"{link}#{code}")
    page.click("Continue")

    page.see("This link has been used")
    assert page.axe() == []
    assert not demo.maildirs.of("eve@elsewhere.example")


def test_link_opens_without_scripts(engines: Engines, demo: Demo, address: str, tmp_path: Path) -> None:
    """The code is typed, as the mail shows it."""
    attach(demo, address, "[proven] Hello", sender=address, folder=tmp_path)
    link, code = demo.forwarded(address)

    with engines.person("chromium", tmp_path, scripts=False) as person:
        page = person.open(f"{link}#{code}")
        page.fill("Code from the mail", code.lower())
        page.click("Continue")
        page.see("Open this message?", "Ada Moreau")
        page.click("Open message")
        page.see("What it says.")
