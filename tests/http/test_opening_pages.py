"""The window of an opening: whose mail, who is there, one press; on every level and for every refusal."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update

from envelope.options import Level
from keyserver import messages
from keyserver.db import Database
from keyserver.errors import GoneError
from keyserver.models import Device, Message, Opening, Profile
from keyserver.openings import Released, Waiting, match_code
from tests.factories import Page
from tests.http.steps import NAMES, PASSPHRASE, Browser, ago, result, window

Envelopes = Callable[..., Page]


def test_window_waits_for_the_envelopes_request(browser: Browser) -> None:
    answer = browser.get(f"/open/{uuid4()}")

    assert answer.status_code == 200
    assert "One moment…" in answer.text
    assert answer.headers["Refresh"].startswith("1; url=/open/")


def test_window_stops_waiting_after_a_while(browser: Browser) -> None:
    since = int(datetime.now(UTC).timestamp()) - 21

    answer = browser.get(f"/open/{uuid4()}?since={since}")

    assert answer.status_code == 410
    assert "This window has nothing to open" in answer.text
    assert "Refresh" not in answer.headers


@pytest.mark.parametrize("since", ["99999999999", "-1", "nonsense"])
def test_made_up_beginning_of_the_wait_does_no_harm(browser: Browser, since: str) -> None:
    assert browser.get(f"/open/{uuid4()}?since={since}").status_code in (200, 410)


def test_window_says_whose_mail_it_is_and_shows_the_files_number(
    browser: Browser, envelope: Envelopes
) -> None:
    page = envelope()

    text = browser.get(window(page)).text

    for said in ("Bank A", "Ada", "ada@a.example", "Your statement", "bob@b.example"):
        assert said in text
    assert re.findall(r'class="number">(\d\d)<', text) == [match_code(page.opening, page.public_key)]


def test_window_wears_the_organisations_look(
    browser: Browser, envelope: Envelopes, database: Database
) -> None:
    """S33, S53."""
    text = browser.get(window(envelope())).text

    with database.reading() as db:
        profile = db.scalars(select(Profile)).one()
    assert f'href="/brand/{profile.id}/colours.css"' in text
    assert "/logo" not in text


def test_passphrase_signs_in_and_opens_in_one_go(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S49."""
    page, elsewhere = envelope(), Browser(app)

    answer = elsewhere.post(window(page), {"passphrase": PASSPHRASE})

    assert (answer.status_code, answer.location) == (303, window(page))
    assert "data-opened" in elsewhere.get(window(page)).text
    assert elsewhere.signed_in()
    released = result(database, page)
    assert isinstance(released, Released)
    assert len(page.open(released)) == 32


