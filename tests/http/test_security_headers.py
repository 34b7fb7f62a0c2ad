"""What protects the portal's pages in the browser."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from keyserver import create_app
from keyserver.db import Database
from tests.factories import Page, make_settings
from tests.http.steps import Browser, window

PAGES = ("/signin", "/code", "/inbox", "/profile", "/passphrase", "/no/such/page")


@pytest.fixture
def secure(database_url: str) -> Iterator[Flask]:
    """The server as it stands behind HTTPS."""
    app = create_app(replace(make_settings(database_url), base_url="https://keys.a.example"))
    database: Database = app.extensions["sealpost"].database
    yield app
    database.dispose()


@pytest.mark.parametrize("path", PAGES)
def test_page_runs_only_scripts_and_styles_of_this_server(bob: Browser, path: str) -> None:
    answer = bob.get(path)

    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    assert answer.text.count("<script") == answer.text.count('<script src="/static/dist/portal.js')


@pytest.mark.parametrize("path", PAGES)
def test_page_is_kept_nowhere_and_tells_others_nothing(bob: Browser, path: str) -> None:
    headers = bob.get(path).headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_opening_keeps_its_opener(bob: Browser, envelope: Callable[..., Page]) -> None:
    """The file waits for a message from this window; COOP would cut the two apart."""
    page = envelope()

    for answer in (bob.get(window(page)), bob.post(window(page)), bob.get(window(page))):
        assert "Cross-Origin-Opener-Policy" not in answer.headers
        assert "Content-Security-Policy" in answer.headers


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(secure: Flask) -> None:
    browser = Browser(secure)
    browser.register("bob@b.example", remember="yes")

    cookies = browser.post(
        "/signin", {"address": "bob@b.example", "passphrase": "seven slow wooden boats", "remember": "yes"}
    ).headers.getlist("Set-Cookie")

    assert len(cookies) == 3
    for cookie in cookies:
        assert cookie.startswith("__Host-sealpost-")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_https_is_kept_to(secure: Flask, browser: Browser) -> None:
    assert "Strict-Transport-Security" in Browser(secure).get("/signin").headers
    assert "Strict-Transport-Security" not in browser.get("/signin").headers


def test_session_cookie_holds_no_passphrase_and_no_code(bob: Browser) -> None:
    cookie = bob.client.get_cookie("sealpost-session")

    assert cookie is not None
    assert bob.code("bob@b.example").replace(" ", "") not in cookie.decoded_value


def test_static_files_may_be_kept_but_sources_are_not_served(browser: Browser) -> None:
    with browser.get("/static/dist/portal.css") as sheet:
        assert sheet.status_code == 200
        assert "max-age" in sheet.headers["Cache-Control"]
    assert browser.get("/static/js/portal/portal.js").status_code == 404
    assert browser.get("/static/dist/../../pyproject.toml").status_code == 404
