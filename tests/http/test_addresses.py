"""One person, several addresses; one mailbox, several people: proven where they are needed, and listed."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask

from envelope.options import Level
from keyserver import people
from keyserver.db import Database
from keyserver.openings import Released, Waiting
from tests.factories import Page
from tests.http.steps import NAMES, NEW_PASSPHRASE, PASSPHRASE, Browser, result, window

Envelopes = Callable[..., Page]
TEAM = "team@b.example"
PLUS = "bob+bank@b.example"


def code_page(browser: Browser, page: Page) -> tuple[str, dict[str, str]]:
    """Where the code is typed after «This is my address too», and what its form holds already."""
    answer = browser.post(f"{window(page)}/code")
    assert answer.status_code == 303, answer.text
    hidden = re.search(r'name="adds_to" value="([^"]+)"', browser.get(answer.location).text)
    return answer.location, {"adds_to": hidden[1]} if hidden else {}


def add_in_window(browser: Browser, page: Page, address: str) -> str:
    """Where one stands after the code."""
    typed, hidden = code_page(browser, page)
    answer = browser.post(typed, {**hidden, "code": browser.code(address)})
    assert answer.status_code == 303, answer.text
    return answer.location


def add_in_profile(browser: Browser, address: str) -> None:
    typed = browser.post("/addresses", {"address": address}).location
    answer = browser.post(typed, {"code": browser.code(address)})
    assert (answer.status_code, answer.location) == (303, "/profile"), answer.text


def addresses(database: Database, address: str = "bob@b.example") -> list[str]:
    with database.reading() as db:
        person = people.person_of(db, address)
        assert person is not None
        return people.addresses_of(db, person)


@pytest.mark.parametrize("options", [{"level": Level.MEDIUM}, {"level": Level.PROVEN}])
@pytest.mark.parametrize("address", [TEAM, PLUS])
def test_address_is_proven_there_and_then(
    bob: Browser, envelope: Envelopes, database: Database, address: str, options: dict[str, Level]
) -> None:
    """Mail that is forwarded by itself, to a plus-address, or to a shared mailbox reaches the same person."""
    page = envelope(address, **options)
    stranger = bob.get(window(page))
    assert stranger.status_code == 403
    assert address in stranger.text
    assert "This is my address too" in stranger.text

    assert add_in_window(bob, page, address) == window(page)

    assert "data-opened" in bob.get(window(page)).text
    assert isinstance(result(database, page), Released)
    assert addresses(database) == ["bob@b.example", address]


def test_next_message_to_a_further_address_needs_one_press(
    bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S49."""
    add_in_profile(bob, TEAM)
    page = envelope(TEAM)

    assert "Open this message?" in bob.get(window(page)).text
    assert bob.post(window(page)).status_code == 303

    assert isinstance(result(database, page), Released)


def test_high_asks_the_persons_own_passphrase_for_a_further_address(
    bob: Browser, envelope: Envelopes, database: Database
) -> None:
    """S48."""
    page = envelope(TEAM, level=Level.HIGH)

    assert add_in_window(bob, page, TEAM) == window(page)
    text = bob.get(window(page)).text
    assert 'name="passphrase"' in text
    assert 'value="bob@b.example" autocomplete="username"' in text
    assert "Get a code by mail" not in text
    assert isinstance(result(database, page), Waiting)
    bob.post(window(page), {"passphrase": PASSPHRASE})

    assert isinstance(result(database, page), Released)


def test_code_adds_no_address_to_somebody_who_did_not_say_so(
    app: Flask, browser: Browser, envelope: Envelopes, database: Database
) -> None:
    """Whoever typed a code beside another tab, in which somebody signed in meanwhile, opens and no more."""
    Browser(app).register("bob@b.example")
    page = envelope(TEAM, level=Level.PROVEN)
    typed, hidden = code_page(browser, page)
    assert hidden == {}
    browser.sign_in("bob@b.example")

    browser.post(typed, {"code": browser.code(TEAM)})

    assert isinstance(result(database, page), Released)
    assert addresses(database) == ["bob@b.example"]


