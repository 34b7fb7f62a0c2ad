"""Whether the sender hears of an opening: once for each recipient, if they asked, and never of a robot."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from envelope.options import Level
from keyserver import accounts, openings
from keyserver.db import Database
from keyserver.models import MessageRecipient, Outbox
from tests.factories import SOURCE, Page, SealedMessage, make_account, make_keyring, make_message, make_person
from tests.http.steps import Browser, window

Make = Callable[..., SealedMessage]
Ask = Callable[..., Page]


@pytest.fixture
def message(database: Database) -> Make:
    """A message of Ada at Bank A, who wants receipts."""

    def make(*recipients: str, **options: Any) -> SealedMessage:
        now = datetime.now(UTC)
        with database.writing() as db:
            account = accounts.named(db, "Bank A") or make_account(db, now=now)
            return make_message(db, account, *recipients, **{"now": now, "receipt": True, **options})

    return make


@pytest.fixture
def ask(database: Database) -> Ask:
    """The page of its envelope, which asks to open it."""

    def ask_for(sealed: SealedMessage, recipient: str = "bob@b.example") -> Page:
        page = Page(sealed, recipient)
        with database.writing() as db:
            openings.ask(db, page.ask(), source=SOURCE, now=datetime.now(UTC), keyring=make_keyring())
        return page

    return ask_for


def receipts(database: Database) -> list[Outbox]:
    """Those that wait to be sent, the oldest first."""
    with database.reading() as db:
        return list(db.scalars(select(Outbox).where(Outbox.name == "receipt").order_by(Outbox.id)))


def test_sender_hears_of_the_first_opening(bob: Browser, message: Make, ask: Ask, database: Database) -> None:
    """S54, S115."""
    sealed = message()

    bob.post(window(ask(sealed)))
    bob.post(window(ask(sealed)))

    (receipt,) = receipts(database)
    assert (receipt.address, receipt.locale) == ("ada@a.example", "de")
    assert receipt.context["recipient"] == "bob@b.example"
    assert receipt.context["proven"] is True
    assert receipt.context["subject"] == "Your statement"
    with database.reading() as db:
        opened = db.scalars(select(MessageRecipient.first_opened)).one()
    assert opened is not None
    assert receipt.context["when"] == opened.isoformat()


def test_sender_hears_of_each_recipient(
    app: Flask, bob: Browser, message: Make, ask: Ask, database: Database
) -> None:
    sealed, eve = message("bob@b.example", "eve@e.example"), Browser(app)
    eve.register("eve@e.example")

    bob.post(window(ask(sealed)))
    eve.post(window(ask(sealed, "eve@e.example")))

    assert [receipt.context["recipient"] for receipt in receipts(database)] == [
        "bob@b.example",
        "eve@e.example",
    ]


def test_sender_who_did_not_ask_hears_nothing(
    bob: Browser, message: Make, ask: Ask, database: Database
) -> None:
    bob.post(window(ask(message(receipt=False))))

    assert receipts(database) == []


def test_sender_who_is_somebody_here_reads_their_own_language(
    bob: Browser, message: Make, ask: Ask, database: Database
) -> None:
    sealed = message()
    with database.writing() as db:
        make_person(db, "ada@a.example", now=datetime.now(UTC))

    bob.post(window(ask(sealed)))

    assert receipts(database)[0].locale == "en"


def test_asking_and_looking_brings_no_receipt(
    bob: Browser, message: Make, ask: Ask, database: Database
) -> None:
    """Design, section 5: what robots do opens nothing."""
    page = ask(message())

    for _ in range(3):
        assert bob.get(window(page)).status_code == 200
        bob.client.head(window(page))

    assert receipts(database) == []


@pytest.mark.parametrize("level", [Level.HIGH, Level.MEDIUM, Level.PROVEN])
def test_recipient_is_told_beforehand(bob: Browser, message: Make, ask: Ask, level: Level) -> None:
    told, untold = ask(message(level=level)), ask(message(level=level, receipt=False))

    assert "The sender is told when you open it." in bob.get(window(told)).text
    assert "The sender is told" not in bob.get(window(untold)).text


def test_receipt_of_a_message_that_asks_nobody_says_so(message: Make, ask: Ask, database: Database) -> None:
    """S51."""
    ask(message(level=Level.NONE))

    (receipt,) = receipts(database)
    assert receipt.context["proven"] is False
