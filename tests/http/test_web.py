"""What every request goes through: transaction, source, cookies, locale, health."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from keyserver import accounts, create_app
from keyserver.db import Database
from keyserver.models import Account, AuditEntry, Device
from keyserver.views import web
from tests.factories import make_settings
from tests.http.steps import Browser


@pytest.fixture
def behind_proxy(database_url: str) -> Iterator[Flask]:
    app = create_app(make_settings(database_url, trusted_proxies=1))
    database: Database = app.extensions["sealpost"].database
    yield app
    database.dispose()


def source(app: Flask, address: str, **headers: str) -> str:
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": address}, headers=headers):
        return web.source()


@pytest.mark.parametrize(
    ("address", "source_of_it"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
    ],
)
def test_source_is_an_address_or_a_network(app: Flask, address: str, source_of_it: str) -> None:
    assert source(app, address) == source_of_it


def test_forwarded_address_counts_only_from_a_trusted_proxy(app: Flask, behind_proxy: Flask) -> None:
    seen = list[str]()

    def look(app: Flask) -> None:
        app.add_url_rule("/seen", view_func=lambda: (seen.append(web.source()), "ok")[1])
        headers = {"X-Forwarded-For": "198.51.100.9, 203.0.113.5"}
        app.test_client().get("/seen", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"})

    look(app)
    look(behind_proxy)

    assert seen == ["192.0.2.1", "203.0.113.5"]


def test_get_cannot_change_anything(app: Flask, database: Database) -> None:
    """Design, section 9: GET changes nothing."""
    errors = list[Exception]()

    @app.get("/write")
    def write() -> str:
        try:
            accounts.create(web.db(), "Bank A", domains=["a.example"], now=web.now())
        except DBAPIError as error:
            errors.append(error)
            web.db().rollback()
        return "tried"

    app.test_client().get("/write")

    assert len(errors) == 1
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Account)) == 0


def test_view_that_fails_leaves_nothing(app: Flask, database: Database) -> None:
    @app.post("/fail")
    def fail() -> str:
        accounts.create(web.db(), "Bank A", domains=["a.example"], now=web.now())
        raise ZeroDivisionError

    assert app.test_client().post("/fail").status_code == 500

    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Account)) == 0
        assert db.scalar(select(func.count()).select_from(AuditEntry)) == 0


def test_use_of_a_remembered_device_is_noted_by_posts_alone(bob: Browser, database: Database) -> None:
    bob.sign_in("bob@b.example", remember="yes")
    long_ago = datetime.now(UTC) - timedelta(days=1)
    with database.writing() as db:
        db.execute(update(Device).values(last_used=long_ago))
    bob.client.delete_cookie("sealpost-session")

    used = []
    for visit in (bob.get, bob.post):
        visit("/profile")
        with database.reading() as db:
            used.append(db.scalar(select(Device.last_used)))

    assert used[0] == long_ago
    assert used[1] is not None and used[1] > long_ago


def test_mark_of_a_known_browser_is_for_one_address(app: Flask, bob: Browser) -> None:
    mark = bob.client.get_cookie("sealpost-browser")
    assert mark is not None

    def known(address: str, value: str) -> str | None:
        with app.test_request_context("/", headers={"Cookie": f"sealpost-browser={value}"}):
            return web.known_browser(address)

    assert known("Bob@b.example ", mark.value)
    assert known("eve@e.example", mark.value) is None
    assert known("bob@b.example", mark.value[:-1] + "A") is None
    assert known("bob@b.example", "") is None


@pytest.mark.parametrize(
    ("wanted", "locale"), [("de-AT,de;q=0.9", "de"), ("tlh,pt-BR;q=0.5", "pt"), ("*", "en"), ("", "en")]
)
def test_locale_is_what_the_browser_asks_for(app: Flask, wanted: str, locale: str) -> None:
    with app.test_request_context("/", headers={"Accept-Language": wanted}):
        assert web.locale() == locale


def test_addresses_of_static_files_change_with_their_content(app: Flask) -> None:
    client = app.test_client()
    with app.test_request_context():
        address = app.url_for("static", filename="dist/portal.css")

    with client.get(address) as current, client.get("/static/dist/portal.css?v=old") as old:
        assert "max-age=31536000" in current.headers["Cache-Control"]
        assert "max-age=60" in old.headers["Cache-Control"]


def test_health_says_when_the_database_is_away(app: Flask) -> None:
    away = create_app(
        replace(make_settings(""), database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    )

    answer = away.test_client().get("/api/v1/health")

    assert answer.status_code == 503
    assert answer.get_json() == {"status": "no database"}
