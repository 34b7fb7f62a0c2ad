"""The key server behind a test client, on a database of its own; what people do with it is in steps.py."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from keyserver import create_app
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from tests.factories import Page, make_settings
from tests.http.copy_steps import Gateway, Link
from tests.http.steps import Browser, ask_for_message


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(make_settings(database_url, copies_url=(tmp_path / "copies").as_uri()))
    database: Database = app.extensions["sealpost"].database
    yield app
    database.dispose()


@pytest.fixture
def database(app: Flask) -> Database:
    found: Database = app.extensions["sealpost"].database
    return found


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser in which nobody has signed in yet."""
    return Browser(app)


@pytest.fixture
def bob(browser: Browser) -> Browser:
    """The same browser, with Bob registered and signed in."""
    browser.register("bob@b.example")
    return browser


@pytest.fixture
def envelope(database: Database) -> Callable[..., Page]:
    """The page of an envelope that has just asked to be opened; takes what `make_message` takes."""

    def make(*recipients: str, **options: Any) -> Page:
        return ask_for_message(database, *recipients, **options)

    return make


@pytest.fixture
def gateway(app: Flask) -> Gateway:
    """A gateway that puts copies."""
    return Gateway(app)


@pytest.fixture
def link(app: Flask) -> Link:
    """The page that a link to a copy leads to."""
    return Link(app)


@pytest.fixture
def store(app: Flask) -> CopyStore:
    """Where the key server keeps copies."""
    found: CopyStore = app.extensions["sealpost"].copies
    return found
