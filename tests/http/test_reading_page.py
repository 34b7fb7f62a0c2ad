"""The page behind a «Read message» link: tells nothing, and lets its script do what a file's may."""

import json
import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask

import translations
from tests.factories import Page
from tests.http.steps import Browser


def comparable(browser: Browser, message_id: object, **headers: str) -> str:
    answer = browser.client.get(f"/read/{message_id}", headers=headers)
    assert answer.status_code == 200
    return answer.text


def test_page_is_the_same_whether_there_is_a_message_or_not(
    browser: Browser, envelope: Callable[..., Page]
) -> None:
    """S26: the link alone tells a stranger nothing."""
    known = envelope().ask().message_id

    assert comparable(browser, known) == comparable(browser, uuid4())


def test_page_is_no_other_for_who_is_signed_in(bob: Browser, app: Flask) -> None:
    message_id = uuid4()

    assert comparable(bob, message_id) == comparable(Browser(app), message_id)


def test_script_may_reach_this_server_only_and_the_window_keeps_its_opener(browser: Browser) -> None:
    answer = browser.get(f"/read/{uuid4()}")

    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cross-Origin-Opener-Policy" not in answer.headers
    assert re.findall(r"<script src=\"([^\"?]+)", answer.text) == ["/static/dist/link.js"]


@pytest.mark.parametrize("locale", ["de", "ja"])
def test_page_and_its_script_speak_the_readers_language(browser: Browser, locale: str) -> None:
    """S73-S76."""
    text = comparable(browser, uuid4(), **{"Accept-Language": f"{locale}, en;q=0.5"})

    assert f'<html lang="{locale}"' in text
    found = re.search(r'id="words">(.*?)</script>', text)
    assert found is not None
    words = json.loads(found[1])
    assert words[translations.string_id("You are offline")] == translations.load(locale).gettext(
        "You are offline"
    )


def test_link_that_is_none_is_not_found(browser: Browser) -> None:
    assert browser.get("/read/no-such-thing").status_code == 404
    assert browser.client.post(f"/read/{uuid4()}").status_code == 405