def test_code_adds_the_address_to_nobody_else(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    Browser(app).register("eve@b.example")
    page = envelope(TEAM)
    typed, hidden = code_page(bob, page)
    bob.sign_in("eve@b.example")

    bob.post(typed, {**hidden, "code": bob.code(TEAM)})

    assert addresses(database, "eve@b.example") == ["eve@b.example"]
    assert isinstance(result(database, page), Waiting)


def test_wrong_code_adds_nothing(bob: Browser, envelope: Envelopes, database: Database) -> None:
    typed, hidden = code_page(bob, envelope(TEAM))

    answer = bob.post(typed, {**hidden, "code": "no code"})

    assert answer.status_code == 422
    assert 'name="adds_to"' in answer.text
    assert addresses(database) == ["bob@b.example"]


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH, Level.PROVEN])
def test_who_signs_in_with_another_address_can_do_so_in_the_window(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database, level: Level
) -> None:
    """Then the same: a code to the envelope's address opens; the passphrase was typed already (S48)."""
    page, elsewhere = envelope(TEAM, level=level), Browser(app)
    assert f'href="{window(page)}/signin"' in elsewhere.get(window(page)).text
    form = elsewhere.get(f"{window(page)}/signin").text
    assert TEAM in form
    assert re.search(r'<input id="address"[^>]* type="email" inputmode="email" autocomplete="username"', form)

    signed_in = {"address": "bob@b.example", "passphrase": PASSPHRASE}
    assert elsewhere.post(f"{window(page)}/signin", signed_in).location == window(page)
    assert "This is my address too" in elsewhere.get(window(page)).text
    add_in_window(elsewhere, page, TEAM)

    assert isinstance(result(database, page), Released)


def test_sign_in_in_the_window_opens_at_once_when_the_address_is_known(
    app: Flask, bob: Browser, envelope: Envelopes, database: Database
) -> None:
    add_in_profile(bob, TEAM)
    page, elsewhere = envelope(TEAM, level=Level.HIGH), Browser(app)

    elsewhere.post(f"{window(page)}/signin", {"address": "bob@b.example", "passphrase": PASSPHRASE})

    assert "data-opened" in elsewhere.get(window(page)).text
    assert isinstance(result(database, page), Released)


def test_sign_in_in_the_window_says_no_more_than_elsewhere(
    bob: Browser, app: Flask, envelope: Envelopes
) -> None:
    path = f"{window(envelope(TEAM))}/signin"

    for fields, said in (
        ({"address": "bob@b.example", "passphrase": "not this passphrase"}, "do not go together"),
        ({"address": "eve@b.example", "passphrase": PASSPHRASE}, "do not go together"),
        ({"address": "", "passphrase": ""}, "Type a mail address"),
    ):
        answer = Browser(app).post(path, fields)
        assert answer.status_code == 422
        assert said in answer.text
        assert "Bank A" in answer.text


def test_several_people_share_a_mailbox(app: Flask, envelope: Envelopes, database: Database) -> None:
    for address in ("bob@b.example", "ann@b.example"):
        browser = Browser(app)
        browser.register(address)
        add_in_profile(browser, TEAM)
        page = envelope(TEAM)
        browser.post(window(page))
        assert isinstance(result(database, page), Released)

    assert addresses(database, "ann@b.example") == ["ann@b.example", TEAM]


def test_who_shares_a_mailbox_cannot_take_a_person_over(app: Flask, bob: Browser, database: Database) -> None:
    """A further address neither signs in nor resets: models.ProvenAddress."""
    add_in_profile(bob, TEAM)
    eve = Browser(app)

    assert eve.sign_in(TEAM, PASSPHRASE).status_code == 422
    eve.prove(TEAM)
    assert "Robert" not in eve.get("/welcome").text
    eve.post("/welcome", {**NAMES, "first_name": "Eve", "passphrase": NEW_PASSPHRASE})

    assert eve.person() == "Eve"
    assert bob.person() == "Robert"
    assert Browser(app).sign_in("bob@b.example", PASSPHRASE).status_code == 303
    assert Browser(app).sign_in("bob@b.example", NEW_PASSPHRASE).status_code == 422
    assert "bob@b.example" not in eve.get("/profile").text
    assert addresses(database) == ["bob@b.example", TEAM]


