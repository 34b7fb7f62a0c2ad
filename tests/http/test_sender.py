"""What senders see of their own messages, and nobody else does."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import update

from envelope.options import Level
from keyserver import accounts, messages, openings, people
from keyserver.db import Database
from keyserver.models import Message, MessageRecipient
from tests.factories import SOURCE, Page, SealedMessage, make_account, make_keyring, make_message
from tests.http.steps import Browser, ago, window

Make = Callable[..., SealedMessage]
NONE_PROVES = "This message asks nobody to show who they are."


@pytest.fixture
def message(database: Database) -> Make:
    """A message that Ada sent."""

    def make(*recipients: str, **options: Any) -> SealedMessage:
        now = datetime.now(UTC)
        with database.writing() as db:
            account = accounts.named(db, "Bank A") or make_account(db, now=now)
            return make_message(db, account, *recipients, **{"now": now, **options})

    return make


@pytest.fixture
def ada(browser: Browser) -> Browser:
    browser.register("ada@a.example")
    return browser


@pytest.fixture
def opened(app: Flask, database: Database) -> Callable[..., None]:
    """A recipient opens a message."""

    def open_it(sealed: SealedMessage, recipient: str = "bob@b.example") -> None:
        page, browser = Page(sealed, recipient), Browser(app)
        with database.writing() as db:
            openings.ask(db, page.ask(), source=SOURCE, now=datetime.now(UTC), keyring=make_keyring())
        browser.register(recipient)
        browser.post(window(page))

    return open_it


def shown(text: str) -> str:
    """What a person reads of a page, in one line."""
    main = re.findall(r"<main.*?</main>", text, re.DOTALL)[0]
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())


def test_sent_messages_are_listed_the_newest_first(
    ada: Browser, message: Make, opened: Callable[..., None]
) -> None:
    sealed = message("bob@b.example", "carol@c.example", "dan@d.example")
    opened(sealed)
    message("eve@e.example", subject=None)

    text = shown(ada.get("/sent").text)

    assert text.index("eve@e.example") < text.index("bob@b.example and 2 more")
    assert "Your statement" in text
    assert "opened by 1 of 3" in text
    assert "not opened yet" in text


def test_sender_sees_who_opened_it_and_when(
    ada: Browser, message: Make, opened: Callable[..., None], database: Database
) -> None:
    sealed = message("bob@b.example", "carol@c.example")
    opened(sealed)

    once = shown(ada.get(f"/sent/{sealed.id}").text)
    with database.writing() as db:
        later = datetime.now(UTC) + timedelta(days=1)
        db.execute(
            update(MessageRecipient)
            .where(MessageRecipient.address == "bob@b.example")
            .values(last_opened=later)
        )
    again = shown(ada.get(f"/sent/{sealed.id}").text)

    assert re.search(r"bob@b\.example opened .* carol@c\.example not opened yet", once)
    assert re.search(r"bob@b\.example first opened .* last opened .* carol@c\.example not opened yet", again)


def test_bcc_recipients_are_the_senders_to_see(ada: Browser, message: Make) -> None:
    """D10."""
    sealed = message(recipients={"bob@b.example": True, "ann@c.example": False})

    text = shown(ada.get(f"/sent/{sealed.id}").text)

    assert "ann@c.example Hidden from the others" in text
    assert "bob@b.example not opened yet" in text
    assert "bob@b.example and 1 more" in shown(ada.get("/sent").text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"level": Level.HIGH}, "with their passphrase, typed each time"),
        ({"level": Level.MEDIUM}, "with their passphrase, or on a computer that is remembered."),
        ({"level": Level.MEDIUM, "mailed_code": True}, "remembered, or with a code that we mail"),
        ({"level": Level.PROVEN}, "with a code that we mail to their address, without a passphrase"),
        ({"level": Level.NONE}, "Everybody who has the file or the link can open it."),
        ({"online": True}, "They may have this server open it for them, which then sees the text."),
        ({"online": False}, "this server never sees the text"),
        ({"remember": True}, "They may keep this message on their computer"),
        ({"receipt": True}, "You get a mail when one of them opens it for the first time"),
    ],
)
def test_sender_reads_what_was_allowed(
    ada: Browser, message: Make, options: dict[str, Any], said: str
) -> None:
    """S48 to S51, S54, S133."""
    sealed = message(**options)

    assert said in shown(ada.get(f"/sent/{sealed.id}").text)


def test_what_was_not_allowed_is_not_said(ada: Browser, message: Make) -> None:
    """S48: at level high nothing is remembered, whatever was asked."""
    sealed = message(level=Level.HIGH, remember=True)

    text = shown(ada.get(f"/sent/{sealed.id}").text)

    assert "keep this message" not in text
    assert "You get a mail" not in text


@pytest.mark.parametrize("level", Level)
def test_sender_is_told_where_nobody_proves_who_they_are(ada: Browser, message: Make, level: Level) -> None:
    """S51: at level none an opening may be a mail filter's."""
    sealed = message(level=level)

    assert (NONE_PROVES in shown(ada.get(f"/sent/{sealed.id}").text)) is (level is Level.NONE)


