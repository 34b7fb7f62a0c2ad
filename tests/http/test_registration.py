"""Mailed codes: the first registration and the forgotten passphrase, which are the same way."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from keyserver import people
from keyserver.db import Database
from keyserver.models import MailedCode
from tests.http.steps import NAMES, NEW_PASSPHRASE, PASSPHRASE, Browser


def test_code_names_and_passphrase_register_and_sign_in(browser: Browser, database: Database) -> None:
    typed = browser.ask_code("bob@b.example")
    assert browser.post(typed, {"code": browser.code("bob@b.example")}).location == "/welcome"

    answer = browser.post("/welcome", {**NAMES, "locale": "de", "passphrase": PASSPHRASE})

    assert (answer.status_code, answer.location) == (303, "/inbox")
    assert browser.signed_in()
    with database.reading() as db:
        person = people.person_of(db, "bob@b.example")
        assert person is not None
        assert (person.first_name, person.last_name, person.locale) == ("Robert", "Baker", "de")


def test_code_page_says_where_the_code_went_only_to_who_asked(app: Flask, browser: Browser) -> None:
    typed = browser.ask_code("bob@b.example")

    assert "bob@b.example" in browser.get(typed).text
    assert "bob@b.example" not in Browser(app).get(typed).text


def test_code_can_be_typed_in_another_browser(app: Flask, browser: Browser) -> None:
    typed = browser.ask_code("bob@b.example")
    other = Browser(app)

    assert other.post(typed, {"code": browser.code("bob@b.example")}).location == "/welcome"
    assert browser.get("/welcome").location == "/code"


def test_code_is_taken_however_it_is_spaced(browser: Browser) -> None:
    typed = browser.ask_code("bob@b.example")
    digits = browser.code("bob@b.example").replace(" ", "")

    assert browser.post(typed, {"code": f" {digits[:2]} {digits[2:]} "}).status_code == 303


def test_link_in_the_mail_spends_nothing(browser: Browser) -> None:
    """Mail scanners follow links."""
    typed = browser.ask_code("bob@b.example")
    for _ in range(20):
        assert browser.get(typed).status_code == 200

    assert browser.post(typed, {"code": browser.code("bob@b.example")}).status_code == 303


def test_wrong_code_says_how_many_tries_are_left(browser: Browser) -> None:
    typed = browser.ask_code("bob@b.example")

    answer = browser.post(typed, {"code": wrong(browser)})

    assert answer.status_code == 422
    assert "You can try 9 more times." in answer.text


def test_ten_wrong_codes_need_a_new_one(browser: Browser) -> None:
    typed = browser.ask_code("bob@b.example")
    answers = [browser.post(typed, {"code": wrong(browser)}) for _ in range(10)]
    assert "You can try once more." in answers[8].text
    assert "This code no longer works." in answers[9].text

    refused = browser.post(typed, {"code": browser.code("bob@b.example")})

    assert "This code no longer works." in refused.text
    browser.prove("bob@b.example")


def test_wrong_codes_of_a_stranger_do_not_spend_the_owners(app: Flask, browser: Browser) -> None:
    stranger = Browser(app, "198.51.100.9")
    theirs = stranger.ask_code("bob@b.example")
    for _ in range(10):
        stranger.post(theirs, {"code": "0000 0000"})

    browser.prove("bob@b.example")


def test_code_works_once(browser: Browser) -> None:
    typed = browser.ask_code("bob@b.example")
    code = browser.code("bob@b.example")
    assert browser.post(typed, {"code": code}).status_code == 303

    assert "This code no longer works." in browser.post(typed, {"code": code}).text


def test_old_code_is_refused(browser: Browser, database: Database) -> None:
    typed = browser.ask_code("bob@b.example")
    with database.writing() as db:
        db.execute(update(MailedCode).values(expires=datetime.now(UTC) - timedelta(seconds=1)))

    answer = browser.post(typed, {"code": browser.code("bob@b.example")})

    assert answer.status_code == 422
    assert "This code no longer works." in answer.text


def test_no_code_is_refused(browser: Browser) -> None:
    answer = browser.post(browser.ask_code("bob@b.example"), {"code": " "})

    assert answer.status_code == 422
    assert "Type the code from the mail." in answer.text


def test_code_of_a_flow_that_never_was_is_refused(browser: Browser) -> None:
    answer = browser.post("/code/0198a000-0000-7000-8000-000000000000", {"code": "1234 5678"})

    assert answer.status_code == 422
    assert "This code no longer works." in answer.text


def test_new_code_comes_from_the_same_page(browser: Browser) -> None:
    first = browser.ask_code("bob@b.example")
    assert 'name="address" value="bob@b.example"' in browser.get(first).text

    second = browser.ask_code("bob@b.example")

    assert first != second
    assert len(browser.mails("bob@b.example")) == 2


def test_known_and_unknown_addresses_get_the_same_pages(app: Flask, bob: Browser) -> None:
    known, unknown = Browser(app), Browser(app)

    pages = [
        (browser.get(browser.ask_code(address)).text, browser.mails(address)[-1].context)
        for browser, address in ((known, "bob@b.example"), (unknown, "eve@b.example"))
    ]

    ((known_page, known_mail), (unknown_page, unknown_mail)) = pages
    assert without_ids(known_page).replace("bob@", "eve@") == without_ids(unknown_page)
    assert known_mail.keys() == unknown_mail.keys()


def test_many_codes_for_one_address_have_to_wait(browser: Browser) -> None:
    answers = [browser.post("/code", {"address": "bob@b.example"}) for _ in range(6)]

    assert answers[-1].status_code == 429
    assert "Retry-After" in answers[-1].headers
    assert 'value="bob@b.example"' in answers[-1].text


@pytest.mark.parametrize(
    "address", ["", "bob", "bob@", "bob@b.example, eve@b.example", "x" * 400 + "@b.example"]
)
def test_what_is_no_address_gets_no_code(browser: Browser, address: str) -> None:
    answer = browser.post("/code", {"address": address})

    assert answer.status_code == 422
    assert "Type a mail address" in answer.text


def test_welcome_is_only_for_who_proved_an_address(browser: Browser) -> None:
    assert browser.get("/welcome").location == "/code"
    answer = browser.post("/welcome", {**NAMES, "passphrase": PASSPHRASE})
    assert (answer.status_code, answer.location) == (303, "/code")


def test_rules_are_said_before_a_passphrase_is_chosen(browser: Browser) -> None:
    browser.prove("bob@b.example")

    assert "At least 12 characters." in browser.get("/welcome").text


@pytest.mark.parametrize(
    ("passphrase", "why"),
    [
        ("tiny cat", "too short"),
        ("a" * 2000, "too long"),
        ("password1234", "first that somebody would guess"),
        ("Robert Baker", "your name or address"),
    ],
)
def test_weak_passphrase_is_refused_with_the_reason(browser: Browser, passphrase: str, why: str) -> None:
    browser.prove("bob@b.example")

    answer = browser.post("/welcome", {**NAMES, "passphrase": passphrase})

    assert answer.status_code == 422
    assert why in answer.text
    assert 'value="Robert"' in answer.text
    assert passphrase not in answer.text.replace('value="Robert"', "")
    assert not browser.signed_in()


def test_names_are_needed_and_kept_while_the_rest_is_mended(browser: Browser) -> None:
    browser.prove("bob@b.example")

    answer = browser.post("/welcome", {"first_name": "Robert", "last_name": "", "passphrase": PASSPHRASE})

    assert answer.status_code == 422
    assert "Type your last name." in answer.text
    assert 'value="Robert"' in answer.text
    assert PASSPHRASE not in answer.text


def test_forgotten_passphrase_is_replaced_and_the_person_told(app: Flask, bob: Browser) -> None:
    elsewhere = Browser(app)
    elsewhere.prove("bob@b.example")
    assert 'value="Robert"' in elsewhere.get("/welcome").text

    elsewhere.post("/welcome", {**NAMES, "passphrase": NEW_PASSPHRASE})

    assert not bob.signed_in()
    assert elsewhere.signed_in()
    assert Browser(app).sign_in("bob@b.example", NEW_PASSPHRASE).status_code == 303
    assert Browser(app).sign_in("bob@b.example", PASSPHRASE).status_code == 422
    assert bob.mails("bob@b.example")[-1].name == "passphrase_changed"


def test_proof_of_an_address_is_used_up_with_the_passphrase(browser: Browser) -> None:
    """A copy of the cookie from before does not set a second one."""
    browser.prove("bob@b.example")
    cookie = browser.client.get_cookie("sealpost-session")
    assert cookie is not None
    browser.post("/welcome", {**NAMES, "passphrase": PASSPHRASE})

    browser.client.set_cookie("sealpost-session", cookie.value)

    assert browser.post("/welcome", {**NAMES, "passphrase": NEW_PASSPHRASE}).location == "/code"


def test_unknown_language_leaves_the_one_in_use(browser: Browser, database: Database) -> None:
    browser.register("bob@b.example", locale="tlh")

    with database.reading() as db:
        person = people.person_of(db, "bob@b.example")
        assert person is not None
        assert person.locale == "en"


def test_code_is_not_in_the_database_as_it_was_mailed(browser: Browser, database: Database) -> None:
    browser.ask_code("bob@b.example")
    digits = browser.code("bob@b.example").replace(" ", "")

    with database.reading() as db:
        stored = db.scalars(select(MailedCode)).one()
        assert digits.encode() not in stored.code_hmac


def wrong(browser: Browser) -> str:
    """Eight digits that are not the code."""
    right = browser.code("bob@b.example").replace(" ", "")
    return f"{(int(right) + 1) % 10**8:08d}"


def without_ids(page: str) -> str:
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "id", page)
