"""Open by forwarding, from a notice that is forwarded to a message read; with scripts and without."""

import mailbox
import re
from pathlib import Path

from demo.maildirs import text_of
from demo.organisation import OPEN_ADDRESS
from tests.browser.engines import Engines
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import wait_for


def answers(demo: Demo, address: str) -> list[tuple[str, str]]:
    """Links and codes in an address's mailbox."""
    texts = (text_of(mail.read()) for mail in demo.maildirs.of(address))
    found = (re.search(r"(http\S+/forwarded/[0-9a-f-]+)#([0-9A-Z-]{19})", text) for text in texts)
    return [(match[1], match[2]) for match in found if match]


def answer(demo: Demo, address: str) -> tuple[str, str]:
    return wait_for(lambda: answers(demo, address), f"an answer for {address}")[0]


def attach(demo: Demo, address: str, subject: str, *, sender: str, folder: Path) -> None:
    """Somebody mails the file to the open address, as a mail server would bring it there."""
    file = demo.send(mail_to(address, subject, text="What it says.")).save(address, folder)
    mail = mail_to(OPEN_ADDRESS, "Please open this", "It was sent to a colleague.")
    mail.replace_header("From", sender)
    mail.add_attachment(file.read_bytes(), "application", "octet-stream", filename="renamed.bin")
    mailbox.Maildir(demo.place.inbound, create=False).add(
        f"Return-Path: <{sender}>\n".encode() + mail.as_bytes()
    )


def test_forwarded_message_opens_by_its_link(person: Person, demo: Demo, address: str) -> None:
    """S138. Nobody types the code, and it does not stay in the address bar."""
    demo.send(mail_to(address, "[proven] Hello", text="What it says.")).notice(address)
    page = person.open(f"{demo.url}/demo/{address}/")
    page.click("Secure message from Ada Moreau")
    page.click(f"Forward to {OPEN_ADDRESS}")
    page.see("The answer comes into this mailbox")

    link, code = answer(demo, address)
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

    link, code = answer(demo, address)
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
    link, code = answer(demo, address)

    with engines.person("chromium", tmp_path, scripts=False) as person:
        page = person.open(f"{link}#{code}")
        page.fill("Code from the mail", code.lower())
        page.click("Continue")
        page.see("Open this message?", "Ada Moreau")
        page.click("Open message")
        page.see("What it says.")
