"""The list of messages that were sent to a person."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Flask
from sqlalchemy import update

from keyserver import messages
from keyserver.db import Database
from keyserver.models import Message
from tests.factories import Page
from tests.http.steps import Browser, ago, window


def test_inbox_lists_sender_organisation_and_state(bob: Browser, envelope: Callable[..., Page]) -> None:
    envelope()

    page = bob.get("/inbox").text

    assert "Ada" in page
    assert "ada@a.example" in page
    assert "Bank A" in page
    assert "Can be opened" in page
    assert "not opened yet" in page


def test_locked_and_expired_messages_are_named_so(
    bob: Browser, envelope: Callable[..., Page], database: Database
) -> None:
    """S121."""
    envelope(expires_after=timedelta(hours=1), now=ago(hours=0))
    with database.writing() as db:
        db.execute(update(Message).values(expires=ago(minutes=1)))
    assert "Expired" in bob.get("/inbox").text

    with database.writing() as db:
        (message,) = messages.received_by(db, ["bob@b.example"], now=datetime.now(UTC))
        messages.lock(db, message.message_id, actor="ada", reason=None, now=datetime.now(UTC))

    assert "Locked by the sender" in bob.get("/inbox").text


def test_opened_message_shows_when(bob: Browser, envelope: Callable[..., Page]) -> None:
    page = envelope()
    bob.post(window(page))

    text = bob.get("/inbox").text

    assert re.search(r"opened <time datetime=", text)
    assert "not opened yet" not in text


def test_messages_to_others_are_not_listed(bob: Browser, envelope: Callable[..., Page]) -> None:
    envelope("eve@b.example")

    assert "There is nothing here yet." in bob.get("/inbox").text


def test_older_messages_are_a_page_further(bob: Browser, envelope: Callable[..., Page]) -> None:
    for minutes in range(26):
        envelope(now=ago(minutes=minutes))

    first = bob.get("/inbox")
    (older,) = re.findall(r'href="(/inbox\?after=[^"]+)"', first.text)
    second = bob.get(older.replace("&amp;", "&"))

    assert first.text.count("<li>\n    <h2>") == 25
    assert second.text.count("<li>\n    <h2>") == 1
    assert "Older messages" not in second.text


def test_made_up_place_in_the_list_is_no_page(bob: Browser) -> None:
    assert bob.get("/inbox?after=nonsense").status_code == 404


def test_what_senders_write_is_shown_as_text(
    bob: Browser, envelope: Callable[..., Page], database: Database
) -> None:
    envelope()
    with database.writing() as db:
        db.execute(update(Message).values(sender_name="<script>x</script>", subject="<img src=x>"))

    page = bob.get("/inbox").text

    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x" not in page
    assert "<img src=x>" not in page


def test_inbox_is_only_for_who_is_signed_in(app: Flask) -> None:
    answer = Browser(app).get("/inbox")

    assert (answer.status_code, answer.location) == (303, "/signin")
