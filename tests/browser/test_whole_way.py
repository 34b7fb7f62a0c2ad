"""From a mail sent to a message read, in every browser."""

import os
from hashlib import sha256
from pathlib import Path

from demo import samples
from demo.maildirs import text_of
from tests.browser.journey import approve, open_as_newcomer, register
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to, readdressed


def test_mail_is_read_with_its_attachments(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    """S9, S57: sent by SMTP, sealed, mailed, opened from disk, registered, read, saved byte for byte."""
    mail = mail_to(address, "Your offer", "The offer is attached.\n")
    letter, table = bytes(range(256)) * 200, "näme;price\r\nTür;5\r\n".encode()
    mail.add_attachment(
        letter, "application", "vnd.oasis.opendocument.text", filename="Angebot für Zoë №1.odt"
    )
    mail.add_attachment(table, "text", "csv", filename="prices.csv")
    file = demo.send(mail).save(address, tmp_path)

    envelope = person.open(file)
    envelope.see("Secure message", "Ada Moreau", address)
    assert "Your offer" not in envelope.text()
    window = envelope.click_opening("Open message")
    window.see("Open this message?", "Tidewater Mutual")
    code = str(envelope.evaluate("() => document.getElementById('match-code').textContent"))
    assert code in window.text()
    register(window, demo, address)
    approve(window)

    envelope.see("Your offer", "Ada Moreau", "prices.csv")
    assert "The offer is attached." in envelope.see_in_frame("The offer")
    assert envelope.download("Download Angebot für Zoë №1.odt").read_bytes() == letter
    assert envelope.download("Download prices.csv").read_bytes() == table


def test_second_message_needs_one_press_while_signed_in(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S49: level medium."""
    open_as_newcomer(person.open(demo.send(mail_to(address)).save(address, tmp_path)), demo, address)

    second = person.open(demo.send(mail_to(address, "Again", "The second one.")).save(address, tmp_path))
    window = second.click_opening("Open message")
    approve(window)

    second.see("Again")
    second.see_in_frame("The second one.")


def test_message_without_passphrase_opens_at_once(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S50: level none."""
    file = demo.send(mail_to(address, "[no passphrase] A reminder", "On Thursday at ten.")).save(
        address, tmp_path
    )

    envelope = person.open(file)
    envelope.click("Open message")

    envelope.see_in_frame("On Thursday at ten.")
    assert "[no passphrase]" not in envelope.see("A reminder")


def test_message_sealed_with_aes_192_is_read(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """Chromium knows no 192-bit keys; such files bring a cipher of their own. In German, from end to end."""
    mail = mail_to(address, "[192] Befund", "Alle Werte sind im grünen Bereich.")

    envelope = person.open(demo.send(mail).save(address, tmp_path))
    open_as_newcomer(envelope, demo, address)

    envelope.see_in_frame("Alle Werte sind im grünen Bereich.")


def test_large_message_is_read_and_saved_whole(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """14 MB in an attachment: about as much as a notice still carries."""
    mail, plan = mail_to(address, "The plans"), os.urandom(14_000_000)
    mail.add_attachment(plan, "application", "pdf", filename="Plan.pdf")

    envelope = person.open(demo.send(mail).save(address, tmp_path))
    open_as_newcomer(envelope, demo, address)

    envelope.see("The plans")
    saved = envelope.download("Download Plan.pdf")
    assert sha256(saved.read_bytes()).digest() == sha256(plan).digest()


def test_message_too_large_to_attach_comes_by_link(person: Person, demo: Demo, address: str) -> None:
    """S26: 20 MB of attachments."""
    sample = readdressed(samples.large(), address)
    table = next(sample.iter_attachments())

    page = person.open(demo.send(sample).link(address))
    open_as_newcomer(page, demo, address)

    page.see("Moisture April to November.csv", "Chimney.jpg")
    saved = page.download("Download Moisture April to November.csv")
    assert sha256(saved.read_bytes()).digest() == sha256(table.get_payload(decode=True)).digest()


def test_japanese_message_is_read(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    """ISO-2022-JP, as mail programs in Japan still write it."""
    sample = readdressed(dict(samples.samples())["04-japanese"], address)

    envelope = person.open(demo.send(sample).save(address, tmp_path))
    open_as_newcomer(envelope, demo, address)

    envelope.see("海外旅行保険のお手続きが完了しました", "山口 美咲")
    envelope.see_in_frame("楽しいご旅行になりますように。")


def test_code_mail_names_no_message(somebody: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    """What goes through the mailbox in clear is the code alone."""
    envelope = somebody.open(demo.send(mail_to(address, "Your test results")).save(address, tmp_path))
    window = envelope.click_opening("Open message")
    window.click("Get a code by mail")
    demo.code_for(address)

    texts = [text_of(mail.read()) + str(mail.header()["Subject"]) for mail in demo.maildirs.of(address)]
    assert not any("test results" in text for text in texts)
