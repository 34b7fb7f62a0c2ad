"""Who is asked for what, and when: sessions, remembered devices, levels, several windows."""

from collections.abc import Callable
from pathlib import Path

from tests.browser.journey import PASSPHRASE, approve, open_as_newcomer, register, until_state
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import Window


def new_message(person: Person, demo: Demo, address: str, folder: Path, *, subject: str = "Next") -> Window:
    return person.open(demo.send(mail_to(address, subject, "What it says.")).save(address, folder))


def test_high_level_asks_the_passphrase_each_time(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S48."""
    open_as_newcomer(new_message(person, demo, address, tmp_path, subject="[high] First"), demo, address)

    second = new_message(person, demo, address, tmp_path, subject="[high] Second")
    window = second.click_opening("Open message")
    window.see("The sender wants the passphrase typed each time.")
    assert "Remember me" not in window.text()
    window.fill("Passphrase", PASSPHRASE)
    approve(window)

    second.see_in_frame("What it says.")


def test_remembered_device_needs_one_press_after_the_session_ended(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S49, S64: cached credentials."""
    first = new_message(person, demo, address, tmp_path)
    open_as_newcomer(first, demo, address, remember=True)
    person.end_session(demo.url)

    second = new_message(person, demo, address, tmp_path)
    window = second.click_opening("Open message")
    window.see("Open this message?")
    assert "Passphrase" not in window.text()
    approve(window)

    second.see_in_frame("What it says.")


def test_ended_session_asks_the_passphrase_again(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    open_as_newcomer(new_message(somebody, demo, address, tmp_path), demo, address)
    somebody.end_session(demo.url)
    somebody.forgive("422")

    second = new_message(somebody, demo, address, tmp_path)
    window = second.click_opening("Open message")
    window.fill("Passphrase", "not the passphrase")
    window.click("Open message")
    window.see("This address and this passphrase do not go together.")
    window.fill("Passphrase", PASSPHRASE)
    approve(window)

    until_state(second, "open")


def test_two_tabs_of_one_message_both_open(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    file = demo.send(mail_to(address, text="What it says.")).save(address, tmp_path)
    one, other = person.open(file), person.open(file)
    window_of_one = one.click_opening("Open message")
    window_of_one.see("Open this message?")
    window_of_other = other.click_opening("Open message")
    window_of_other.see("Open this message?")

    register(window_of_one, demo, address)
    approve(window_of_one)
    one.see_in_frame("What it says.")
    window_of_other.fill("Passphrase", PASSPHRASE)
    approve(window_of_other)

    other.see_in_frame("What it says.")


def test_message_opens_for_each_of_its_recipients(
    start: Callable[[str], Person], demo: Demo, address: str, tmp_path: Path
) -> None:
    other_address = f"emil.{address}"
    delivery = demo.send(mail_to(f"{address}, {other_address}", text="For both of you."))

    for recipient in (address, other_address):
        envelope = start("chromium").open(delivery.save(recipient, tmp_path))
        open_as_newcomer(envelope, demo, recipient)
        envelope.see_in_frame("For both of you.")


def test_signed_in_stranger_is_told_to_change_address(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    open_as_newcomer(new_message(somebody, demo, address, tmp_path), demo, address)
    somebody.forgive("403")

    other_address = f"emil.{address}"
    envelope = new_message(somebody, demo, other_address, tmp_path)
    window = envelope.click_opening("Open message")
    window.see("This message is for another address", other_address)
    window.click("Sign out and use the other address")
    register(window, demo, other_address)
    approve(window)

    envelope.see_in_frame("What it says.")


def test_wrong_code_says_how_many_tries_are_left(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    somebody.forgive("422")
    window = new_message(somebody, demo, address, tmp_path).click_opening("Open message")
    window.click("Get a code by mail")
    right = demo.code_for(address)
    wrong = "0000 0000" if right != "0000 0000" else "1111 1111"

    for left in ("9 more times", "8 more times"):
        window.fill("Code", wrong)
        window.click("Continue")
        window.see(left)
    window.fill("Code", right.replace(" ", ""))
    window.click("Continue")

    window.see("Your name and passphrase")


def test_ten_wrong_codes_need_a_new_one(somebody: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    somebody.forgive("422")
    envelope = new_message(somebody, demo, address, tmp_path)
    window = envelope.click_opening("Open message")
    window.click("Get a code by mail")
    first = demo.code_for(address)
    wrong = "0000 0000" if first != "0000 0000" else "1111 1111"
    for left in (*(f"{left} more times" for left in range(9, 1, -1)), "once more", "no longer works"):
        window.fill("Code", wrong)
        window.click("Continue")
        window.see(left)

    window.fill("Code", first)
    window.click("Continue")
    window.see("This code no longer works.")
    window.click("Mail me a new code")
    window.see("Type the code from the mail")
    window.fill("Code", demo.code_for(address, other_than=first))
    window.click("Continue")
    window.see("Your name and passphrase")


def test_cancelled_opening_can_be_started_again(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    envelope = new_message(somebody, demo, address, tmp_path)
    envelope.click_opening("Open message").see("Open this message?")
    envelope.click("Cancel")
    until_state(envelope, "ready")

    open_as_newcomer(envelope, demo, address)
    envelope.see_in_frame("What it says.")
