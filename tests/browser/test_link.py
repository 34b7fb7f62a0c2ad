"""The door behind a «Read message» link: for files that are filtered away or too big to mail (S26, S27)."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser.journey import approve, open_as_newcomer, until_state
from tests.browser.person import Person, PlaywrightPerson
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import PlaywrightWindow

TEXT = "The contract is ready."
PLAN = bytes(range(256)) * 20_000


def send(demo: Demo, address: str, *, tag: str = "[link]") -> str:
    return demo.send(mail_to(address, f"{tag} Your contract", TEXT)).link(address)


def message_of(link: str) -> str:
    return link.rpartition("/")[2].partition("#")[0]


def on_the_wire(url: str) -> str:
    """An address without its fragment, which no browser sends."""
    return url.partition("#")[0]


def allow_remembering(demo: Demo) -> None:
    with closing(sqlite3.connect(demo.place.var / "keys.sqlite")) as database, database:
        database.execute("UPDATE message SET remember = 1")


def test_message_is_read_by_its_link(person: Person, demo: Demo, address: str) -> None:
    """S26: nothing is attached; the page fetches the sealed message and opens it."""
    mail = mail_to(address, "[link] Your contract", TEXT)
    mail.add_attachment(PLAN, "application", "octet-stream", filename="Plan.bin")

    page = person.open(demo.send(mail).link(address))
    page.see("Ada Moreau", address, "A window of 127.0.0.1")
    assert "Your contract" not in page.text()
    assert page.axe() == []
    open_as_newcomer(page, demo, address)

    page.see("Your contract", "Plan.bin")
    page.see_in_frame(TEXT)
    assert page.download("Download Plan.bin").read_bytes() == PLAN


def test_link_opens_again_after_a_reload(person: Person, demo: Demo, address: str) -> None:
    """The secret stays in the address line, and is sent to nobody."""
    link = send(demo, address)
    page = person.open(link)
    open_as_newcomer(page, demo, address)

    page.evaluate("() => { location.reload(); }")

    page.see("A window of 127.0.0.1")
    assert page.url() == link
    approve(page.click_opening("Open message"))
    page.see_in_frame(TEXT)


def test_secret_of_the_link_is_sent_to_nobody(somebody: PlaywrightPerson, demo: Demo, address: str) -> None:
    link = send(demo, address, tag="[link, no passphrase]")
    sent: list[str] = []
    page = somebody.new_window()
    assert isinstance(page, PlaywrightWindow)
    page.page.on(
        "request", lambda asked: sent.append(f"{on_the_wire(asked.url)} {asked.headers} {asked.post_data}")
    )

    page.goto(link)
    page.click("Open message")
    page.see_in_frame(TEXT)

    secret = link.partition("#")[2].partition(".")[0]
    assert len(sent) > 4
    assert not [said for said in sent if secret in said]
    log = (demo.place.var / "log" / "keyserver.log").read_text("utf-8")
    assert secret not in log


def test_file_and_link_lead_to_the_same_message(
    somebody: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S26: a profile may have both."""
    delivery = demo.send(mail_to(address, "[both] Your contract", TEXT))
    open_as_newcomer(somebody.open(delivery.save(address, tmp_path)), demo, address)

    page = somebody.open(delivery.link(address))

    approve(page.click_opening("Open message"))
    page.see_in_frame(TEXT)


def test_message_behind_a_link_is_remembered(somebody: Person, demo: Demo, address: str) -> None:
    """S133: where the sender allows it, which the page hears from the key server."""
    link = send(demo, address)
    allow_remembering(demo)
    page = somebody.open(link)
    page.tick("Remember the password for this envelope")
    open_as_newcomer(page, demo, address)
    somebody.end_session(demo.url)

    again = somebody.open(link)
    again.see("This browser remembers this envelope")
    again.click("Open message")

    again.see_in_frame(TEXT)


@pytest.mark.parametrize("kept", ["", "#", "#half", "secret", "recipient"])
def test_incomplete_link_says_so(somebody: Person, demo: Demo, address: str, kept: str) -> None:
    """A link with half a fragment."""
    link = send(demo, address)
    place, _, fragment = link.partition("#")
    ends = {"#half": f"#{fragment[:20]}", "secret": "#" + fragment.split(".")[0]}
    if kept == "recipient":
        ends["recipient"] = "#." + fragment.split(".")[1]

    page = somebody.open(place + ends.get(kept, kept))

    until_state(page, "link-incomplete")
    page.see("This link is incomplete", "Copy it whole from the mail")
    assert "Try again" not in page.text()
    assert page.axe() == []


def test_locked_message_says_so_behind_its_link(person: Person, demo: Demo, address: str) -> None:
    link = send(demo, address)
    demo.sealpost("message", "lock", message_of(link), "--reason", "Sent to the wrong Nora.")
    person.forgive("403")

    page = person.open(link)
    until_state(page, "locked")
    page.see("The sender has locked this message", "Sent to the wrong Nora.")

    demo.sealpost("message", "unlock", message_of(link))
    page.click("Try again")
    page.see("Ada Moreau", "A window of 127.0.0.1")


def test_expired_message_says_so_behind_its_link(somebody: Person, demo: Demo, address: str) -> None:
    link = send(demo, address)
    demo.sealpost("message", "expire", message_of(link), "2026-01-31T12:00:00Z")
    somebody.forgive("403")

    page = somebody.open(link)

    until_state(page, "expired")
    assert "2026" in page.see("This message has expired", "ask the sender")


def test_link_to_no_message_says_what_to_do(somebody: Person, demo: Demo, address: str) -> None:
    link = send(demo, address)
    somebody.forgive("404")

    page = somebody.open(link.replace(message_of(link), str(uuid4())))

    until_state(page, "not-found")
    page.see("does not know this message", "Ask the sender to send it again.")


def test_copy_that_is_gone_says_what_to_do(somebody: Person, demo: Demo, address: str) -> None:
    link = send(demo, address)
    shutil.rmtree(demo.place.var / "copies")
    somebody.forgive("410")

    page = somebody.open(link)

    until_state(page, "no-copy")
    page.see("not kept here any more", "securedoc.html")
