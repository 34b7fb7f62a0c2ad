"""Changing the passphrase while signed in."""

import pytest
from flask import Flask

from tests.http.steps import NEW_PASSPHRASE, PASSPHRASE, Browser


def test_new_passphrase_counts_from_now_on(app: Flask, bob: Browser) -> None:
    answer = bob.post("/passphrase", {"current": PASSPHRASE, "passphrase": NEW_PASSPHRASE})

    assert (answer.status_code, answer.location) == (303, "/profile")
    assert "Your passphrase is changed." in bob.get("/profile").text
    assert Browser(app).sign_in("bob@b.example", NEW_PASSPHRASE).status_code == 303
    assert Browser(app).sign_in("bob@b.example", PASSPHRASE).status_code == 422


def test_change_is_mailed_to_the_person(bob: Browser) -> None:
    bob.post("/passphrase", {"current": PASSPHRASE, "passphrase": NEW_PASSPHRASE})

    assert [mail.name for mail in bob.mails("bob@b.example")] == ["code", "passphrase_changed"]


@pytest.mark.parametrize(
    ("current", "new", "why"),
    [
        ("not this passphrase", NEW_PASSPHRASE, "not your current passphrase"),
        (PASSPHRASE, "short", "too short"),
        (PASSPHRASE, "bob b.example", "your name or address"),
        ("", NEW_PASSPHRASE, "Type your passphrase."),
        (PASSPHRASE, "", "At least 12 characters."),
    ],
)
def test_refused_change_says_why_and_changes_nothing(bob: Browser, current: str, new: str, why: str) -> None:
    answer = bob.post("/passphrase", {"current": current, "passphrase": new})

    assert answer.status_code == 422
    assert why in answer.text
    assert bob.signed_in()
    assert bob.sign_in("bob@b.example", PASSPHRASE).status_code == 303


def test_typed_passphrases_are_not_sent_back(bob: Browser) -> None:
    page = bob.post("/passphrase", {"current": "not this passphrase", "passphrase": NEW_PASSPHRASE}).text

    assert "not this passphrase" not in page
    assert NEW_PASSPHRASE not in page


def test_guesses_at_the_current_passphrase_have_to_wait(bob: Browser) -> None:
    fields = {"current": "not this passphrase", "passphrase": NEW_PASSPHRASE}

    answers = [bob.post("/passphrase", fields) for _ in range(7)]

    assert answers[-1].status_code == 429


def test_page_is_only_for_who_is_signed_in(browser: Browser) -> None:
    assert browser.get("/passphrase").location == "/signin"
    assert browser.post("/passphrase", {"current": "x", "passphrase": "y"}).location == "/signin"