def test_medium_opens_with_one_press_when_somebody_is_signed_in(
    bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S49."""
    page = envelope()
    assert 'name="passphrase"' not in bob.get(window(page)).text

    assert bob.post(window(page)).status_code == 303

    assert isinstance(result(database, page), Released)


def test_medium_opens_with_one_press_on_a_remembered_computer(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S49."""
    first, second, remembered = envelope(), envelope(), Browser(app)
    remembered.post(window(first), {"passphrase": PASSPHRASE, "remember": "yes"})
    remembered.client.delete_cookie("sealpost-session")

    assert remembered.post(window(second)).status_code == 303

    assert isinstance(result(database, second), Released)


def test_high_asks_for_the_passphrase_each_time(
    bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S48."""
    page = envelope(level=Level.HIGH)
    text = bob.get(window(page)).text
    assert 'name="passphrase"' in text
    assert 'name="remember"' not in text

    refused = bob.post(window(page))

    assert refused.status_code == 422
    assert "Type your passphrase." in refused.text
    assert isinstance(result(database, page), Waiting)
    assert bob.post(window(page), {"passphrase": PASSPHRASE}).status_code == 303
    assert isinstance(result(database, page), Released)


def test_high_does_not_remember_the_computer(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S48."""
    Browser(app).post(window(envelope(level=Level.HIGH)), {"passphrase": PASSPHRASE, "remember": "yes"})

    with database.reading() as db:
        assert list(db.scalars(select(Device))) == []


def test_looking_releases_nothing(bob: Browser, envelope: Envelopes, database: Database) -> None:
    """Mail scanners follow links and run scripts."""
    page = envelope()
    for _ in range(3):
        bob.get(window(page))
        bob.client.head(window(page))

    assert isinstance(result(database, page), Waiting)


def test_wrong_passphrase_and_unknown_person_get_the_same_page(
    app: Flask, bob: Browser, envelope: Envelopes
) -> None:
    pages = []
    for address in ("bob@b.example", "eve@b.example"):
        page = envelope(address)
        looks = Browser(app).get(window(page)).text
        refused = Browser(app).post(window(page), {"passphrase": "not this passphrase"})
        assert refused.status_code == 422
        pages.append(tuple(_without_particulars(text, address) for text in (looks, refused.text)))

    assert pages[0] == pages[1]


def test_first_time_goes_from_code_to_message_in_one_window(
    app: Flask, envelope: Envelopes, database: Database
) -> None:
    page, browser = envelope(level=Level.HIGH), Browser(app)

    typed = browser.post(f"{window(page)}/code").location
    assert "bob@b.example" in browser.get(typed).text
    welcome = browser.post(typed, {"code": browser.code("bob@b.example")}).location
    assert 'name="first_name"' in browser.get(welcome).text
    back = browser.post(welcome, {**NAMES, "passphrase": PASSPHRASE}).location

    text = browser.get(back).text
    assert "Open this message?" in text
    assert 'name="passphrase"' not in text
    assert browser.post(back).status_code == 303
    assert isinstance(result(database, page), Released)


def test_code_mail_names_the_organisation(browser: Browser, envelope: Envelopes) -> None:
    browser.post(f"{window(envelope())}/code")

    assert browser.mails("bob@b.example")[-1].context["organisation"] == "Bank A"


def test_new_language_is_preset_at_the_first_time(browser: Browser, envelope: Envelopes) -> None:
    page = envelope()
    typed = browser.post(f"{window(page)}/code").location
    welcome = browser.post(typed, {"code": browser.code("bob@b.example")}).location

    assert re.search(r'value="en"[^>]* selected', browser.get(welcome).text)


def test_wrong_code_in_the_window_says_how_many_tries_are_left(browser: Browser, envelope: Envelopes) -> None:
    typed = browser.post(f"{window(envelope())}/code").location

    answer = browser.post(typed, {"code": "no code"})

    assert answer.status_code == 422
    assert "You can try 9 more times." in answer.text


def test_weak_passphrase_in_the_window_is_refused(browser: Browser, envelope: Envelopes) -> None:
    typed = browser.post(f"{window(envelope())}/code").location
    welcome = browser.post(typed, {"code": browser.code("bob@b.example")}).location

    answer = browser.post(welcome, {**NAMES, "passphrase": "tiny cat"})

    assert answer.status_code == 422
    assert "too short" in answer.text
    assert "Bank A" in answer.text


def test_many_codes_from_the_window_have_to_wait(browser: Browser, envelope: Envelopes) -> None:
    page = envelope()

    answers = [browser.post(f"{window(page)}/code") for _ in range(6)]

    assert answers[-1].status_code == 429
    assert "Open this message?" in answers[-1].text


def test_proof_of_another_address_sets_nobody_up(browser: Browser, envelope: Envelopes) -> None:
    page = envelope()
    browser.prove("eve@b.example")

    assert browser.get(f"{window(page)}/welcome").location == window(page)
    answer = browser.post(f"{window(page)}/welcome", {**NAMES, "passphrase": PASSPHRASE})
    assert answer.location == window(page)
    assert not browser.signed_in()


def test_somebody_elses_sign_in_opens_nothing(app: Flask, envelope: Envelopes, database: Database) -> None:
    page, eve = envelope(), Browser(app)
    eve.register("eve@b.example")

    for answer in (eve.get(window(page)), eve.post(window(page))):
        assert answer.status_code == 403
        assert "This message is for another address" in answer.text
        assert "bob@b.example" in answer.text

    assert isinstance(result(database, page), Waiting)


def test_somebody_else_can_sign_out_and_come_in_with_the_right_address(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    page, shared = envelope(), Browser(app)
    shared.register("eve@b.example")

    assert shared.post(f"{window(page)}/signout").location == window(page)

    assert shared.post(window(page), {"passphrase": PASSPHRASE}).status_code == 303
    assert isinstance(result(database, page), Released)


def test_locked_message_says_so_and_why(bob: Browser, envelope: Envelopes, database: Database) -> None:
    page = envelope()
    _lock(database, reason="Wrong figures")

    for answer in (bob.get(window(page)), bob.post(window(page))):
        assert answer.status_code == 403
        assert "The sender has locked this message" in answer.text
        assert "Wrong figures" in answer.text


def test_lock_is_not_told_to_who_has_not_signed_in(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    page, elsewhere = envelope(), Browser(app)
    _lock(database, reason="Wrong figures")
    assert "Wrong figures" not in elsewhere.get(window(page)).text

    answer = elsewhere.post(window(page), {"passphrase": PASSPHRASE})

    assert answer.status_code == 403
    assert "Wrong figures" in answer.text
    assert elsewhere.signed_in()


def test_expired_message_says_since_when(bob: Browser, envelope: Envelopes, database: Database) -> None:
    """S121."""
    page = envelope(expires_after=timedelta(hours=1))
    with database.writing() as db:
        db.execute(update(Message).values(expires=datetime(2026, 11, 23, 9, 30, tzinfo=UTC)))

    for answer in (bob.get(window(page)), bob.post(window(page))):
        assert answer.status_code == 403
        assert "This message has expired" in answer.text
        assert 'datetime="2026-11-23T09:30:00+00:00"' in answer.text


def test_old_opening_is_over(bob: Browser, envelope: Envelopes, database: Database) -> None:
    page = envelope()
    with database.writing() as db:
        db.execute(update(Opening).values(expires=ago(minutes=1)))

    assert bob.get(window(page)).status_code == 410
    bob.post(window(page))
    with database.reading() as db:
        assert db.scalars(select(Opening)).one().state == "waiting"


def test_second_press_changes_nothing(bob: Browser, envelope: Envelopes, database: Database) -> None:
    page = envelope()
    bob.post(window(page))

    assert bob.post(window(page)).status_code == 303

    assert "data-opened" in bob.get(window(page)).text
    assert isinstance(result(database, page), Released)


def test_window_stays_at_its_end_after_the_page_has_its_key(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    page = envelope()
    bob.post(window(page))
    result(database, page)

    assert "data-opened" in bob.get(window(page)).text
    assert Browser(app).get(window(page)).status_code == 410
    with pytest.raises(GoneError):
        result(database, page)


def test_two_windows_of_one_message_both_open(bob: Browser, envelope: Envelopes, database: Database) -> None:
    first, second = envelope(), envelope()

    for page in (first, second):
        bob.post(window(page))

    assert isinstance(result(database, first), Released)
    assert isinstance(result(database, second), Released)


def test_posts_to_an_opening_that_never_was_say_so(bob: Browser) -> None:
    for path in ("", "/code", "/welcome"):
        answer = bob.post(f"/open/{uuid4()}{path}")
        assert answer.status_code == 410
        assert "This window has nothing to open" in answer.text


def _lock(database: Database, *, reason: str) -> None:
    with database.writing() as db:
        (message,) = messages.received_by(db, ["bob@b.example"], now=datetime.now(UTC))
        messages.lock(db, message.message_id, actor="ada", reason=reason, now=datetime.now(UTC))


def _without_particulars(text: str, address: str) -> str:
    """A page without the address, the ids and the match code that belong to its one opening."""
    text = text.replace(address, "address")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "id", text)
    return re.sub(r'class="number">\d\d<', "", text)
