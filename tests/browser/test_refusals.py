"""What somebody is told who cannot open: every state of the envelope that is not the message."""

import re
from pathlib import Path

import pytest

from tests.browser.journey import approve, open_as_newcomer, register, state, until_state
from tests.browser.person import Person, PlaywrightPerson
from tests.browser.stack import Demo, mail_to, message_id, moved
from tests.browser.windows import wait_for


def test_locked_message_says_so_and_why(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    file = demo.send(mail_to(address)).save(address, tmp_path)
    demo.sealpost("message", "lock", message_id(file), "--reason", "Sent to the wrong Nora.")
    person.forgive("403")

    envelope = person.open(file)
    envelope.click("Open message")
    until_state(envelope, "locked")

    envelope.see("The sender has locked this message", "Sent to the wrong Nora.", "Ada Moreau")
    demo.sealpost("message", "unlock", message_id(file))
    window = envelope.click_opening("Try again")
    register(window, demo, address)
    approve(window)
    until_state(envelope, "open")


def test_expired_message_says_since_when(somebody: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    file = demo.send(mail_to(address)).save(address, tmp_path)
    demo.sealpost("message", "expire", message_id(file), "2026-01-31T12:00:00Z")
    somebody.forgive("403")

    envelope = somebody.open(file)
    envelope.click("Open message")
    until_state(envelope, "expired")

    assert "2026" in envelope.see("This message has expired", "Ada Moreau")


def test_message_locked_while_signing_in_is_not_released(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    file = demo.send(mail_to(address)).save(address, tmp_path)
    somebody.forgive("403")
    envelope = somebody.open(file)
    window = envelope.click_opening("Open message")
    register(window, demo, address)
    window.see("Open this message?")
    demo.sealpost("message", "lock", message_id(file))

    # The file asks every few seconds, and closes the window where it hears of the lock before the press.
    press = "() => document.querySelector('main button.primary')?.click()"
    wait_for(lambda: state(envelope) == "locked" or window.evaluate(press), "the lock", instead=envelope.text)

    envelope.see("The sender has locked this message")


def test_file_made_for_somebody_else_does_not_open(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """A changed recipient: the key server knows for whom it was made."""
    file = demo.send(mail_to(address)).save(address, tmp_path)
    file.write_text(
        file.read_text("ascii").replace(f'"recipient":"{address}"', '"recipient":"eve@post.example"')
    )
    somebody.forgive("403")

    envelope = somebody.open(file)
    envelope.click("Open message")
    until_state(envelope, "not-a-recipient")

    envelope.see("This message is for another address", "eve@post.example")


@pytest.mark.parametrize("part", ["payload", "data"])
def test_altered_file_is_told_from_a_wrong_key(
    person: Person, demo: Demo, address: str, tmp_path: Path, part: str
) -> None:
    """Nobody is asked to sign in for a file that a mail filter broke."""
    file = demo.send(mail_to(address)).save(address, tmp_path)
    text = file.read_text("ascii")
    where = text.rindex('value="') + 300 if part == "payload" else text.index('"digest":"') + 12
    flipped = "A" if text[where] != "A" else "B"
    file.write_text(text[:where] + flipped + text[where + 1 :], "ascii")

    envelope = person.open(file)
    until_state(envelope, "altered")

    envelope.see("This file was changed on its way to you", "Ada Moreau")


def test_truncated_file_says_that_it_is_altered(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    file = demo.send(mail_to(address)).save(address, tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[: content.rindex(b'value="') + 200])

    envelope = somebody.open(file)

    until_state(envelope, "altered")


def test_unreachable_key_server_is_named(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    file = demo.send(mail_to(address, "[no passphrase] Reminder")).save(address, tmp_path)
    file.write_text(moved(file, demo.url, "http://127.0.0.1:4"), "ascii")
    person.forgive("ERR_UNSAFE_PORT", "ERR_CONNECTION_REFUSED", "127.0.0.1:4")

    envelope = person.open(file)
    envelope.click("Open message")
    until_state(envelope, "unreachable")

    envelope.see("127.0.0.1:4 does not answer")


def test_offline_is_said_before_anything_is_tried(
    somebody: PlaywrightPerson, demo: Demo, address: str, tmp_path: Path
) -> None:
    envelope = somebody.open(demo.send(mail_to(address)).save(address, tmp_path))
    somebody.set_offline(offline=True)
    envelope.click("Open message")
    until_state(envelope, "offline")

    envelope.see("You are offline")
    somebody.set_offline(offline=False)
    window = envelope.click_opening("Try again")
    register(window, demo, address)
    approve(window)
    until_state(envelope, "open")


def test_unknown_message_says_to_ask_for_it_again(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """A wrong secret and a removed message look alike to the key server, and so to everybody."""
    file = demo.send(mail_to(address)).save(address, tmp_path)
    text = file.read_text("ascii")
    secret = re.search(r'"secret":"([\w-]{43})"', text)
    assert secret is not None
    file.write_text(text.replace(secret[1], "A" * 43), "ascii")
    somebody.forgive("404")

    envelope = somebody.open(file)
    envelope.click("Open message")
    until_state(envelope, "not-found")

    envelope.see("does not know this message")


def test_refused_message_that_was_open_before_stays_closed(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    file = demo.send(mail_to(address)).save(address, tmp_path)
    open_as_newcomer(somebody.open(file), demo, address)
    demo.sealpost("message", "lock", message_id(file))
    somebody.forgive("403")

    again = somebody.open(file)
    again.click("Open message")

    until_state(again, "locked")