def test_sender_sees_lock_and_expiry(ada: Browser, message: Make, database: Database) -> None:
    """S121, S124."""
    locked, expired = message(), message(expires_after=timedelta(hours=1), now=ago(days=1))
    with database.writing() as db:
        messages.lock(db, locked.id, actor="ada", reason="Wrong figures", now=datetime.now(UTC))

    assert "Wrong figures" in shown(ada.get(f"/sent/{locked.id}").text)
    assert "Expired" in shown(ada.get(f"/sent/{expired.id}").text)
    listed = shown(ada.get("/sent").text)
    assert "Locked" in listed
    assert "Expired" in listed


def test_others_messages_are_as_if_they_were_not_there(app: Flask, message: Make) -> None:
    """One answer: who asks does not learn whether it exists, a recipient of it included."""
    sealed, bob = message("bob@b.example"), Browser(app)
    bob.register("bob@b.example")

    foreign, unknown = bob.get(f"/sent/{sealed.id}"), bob.get(f"/sent/{uuid4()}")

    assert foreign.status_code == unknown.status_code == 404
    assert shown(foreign.text) == shown(unknown.text)
    assert "There is nothing here yet." in bob.get("/sent").text


def test_messages_from_every_address_of_a_person_are_listed(
    ada: Browser, message: Make, database: Database
) -> None:
    message("bob@b.example")
    desk = message("carol@c.example", sender="desk@a.example")
    with database.writing() as db:
        person = people.person_of(db, "ada@a.example")
        assert person is not None
        people.prove_address(db, person, "desk@a.example", now=datetime.now(UTC))

    text = shown(ada.get("/sent").text)

    assert "From ada@a.example" in text
    assert "From desk@a.example" in text
    assert "carol@c.example" in shown(ada.get(f"/sent/{desk.id}").text)


def test_older_messages_are_a_page_further(ada: Browser, message: Make) -> None:
    for minutes in range(26):
        message(now=ago(minutes=minutes))

    first = ada.get("/sent")
    (older,) = re.findall(r'href="(/sent\?after=[^"]+)"', first.text)
    second = ada.get(older.replace("&amp;", "&"))

    assert first.text.count("<li>\n    <h2>") == 25
    assert second.text.count("<li>\n    <h2>") == 1
    assert "Older messages" not in second.text
    assert ada.get("/sent?after=nonsense").status_code == 404


def test_what_was_written_is_shown_as_text(ada: Browser, message: Make, database: Database) -> None:
    sealed = message()
    with database.writing() as db:
        db.execute(update(Message).values(sender_name="<script>x</script>", subject="<img src=x>"))

    for path in ("/sent", f"/sent/{sealed.id}"):
        text = ada.get(path).text
        assert "&lt;img src=x&gt;" in text
        assert "<img src=x>" not in text
        assert "<script>x" not in text


def test_only_who_sends_or_could_finds_the_way_there(app: Flask, message: Make, database: Database) -> None:
    message(sender="ada@a.example")
    link = 'href="/sent"'
    people_by_address = {}
    for address in ("ada@a.example", "new@a.example", "bob@b.example"):
        people_by_address[address] = Browser(app)
        people_by_address[address].register(address)

    found = {address: link in browser.get("/inbox").text for address, browser in people_by_address.items()}

    assert found == {"ada@a.example": True, "new@a.example": True, "bob@b.example": False}


def test_sent_messages_are_only_for_who_is_signed_in(app: Flask) -> None:
    for path in ("/sent", f"/sent/{uuid4()}"):
        answer = Browser(app).get(path)
        assert (answer.status_code, answer.location) == (303, "/signin")
