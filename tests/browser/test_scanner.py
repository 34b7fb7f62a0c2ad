"""A robot that fetches, shows and presses all there is in a notice opens nothing, and nothing looks read.

Except at level none, where nobody has to prove anything: there the sender is told exactly that.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from demo.maildirs import text_of
from tests.browser.journey import PASSPHRASE
from tests.browser.person import Person
from tests.browser.scanner import Scanner
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import PlaywrightWindow, wait_for

#: Levels medium, high and proven; behind a link alone, and with the file as well.
ABOVE_NONE = ("[both]", "[link, high]", "[both, proven]")
NONE = ("[link, no passphrase]", "[no passphrase]")


@pytest.fixture
def sender() -> str:
    """Somebody at the insurance, who gets no mail but the receipts of one test."""
    return f"agent.{uuid4().hex[:8]}@tidewater.example"


def scanned(somebody: Person, demo: Demo, folder: Path, *, tag: str, sender: str, address: str) -> Scanner:
    """Send a message whose sender wants a receipt, and let the robot at its notice."""
    somebody.forgive("")  # a robot's console is full of what it was refused
    mail = mail_to(address, f"{tag} Your statement")
    mail.replace_header("From", sender)
    mail["X-PostX-Send-Return-Receipt"] = "true"
    notice = demo.send(mail).notice(address)
    window = somebody.new_window()
    assert isinstance(window, PlaywrightWindow)
    scanner = Scanner(window.page.context, server=demo.url)
    scanner.scan(notice.read(), folder)
    return scanner


def rows(demo: Demo, statement: str, *values: str) -> list[Any]:
    with closing(sqlite3.connect(demo.place.var / "keys.sqlite")) as database:
        return database.execute(statement, values).fetchall()


def receipts(demo: Demo, sender: str) -> list[str]:
    """What was mailed to the sender."""
    return [text_of(mail.read()) for mail in demo.maildirs.of(sender)]


@pytest.mark.parametrize("tag", ABOVE_NONE)
def test_robot_opens_nothing_and_nothing_looks_read(
    somebody: Person, demo: Demo, address: str, sender: str, tmp_path: Path, tag: str
) -> None:
    """S48, S49, S54; design, section 5."""
    scanner = scanned(somebody, demo, tmp_path, tag=tag, sender=sender, address=address)

    assert any("Open message" in press for press in scanner.presses)
    opened = "SELECT first_opened, last_opened FROM message_recipient WHERE address = ?"
    assert rows(demo, opened, address) == [(None, None)]
    assert rows(demo, "SELECT id FROM opening WHERE address = ? AND state <> 'waiting'", address) == []
    assert rows(demo, "SELECT id FROM outbox WHERE address = ?", sender) == []
    assert receipts(demo, sender) == []


@pytest.mark.parametrize("tag", NONE)
def test_where_nobody_proves_anything_the_sender_is_told_so(
    somebody: Person, demo: Demo, address: str, sender: str, tmp_path: Path, tag: str
) -> None:
    """S50, S51: the robot may open it; neither receipt nor page say that it was the recipient."""
    scanned(somebody, demo, tmp_path, tag=tag, sender=sender, address=address)

    (receipt,) = wait_for(lambda: receipts(demo, sender), "the receipt")
    assert "a mail filter that looks into files" in " ".join(receipt.split())
    window = somebody.open(f"{demo.url}/signin")
    window.click("Get a code by mail")
    window.fill("Mail address", sender)
    window.click("Get a code by mail")
    window.fill("Code", demo.code_for(sender))
    window.click("Continue")
    window.fill("First name", "Ada")
    window.fill("Last name", "Moreau")
    window.fill("New passphrase", PASSPHRASE)
    window.click("Continue")
    window.click("Sent")
    window.see("Messages sent by you")
    assert window.axe() == []
    window.click(address)
    window.see("This message asks nobody to show who they are.", "or a mail filter’s that looks into files")
    assert window.axe() == []
