"""Signing in, staying signed in, signing out."""

import re
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import select

from keyserver import people
from keyserver.db import Database
from keyserver.models import AuditEntry, Device
from tests.http.steps import NEW_PASSPHRASE, PASSPHRASE, Browser


def test_start_page_leads_to_sign_in_and_then_to_the_inbox(browser: Browser) -> None:
    assert browser.get("/").location == "/signin"

    browser.register("bob@b.example")

    assert browser.get("/").location == "/inbox"
    assert browser.get("/signin").location == "/inbox"


def test_right_passphrase_signs_in(app: Flask, bob: Browser) -> None:
    elsewhere = Browser(app)

    answer = elsewhere.sign_in("Bob@B.example")

    assert (answer.status_code, answer.location) == (303, "/inbox")
    assert elsewhere.signed_in()


def test_wrong_passphrase_and_unknown_address_get_the_same_page(app: Flask, bob: Browser) -> None:
    wrong = Browser(app).sign_in("bob@b.example", "not this passphrase")
    unknown = Browser(app).sign_in("eve@b.example", "not this passphrase")

    assert wrong.status_code == unknown.status_code == 422
    assert "do not go together" in wrong.text
    assert wrong.text.replace("bob@", "eve@") == unknown.text
    assert dict(wrong.headers) == dict(unknown.headers)


def test_refused_sign_in_keeps_the_address_and_forgets_the_passphrase(browser: Browser) -> None:
    page = browser.sign_in("bob@b.example", "not this passphrase", remember="yes").text

    assert 'value="bob@b.example"' in page
    assert re.search(r'name="remember"[^>]* checked', page)
    assert "not this passphrase" not in page


def test_refused_sign_in_stays_on_record(browser: Browser, database: Database) -> None:
    browser.sign_in("bob@b.example", "not this passphrase")

    with database.reading() as db:
        assert "sign-in refused" in list(db.scalars(select(AuditEntry.event)))


def test_empty_fields_are_each_named(browser: Browser) -> None:
    answer = browser.post("/signin", {})

    assert answer.status_code == 422
    assert 'href="#address"' in answer.text
    assert 'href="#passphrase"' in answer.text
    assert 'aria-describedby="passphrase-wrong"' in answer.text


def test_many_wrong_passphrases_have_to_wait(browser: Browser) -> None:
    answers = [browser.sign_in("bob@b.example", "not this passphrase") for _ in range(12)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "Try again in 1 minute." in answers[-1].text
    assert 'value="bob@b.example"' in answers[-1].text


def test_strangers_guesses_do_not_keep_the_owner_out(app: Flask, bob: Browser) -> None:
    bob.post("/signout")
    stranger = Browser(app, "198.51.100.9")
    for _ in range(12):
        stranger.sign_in("bob@b.example", "not this passphrase")

    assert bob.sign_in("bob@b.example").status_code == 303


def test_sign_out_ends_session_and_remembered_device(app: Flask, bob: Browser, database: Database) -> None:
    elsewhere = Browser(app)
    elsewhere.sign_in("bob@b.example", remember="yes")

    answer = elsewhere.post("/signout")

    assert (answer.status_code, answer.location) == (303, "/signin")
    assert not elsewhere.signed_in()
    with database.reading() as db:
        assert list(db.scalars(select(Device))) == []


def test_sign_out_is_not_done_by_a_link(bob: Browser) -> None:
    answer = bob.get("/signout")

    assert answer.status_code == 405
    assert bob.signed_in()


def test_remembered_computer_stays_signed_in_without_its_session(app: Flask, bob: Browser) -> None:
    """S49."""
    remembered, forgotten = Browser(app), Browser(app)
    remembered.sign_in("bob@b.example", remember="yes")
    forgotten.sign_in("bob@b.example")

    for browser in (remembered, forgotten):
        browser.client.delete_cookie("sealpost-session")

    assert remembered.signed_in()
    assert not forgotten.signed_in()


def test_remembered_computer_can_be_forgotten_from_elsewhere(app: Flask, bob: Browser) -> None:
    elsewhere = Browser(app)
    elsewhere.sign_in("bob@b.example", remember="yes")
    elsewhere.client.delete_cookie("sealpost-session")
    (forget,) = re.findall(r'action="(/devices/[^"]+/forget)"', bob.get("/profile").text)

    assert bob.post(forget).status_code == 303

    assert not elsewhere.signed_in()
    assert "Remembered computers" not in bob.get("/profile").text


def test_remembered_computers_are_listed_with_browser_and_times(app: Flask, bob: Browser) -> None:
    """S49."""
    firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
    fields = {"address": "bob@b.example", "passphrase": PASSPHRASE, "remember": "yes"}
    Browser(app).post("/signin", fields, headers={"User-Agent": firefox})

    page = bob.get("/profile").text

    assert "Firefox, Windows" in page
    assert re.search(r"Remembered since <time datetime=", page)
    assert re.search(r"Last used <time datetime=", page)


def test_all_remembered_computers_are_forgotten_by_one_press(
    app: Flask, bob: Browser, database: Database
) -> None:
    """S49."""
    others = [Browser(app) for _ in range(3)]
    for other in others:
        other.sign_in("bob@b.example", remember="yes")
        other.client.delete_cookie("sealpost-session")
    eve = Browser(app)
    eve.register("eve@b.example", remember="yes")
    eve.client.delete_cookie("sealpost-session")

    assert bob.post("/devices/forget").location == "/profile"

    assert "All computers are forgotten" in bob.get("/profile").text
    assert not any(other.signed_in() for other in others)
    assert bob.signed_in()
    assert eve.signed_in()


def test_computers_are_not_forgotten_by_a_link(bob: Browser) -> None:
    assert bob.get("/devices/forget").status_code == 405


def test_somebody_elses_computer_cannot_be_forgotten(app: Flask, bob: Browser) -> None:
    bob.sign_in("bob@b.example", remember="yes")
    (forget,) = re.findall(r'action="(/devices/[^"]+/forget)"', bob.get("/profile").text)
    eve = Browser(app)
    eve.register("eve@b.example")

    assert eve.post(forget).status_code == 404


def test_new_passphrase_ends_sessions_and_remembered_devices_elsewhere(app: Flask, bob: Browser) -> None:
    elsewhere = Browser(app)
    elsewhere.sign_in("bob@b.example", remember="yes")

    bob.post("/passphrase", {"current": PASSPHRASE, "passphrase": NEW_PASSPHRASE})

    assert bob.signed_in()
    assert not elsewhere.signed_in()


def test_session_starts_anew_with_the_sign_in(app: Flask, bob: Browser) -> None:
    """What somebody planted in it before is gone: here the proof of an address of their own."""
    planted = Browser(app)
    planted.prove("eve@b.example")

    planted.sign_in("bob@b.example")

    assert planted.get("/welcome").location == "/code"


def test_session_cookie_of_another_key_counts_for_nothing(bob: Browser) -> None:
    cookie = bob.client.get_cookie("sealpost-session")
    assert cookie is not None

    bob.client.set_cookie("sealpost-session", cookie.value[:-4] + "AAAA")

    assert not bob.signed_in()


def test_deactivated_person_gets_the_answer_of_a_stranger(
    app: Flask, bob: Browser, database: Database
) -> None:
    with database.writing() as db:
        person = people.person_of(db, "bob@b.example")
        assert person is not None
        people.set_active(db, person, active=False, now=datetime.now(UTC))

    assert not bob.signed_in()
    answer = Browser(app).sign_in("bob@b.example")
    assert answer.status_code == 422
    assert "do not go together" in answer.text