def test_profile_lists_adds_and_removes_addresses(bob: Browser, database: Database) -> None:
    add_in_profile(bob, PLUS)
    page = bob.get("/profile").text
    assert f"{PLUS} is now one of your addresses." in page
    assert re.findall(r"<h3>([^<]+@[^<]+)</h3>", page) == ["bob@b.example", PLUS]
    assert page.count(">Remove<") == 1

    assert bob.post("/addresses/remove", {"address": PLUS}).location == "/profile"

    assert f"{PLUS} is no longer one of your addresses." in bob.get("/profile").text
    assert addresses(database) == ["bob@b.example"]


def test_removed_address_opens_nothing_any_more(
    bob: Browser, envelope: Envelopes, database: Database
) -> None:
    add_in_profile(bob, TEAM)
    page = envelope(TEAM)
    bob.post("/addresses/remove", {"address": TEAM})

    assert bob.post(window(page)).status_code == 403

    assert isinstance(result(database, page), Waiting)
    assert "There is nothing here yet." in bob.get("/inbox").text


@pytest.mark.parametrize("address", ["bob@b.example", "eve@b.example", ""])
def test_address_to_sign_in_with_cannot_be_removed(bob: Browser, address: str) -> None:
    assert bob.post("/addresses/remove", {"address": address}).status_code == 404


@pytest.mark.parametrize(
    ("address", "said"),
    [("bob", "Type a mail address"), ("", "Type a mail address"), (" BOB@b.example", "already")],
)
def test_what_cannot_be_added_says_why(bob: Browser, address: str, said: str) -> None:
    answer = bob.post("/addresses", {"address": address})

    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="Robert"' in answer.text


def test_many_codes_for_an_address_have_to_wait(bob: Browser) -> None:
    answers = [bob.post("/addresses", {"address": TEAM}) for _ in range(6)]

    assert answers[-1].status_code == 429
    assert 'value="Robert"' in answers[-1].text


def test_wrong_code_in_the_profile_says_how_many_tries_are_left(bob: Browser) -> None:
    typed = bob.post("/addresses", {"address": TEAM}).location
    assert TEAM in bob.get(typed).text

    answer = bob.post(typed, {"code": "no code"})

    assert answer.status_code == 422
    assert "You can try 9 more times." in answer.text
    assert "Add this address" in answer.text


def test_link_in_the_mail_leads_back_to_the_profile(bob: Browser) -> None:
    typed = bob.post("/addresses", {"address": TEAM}).location

    assert bob.get(f"/code/{typed.rpartition('/')[2]}").location == typed


def test_there_is_an_end_to_addresses(bob: Browser, envelope: Envelopes, database: Database) -> None:
    with database.writing() as db:
        person = people.person_of(db, "bob@b.example")
        assert person is not None
        for number in range(people.MOST_FURTHER):
            people.prove_address(db, person, f"bob+{number}@b.example", now=datetime.now(UTC))
    typed, hidden = code_page(bob, envelope(TEAM))

    answer = bob.post(typed, {**hidden, "code": bob.code(TEAM)})

    assert answer.status_code == 409
    assert "You have as many addresses as there is room for" in answer.text
    typed = bob.post("/addresses", {"address": PLUS}).location
    assert bob.post(typed, {"code": bob.code(PLUS)}).status_code == 409


def test_inbox_lists_messages_to_all_addresses_and_says_to_which(bob: Browser, envelope: Envelopes) -> None:
    envelope("bob@b.example")
    assert "For bob@b.example" not in bob.get("/inbox").text
    add_in_profile(bob, TEAM)
    envelope(TEAM)

    text = bob.get("/inbox").text

    assert "For bob@b.example" in text
    assert f"For {TEAM}" in text


def test_pages_for_addresses_are_only_for_who_is_signed_in(browser: Browser) -> None:
    for path in ("/addresses", "/addresses/remove", "/devices/forget"):
        assert browser.post(path, {"address": TEAM}).location == "/signin"
