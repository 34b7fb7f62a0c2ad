"""The shortest way in: a code mailed to the address opens the message, and a passphrase is only offered."""

from pathlib import Path

import pytest

from tests.browser.journey import PASSPHRASE, approve, open_as_newcomer, until_state
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import Window

#: Tags of the demo's profiles: level medium where a code may stand in, and the level that asks for no more.
BY_CODE = ["[code]", "[proven]"]


def new_message(person: Person, demo: Demo, address: str, folder: Path, *, tag: str = "[code]") -> Window:
    mail = mail_to(address, f"{tag} Your offer", "What it says.")
    return person.open(demo.send(mail).save(address, folder))


def ordinary_message(person: Person, demo: Demo, address: str, folder: Path) -> Window:
    return person.open(demo.send(mail_to(address)).save(address, folder))


def open_by_code(envelope: Window, demo: Demo, address: str) -> None:
    """Two presses and the code between them, all in one window, which then closes itself."""
    window = envelope.click_opening("Open message")
    window.see("Open this message?", "no passphrase is needed")
    window.click("Get a code by mail")
    window.see("Type the code from the mail", address, "Tidewater Mutual")
    code = str(envelope.evaluate("() => document.getElementById('match-code').textContent"))
    assert code in window.text()
    window.fill("Code", demo.code_for(address))
    window.click("Open message")
    window.until_closed()
    until_state(envelope, "open")


def test_newcomer_reads_with_one_mailed_code_and_is_offered_a_passphrase(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S13, S14: nobody registers to read; afterwards the offer, not the demand."""
    envelope = new_message(person, demo, address, tmp_path)

    open_by_code(envelope, demo, address)
    envelope.see_in_frame("What it says.")
    offer = envelope.click_opening("Next time without a code: choose a passphrase")
    offer.see("Your name and passphrase", address)
    offer.fill("First name", "Nora")
    offer.fill("Last name", "Lind")
    offer.fill("New passphrase", PASSPHRASE)
    offer.click("Continue")

    offer.see("Messages sent to you", "Ada Moreau")


@pytest.mark.parametrize("tag", BY_CODE)
def test_second_message_needs_one_press_after_a_code(
    somebody: Person, demo: Demo, address: str, tmp_path: Path, tag: str
) -> None:
    open_by_code(new_message(somebody, demo, address, tmp_path, tag=tag), demo, address)

    second = new_message(somebody, demo, address, tmp_path, tag=tag)
    window = second.click_opening("Open message")
    window.see("Open this message?")
    assert "code" not in window.text()
    approve(window)

    second.see_in_frame("What it says.")


def test_window_on_another_device_needs_no_opener(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """As on a phone whose mail program shows the file and whose browser shows the window."""
    envelope = new_message(somebody, demo, address, tmp_path)
    first = envelope.click_opening("Open message")
    first.see("Open this message?")
    window = somebody.open(first.url())
    first.close()

    window.click("Get a code by mail")
    window.fill("Code", demo.code_for(address))
    window.click("Open message")

    window.see("Your message is opening on the page you came from", "Choose a passphrase")
    envelope.see_in_frame("What it says.")


def test_person_with_a_passphrase_uses_it_instead(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    open_as_newcomer(ordinary_message(somebody, demo, address, tmp_path), demo, address)
    somebody.end_session(demo.url)

    envelope = new_message(somebody, demo, address, tmp_path)
    window = envelope.click_opening("Open message")
    window.see("Get a code by mail")
    window.fill("Passphrase", PASSPHRASE)
    window.click("Open message")
    window.until_closed()

    envelope.see_in_frame("What it says.")
    assert "choose a passphrase" not in envelope.text()


def test_further_address_is_proven_in_the_window(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """Mail that is forwarded by itself, or comes to a shared mailbox: one code, there and then."""
    open_as_newcomer(ordinary_message(somebody, demo, address, tmp_path), demo, address)
    somebody.forgive("403")
    team = f"team.{address}"

    envelope = new_message(somebody, demo, team, tmp_path, tag="Again:")
    window = envelope.click_opening("Open message")
    window.see("This message is for another address", team)
    window.click("This is my address too")
    window.fill("Code", demo.code_for(team))
    window.click("Open message")
    window.until_closed()
    envelope.see_in_frame("What it says.")

    portal = somebody.open(demo.url)
    portal.see("Messages sent to you", f"For {team}")
    portal.click("Profile")
    portal.see(team)
    portal.click(f"Remove {team}")
    portal.see(f"{team} is no longer one of your addresses.")
