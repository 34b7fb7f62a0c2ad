"""Opening by a mailed code: no names, no passphrase; on which levels, for how long, and for whom not."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from envelope.options import Level
from keyserver import messages, people
from keyserver.db import Database
from keyserver.models import AuditEntry, Device, Message, Person
from keyserver.openings import Released, Waiting, match_code
from tests.factories import Page
from tests.http.steps import NAMES, PASSPHRASE, Browser, result, window

Envelopes = Callable[..., Page]
BY_CODE = [
    {"level": Level.PROVEN},
    {"level": Level.MEDIUM, "mailed_code": True},
]


def ask(browser: Browser, page: Page) -> str:
    """Where the code is typed that was mailed to the recipient."""
    answer = browser.post(f"{window(page)}/code")
    assert answer.status_code == 303, answer.text
    return answer.location


def open_by_code(browser: Browser, page: Page, address: str = "bob@b.example") -> None:
    answer = browser.post(ask(browser, page), {"code": browser.code(address)})
    assert (answer.status_code, answer.location) == (303, window(page))


def released(database: Database) -> list[dict[str, Any]]:
    """What the trail says of releases."""
    with database.reading() as db:
        found = select(AuditEntry.data).where(AuditEntry.event == "message released")
        return [json.loads(data) for data in db.scalars(found.order_by(AuditEntry.number))]


@pytest.mark.parametrize("options", BY_CODE)
def test_one_mailed_code_opens_for_somebody_never_here_before(
    browser: Browser, envelope: Envelopes, database: Database, options: dict[str, Any]
) -> None:
    """S13, S14: from click to reading in one window, without registering."""
    page = envelope(**options)
    first = browser.get(window(page)).text
    assert first.index("Get a code by mail") < first.index("Use my passphrase instead")

    open_by_code(browser, page)

    assert "data-opened" in browser.get(window(page)).text
    found = result(database, page)
    assert isinstance(found, Released)
    assert len(page.open(found)) == 32
    assert found.offer == "passphrase"
    assert len(browser.mails("bob@b.example")) == 1
    with database.reading() as db:
        assert list(db.scalars(select(Person))) == []


def test_code_page_says_whose_mail_for_whom_and_the_files_number(
    browser: Browser, envelope: Envelopes
) -> None:
    page = envelope(level=Level.PROVEN)

    text = browser.get(ask(browser, page)).text

    for said in ("Bank A", "Ada", "ada@a.example", "bob@b.example"):
        assert said in text
    assert re.findall(r'class="number">(\d\d)<', text) == [match_code(page.opening, page.public_key)]
    assert '<button class="primary">Open message</button>' in text
    assert re.search(r'<input id="code"[^>]* inputmode="numeric" autocomplete="one-time-code"', text)


def test_wrong_code_opens_nothing(browser: Browser, envelope: Envelopes, database: Database) -> None:
    page = envelope(level=Level.PROVEN)

    answer = browser.post(ask(browser, page), {"code": "no code"})

    assert answer.status_code == 422
    assert "You can try 9 more times." in answer.text
    assert "Bank A" in answer.text
    assert isinstance(result(database, page), Waiting)


def test_code_page_shows_nothing_more_to_who_only_looks(
    browser: Browser, envelope: Envelopes, database: Database
) -> None:
    """Mail scanners follow links."""
    page = envelope(level=Level.PROVEN)
    typed = ask(browser, page)

    for _ in range(20):
        browser.get(typed)
        browser.client.head(typed)

    assert isinstance(result(database, page), Waiting)
    assert browser.post(typed, {"code": browser.code("bob@b.example")}).location == window(page)


@pytest.mark.parametrize("options", BY_CODE)
def test_next_message_needs_one_press_for_half_an_hour(
    browser: Browser, envelope: Envelopes, database: Database, options: dict[str, Any]
) -> None:
    open_by_code(browser, envelope(**options))
    second = envelope(**options)

    text = browser.get(window(second)).text
    assert "Get a code by mail" not in text
    assert 'name="passphrase"' not in text
    assert browser.post(window(second)).status_code == 303

    assert isinstance(result(database, second), Released)
    assert [one["shown"] for one in released(database)] == ["code", "code"]


def test_proof_is_not_carried_to_another_browser(
    app: Flask, browser: Browser, envelope: Envelopes, database: Database
) -> None:
    open_by_code(browser, envelope(level=Level.PROVEN))
    second, elsewhere = envelope(level=Level.PROVEN), Browser(app)

    assert "Get a code by mail" in elsewhere.get(window(second)).text
    assert elsewhere.post(window(second)).status_code == 422

    assert isinstance(result(database, second), Waiting)


def test_proof_of_one_address_opens_no_message_to_another(
    browser: Browser, envelope: Envelopes, database: Database
) -> None:
    open_by_code(browser, envelope(level=Level.PROVEN))
    eves = envelope("eve@b.example", level=Level.PROVEN)

    assert browser.post(window(eves)).status_code == 422

    assert isinstance(result(database, eves), Waiting)


def test_code_of_another_address_opens_nothing(
    browser: Browser, envelope: Envelopes, database: Database
) -> None:
    """A flow's address is typed into this window's: what counts is whom the code was mailed to."""
    page = envelope(level=Level.PROVEN)
    flow = browser.ask_code("eve@b.example").rpartition("/")[2]

    answer = browser.post(f"{window(page)}/code/{flow}", {"code": browser.code("eve@b.example")})

    assert answer.location == window(page)
    assert isinstance(result(database, page), Waiting)


@pytest.mark.parametrize(
    "options", [{"level": Level.HIGH}, {"level": Level.HIGH, "mailed_code": True}, {"level": Level.MEDIUM}]
)
def test_code_alone_is_not_enough_elsewhere(
    browser: Browser, envelope: Envelopes, database: Database, options: dict[str, Any]
) -> None:
    """S12, S48: who was never here registers first; at level high always the passphrase."""
    page = envelope(**options)
    typed = ask(browser, page)
    assert '<button class="primary">Continue</button>' in browser.get(typed).text

    answer = browser.post(typed, {"code": browser.code("bob@b.example")})

    assert answer.location == f"{window(page)}/welcome"
    assert browser.post(window(page)).status_code == 422
    assert isinstance(result(database, page), Waiting)


def test_registered_person_can_use_the_passphrase_instead(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    page, elsewhere = envelope(level=Level.PROVEN), Browser(app)

    wrong = elsewhere.post(window(page), {"passphrase": "not this passphrase"})
    assert wrong.status_code == 422
    assert '<details class="more" open>' in wrong.text
    assert elsewhere.post(window(page), {"passphrase": PASSPHRASE}).status_code == 303

    found = result(database, page)
    assert isinstance(found, Released)
    assert found.offer is None
    assert [one["shown"] for one in released(database)] == ["passphrase"]


@pytest.mark.parametrize("options", BY_CODE)
def test_session_or_remembered_computer_opens_with_one_press(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database, options: dict[str, Any]
) -> None:
    """S49."""
    first, second, remembered = envelope(**options), envelope(**options), Browser(app)
    bob.post(window(first))
    remembered.sign_in("bob@b.example", remember="yes")
    remembered.client.delete_cookie("sealpost-session")

    assert "Get a code by mail" not in remembered.get(window(second)).text
    remembered.post(window(second))

    assert [one["shown"] for one in released(database)] == ["session", "device"]
    assert all(isinstance(result(database, page), Released) for page in (first, second))


def test_code_opens_for_a_registered_person_too_and_offers_nothing(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    page, elsewhere = envelope(level=Level.PROVEN), Browser(app)

    open_by_code(elsewhere, page)

    found = result(database, page)
    assert isinstance(found, Released)
    assert found.offer is None
    assert not elsewhere.signed_in()
    assert "Choose a passphrase" not in elsewhere.get(window(page)).text


def test_code_never_signs_in(browser: Browser, envelope: Envelopes) -> None:
    open_by_code(browser, envelope(level=Level.PROVEN))

    assert browser.get("/inbox").location == "/signin"
    assert browser.get("/profile").location == "/signin"


def test_passphrase_is_offered_afterwards_and_can_be_set(
    app: Flask, browser: Browser, envelope: Envelopes, database: Database
) -> None:
    """The offer, not the demand."""
    page = envelope(level=Level.PROVEN)
    open_by_code(browser, page)
    assert 'href="/welcome"' in browser.get(window(page)).text

    assert browser.get("/welcome").status_code == 200
    answer = browser.post("/welcome", {**NAMES, "passphrase": PASSPHRASE})

    assert answer.location == "/inbox"
    assert Browser(app).sign_in("bob@b.example").status_code == 303


def test_new_passphrase_ends_the_proof_of_other_browsers(
    app: Flask, browser: Browser, envelope: Envelopes, database: Database
) -> None:
    other = Browser(app)
    open_by_code(other, envelope(level=Level.PROVEN))
    browser.register("bob@b.example")
    page = envelope(level=Level.PROVEN)

    assert other.post(window(page)).status_code == 422

    assert isinstance(result(database, page), Waiting)


def test_locked_message_is_told_to_who_proved_the_address(
    browser: Browser, envelope: Envelopes, database: Database
) -> None:
    page = envelope(level=Level.PROVEN)
    typed = ask(browser, page)
    with database.writing() as db:
        (message,) = messages.received_by(db, ["bob@b.example"], now=datetime.now(UTC))
        messages.lock(db, message.message_id, actor="ada", reason="Wrong figures", now=datetime.now(UTC))
    assert "Wrong figures" not in browser.get(window(page)).text

    answer = browser.post(typed, {"code": browser.code("bob@b.example")})

    assert answer.status_code == 403
    assert "Wrong figures" in answer.text
    assert "Wrong figures" in browser.get(window(page)).text


def test_code_is_not_mailed_for_an_opening_that_is_over(
    browser: Browser, envelope: Envelopes, database: Database
) -> None:
    page = envelope(level=Level.PROVEN)
    open_by_code(browser, page)

    assert browser.post(f"{window(page)}/code").location == window(page)

    assert len(browser.mails("bob@b.example")) == 1


def test_link_in_the_mail_leads_back_to_the_window(app: Flask, browser: Browser, envelope: Envelopes) -> None:
    """In the browser that asked; elsewhere it stays a page that names nobody."""
    typed = ask(browser, envelope(level=Level.PROVEN))
    link = f"/code/{typed.rpartition('/')[2]}"

    assert browser.get(link).location == typed

    elsewhere = Browser(app).get(link)
    assert elsewhere.status_code == 200
    assert "bob@b.example" not in elsewhere.text


@pytest.mark.parametrize("place", ["window", "portal"])
def test_deactivated_persons_address_proves_nothing(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database, place: str
) -> None:
    """Told so only to who reads that mailbox; the code is used up by it."""
    page, elsewhere = envelope(level=Level.PROVEN), Browser(app)
    deactivate(database)
    typed = ask(elsewhere, page) if place == "window" else elsewhere.ask_code("bob@b.example")
    code = {"code": elsewhere.code("bob@b.example")}
    assert elsewhere.get(typed).status_code == 200

    answer = elsewhere.post(typed, code)

    assert answer.status_code == 403
    assert "This address can no longer be used here" in answer.text
    assert "This code no longer works." in elsewhere.post(typed, code).text
    assert isinstance(result(database, page), Waiting)
    assert elsewhere.get("/welcome").location == "/code"


def test_deactivation_ends_a_proof(browser: Browser, envelope: Envelopes, database: Database) -> None:
    browser.register("bob@b.example")
    browser.post("/signout")
    open_by_code(browser, envelope(level=Level.PROVEN))
    page = envelope(level=Level.PROVEN)
    deactivate(database)

    assert browser.post(window(page)).status_code == 422

    assert isinstance(result(database, page), Waiting)


def test_deactivated_person_cannot_register_anew(browser: Browser, database: Database, app: Flask) -> None:
    browser.register("bob@b.example")
    elsewhere = Browser(app)
    elsewhere.prove("bob@b.example")
    deactivate(database)

    answer = elsewhere.post("/welcome", {**NAMES, "passphrase": PASSPHRASE})

    assert answer.location == "/code"
    assert not elsewhere.signed_in()


def test_level_none_says_that_nobody_was_proven(envelope: Envelopes, database: Database) -> None:
    """S50."""
    envelope(level=Level.NONE)

    (entry,) = released(database)
    assert (entry["shown"], entry["person"]) == ("nothing", None)


def test_high_ignores_a_remembered_computer(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S48, and not even `mailed_code` changes it."""
    page, remembered = envelope(level=Level.HIGH, mailed_code=True), Browser(app)
    remembered.sign_in("bob@b.example", remember="yes")
    remembered.client.delete_cookie("sealpost-session")

    assert 'name="passphrase"' in remembered.get(window(page)).text
    assert remembered.post(window(page)).status_code == 422
    assert isinstance(result(database, page), Waiting)
    assert remembered.post(window(page), {"passphrase": PASSPHRASE}).status_code == 303

    assert isinstance(result(database, page), Released)
    with database.reading() as db:
        assert len(list(db.scalars(select(Device)))) == 1


def test_answer_says_until_when_the_message_can_be_opened(
    bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S121, S143."""
    page, end = envelope(expires_after=timedelta(hours=1)), datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    with database.writing() as db:
        db.execute(update(Message).values(expires=end))
    bob.post(window(page))

    found = result(database, page)

    assert isinstance(found, Released)
    assert found.expires == end


def deactivate(database: Database) -> None:
    with database.writing() as db:
        person = people.person_of(db, "bob@b.example")
        assert person is not None
        people.set_active(db, person, active=False, now=datetime.now(UTC))
