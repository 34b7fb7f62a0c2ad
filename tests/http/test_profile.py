"""Names, addresses and language."""

from flask import Flask

from tests.http.steps import Browser


def test_profile_shows_names_language_and_addresses(bob: Browser) -> None:
    page = bob.get("/profile").text

    assert 'value="Robert"' in page
    assert 'value="Baker"' in page
    assert "<h3>bob@b.example</h3>" in page


def test_changed_names_are_kept(bob: Browser) -> None:
    answer = bob.post("/profile", {"first_name": " Bob ", "last_name": "Bäcker-Ng", "locale": "de"})

    assert (answer.status_code, answer.location) == (303, "/profile")
    page = bob.get("/profile").text
    assert 'value="Bob"' in page
    assert 'value="Bäcker-Ng"' in page
    assert '<html lang="de"' in page


def test_refused_profile_says_why_and_changes_nothing(bob: Browser) -> None:
    answer = bob.post("/profile", {"first_name": "", "last_name": "x" * 101, "locale": "de"})

    assert answer.status_code == 422
    assert "Type your first name." in answer.text
    assert "Type your last name." in answer.text
    assert bob.person() == "Robert"


def test_profile_is_only_for_who_is_signed_in(browser: Browser) -> None:
    assert browser.get("/profile").location == "/signin"
    assert browser.post("/profile", {"first_name": "Eve"}).location == "/signin"


def test_language_is_the_browsers_until_one_is_chosen(browser: Browser) -> None:
    """S80."""
    french = {"headers": {"Accept-Language": "fr-CA, en;q=0.5"}}
    assert '<html lang="fr" dir="ltr"' in browser.get("/signin", **french).text

    answer = browser.post("/language", {"locale": "ja", "back": "/signin"}, **french)

    assert (answer.status_code, answer.location) == (303, "/signin")
    assert '<html lang="ja" dir="ltr"' in browser.get("/signin", **french).text


def test_language_of_the_person_follows_them_to_other_browsers(app: Flask, bob: Browser) -> None:
    bob.post("/language", {"locale": "pl", "back": "/inbox"})

    elsewhere = Browser(app)
    elsewhere.sign_in("bob@b.example")

    assert '<html lang="pl"' in elsewhere.get("/inbox").text


def test_unknown_language_is_ignored(browser: Browser) -> None:
    browser.post("/language", {"locale": "../../etc", "back": "/signin"})

    assert '<html lang="en"' in browser.get("/signin").text


def test_language_menu_does_not_lead_to_other_sites(browser: Browser) -> None:
    for back in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""):
        assert browser.post("/language", {"locale": "de", "back": back}).location == "/"
