"""What refusals and faults look like from outside, and what the log has of them."""

import logging
import re

import pytest
from flask import Flask
from sqlalchemy import text

from keyserver.errors import KekMissingError
from tests.http.steps import Browser


def test_unknown_page_says_so_and_leads_back(browser: Browser) -> None:
    answer = browser.get("/no/such/page")

    assert answer.status_code == 404
    assert "This page does not exist" in answer.text
    assert 'href="/"' in answer.text


def test_form_from_somebody_elses_page_is_refused(bob: Browser) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = bob.post("/signout", headers=headers)
        assert answer.status_code == 403
        assert "This came from another page" in answer.text

    assert bob.signed_in()


def test_too_large_form_is_refused(browser: Browser) -> None:
    answer = browser.post("/signin", {"address": "x" * 100_000})

    assert answer.status_code == 413
    assert "That was too much at once" in answer.text


def test_wrong_method_is_refused(browser: Browser) -> None:
    answer = browser.get("/language")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_fault_shows_an_id_that_the_log_has_and_nothing_else(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """A view that fails stands in for all faults of our own."""
    app.add_url_rule("/fails", view_func=_fails)
    app.add_url_rule("/api/v1/fails", endpoint="api_fails", view_func=_fails)
    browser = Browser(app)

    with caplog.at_level(logging.ERROR):
        page, problem = browser.get("/fails"), browser.get("/api/v1/fails")

    assert page.status_code == problem.status_code == 500
    assert "Something went wrong here" in page.text
    assert "version 7" not in page.text + problem.text
    assert problem.json is not None
    assert problem.json["code"] == "server-error"
    shown = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", page.text.split("this number")[1])[0]
    assert [shown in caplog.text, problem.json["id"] in caplog.text] == [True, True]


def test_database_that_fails_gets_a_calm_page_and_a_log_without_values(
    bob: Browser, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with app.extensions["sealpost"].database.writing() as db:
        db.execute(text("ALTER TABLE person RENAME TO lost"))

    with caplog.at_level(logging.ERROR):
        answers = [bob.get("/inbox"), Browser(app).sign_in("eve@b.example", "not this passphrase")]

    for answer in answers:
        assert answer.status_code == 500
        assert "It is not your fault." in answer.text
    assert "person" in caplog.text
    assert "eve@b.example" not in caplog.text
    assert "not this passphrase" not in caplog.text


def test_programs_get_problem_json(browser: Browser) -> None:
    """RFC 9457."""
    answer = browser.get("/api/v1/no-such-thing")

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.json == {"type": "about:blank", "title": "Not Found", "status": 404, "code": "not-found"}


def test_programs_are_told_what_a_body_should_be(browser: Browser) -> None:
    answer = browser.post("/api/v1/openings", "not JSON", content_type="text/plain")

    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["code"] == "bad-json"


def _fails() -> str:
    raise KekMissingError(7)
