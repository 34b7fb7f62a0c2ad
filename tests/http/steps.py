"""What people do at the key server's pages, step by step; a step that does not go well ends the test."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from keyserver import accounts, openings
from keyserver.db import Database
from keyserver.models import Outbox
from tests.factories import SOURCE, Page, make_account, make_keyring, make_message

PASSPHRASE = "seven slow wooden boats"
NEW_PASSPHRASE = "nine quick paper kites"
NAMES = {"first_name": "Robert", "last_name": "Baker", "locale": "en"}


class Browser:
    """A browser at one network address, with its own cookies; whoever sits there reads everybody's mail."""

    def __init__(self, app: Flask, source: str = "192.0.2.1") -> None:
        self.client = app.test_client()
        self.database: Database = app.extensions["sealpost"].database
        self._environ = {"REMOTE_ADDR": source}

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, environ_base=self._environ, **options)

    def post(self, path: str, fields: dict[str, str] | str | None = None, **options: Any) -> TestResponse:
        return self.client.post(path, data=fields, environ_base=self._environ, **options)

    def mails(self, address: str) -> list[Outbox]:
        """Mails that wait to be sent to an address, the oldest first."""
        with self.database.reading() as db:
            return list(db.scalars(select(Outbox).where(Outbox.address == address).order_by(Outbox.id)))

    def code(self, address: str) -> str:
        """The code in the newest mail."""
        return str(self.mails(address)[-1].context["code"])

    def ask_code(self, address: str) -> str:
        """Where the code that was mailed is to be typed."""
        answer = self.post("/code", {"address": address})
        assert answer.status_code == 303, answer.text
        return answer.location

    def prove(self, address: str) -> None:
        answer = self.post(self.ask_code(address), {"code": self.code(address)})
        assert answer.status_code == 303, answer.text

    def register(self, address: str, passphrase: str = PASSPHRASE, **fields: str) -> None:
        """From nothing to signed in."""
        self.prove(address)
        answer = self.post("/welcome", {**NAMES, "passphrase": passphrase, **fields})
        assert answer.status_code == 303, answer.text

    def sign_in(self, address: str, passphrase: str = PASSPHRASE, **fields: str) -> TestResponse:
        return self.post("/signin", {"address": address, "passphrase": passphrase, **fields})

    def signed_in(self) -> bool:
        return self.get("/inbox").status_code == 200

    def person(self) -> str:
        """Whose profile this browser shows."""
        found = re.search(r'name="first_name" value="([^"]*)"', self.get("/profile").text)
        assert found
        return found[1]


def ask_for_message(database: Database, *recipients: str, **options: Any) -> Page:
    """A message of Bank A, and the page of its envelope, which has asked to open it."""
    now = datetime.now(UTC)
    recipients = recipients or ("bob@b.example",)
    with database.writing() as db:
        account = accounts.named(db, "Bank A") or make_account(db, now=now)
        message = make_message(db, account, *recipients, **{"now": now, **options})
    page = Page(message, recipients[0])
    with database.writing() as db:
        openings.ask(db, page.ask(), source=SOURCE, now=now, keyring=make_keyring())
    return page


def result(database: Database, page: Page) -> openings.Waiting | openings.Released:
    """What the page hears when it asks what became of its opening."""
    with database.writing() as db:
        return openings.result(db, page.opening, page.poll_secret, now=datetime.now(UTC))


def window(page: Page) -> str:
    """Where the window of an opening is."""
    return f"/open/{page.opening}"


def ago(**units: float) -> datetime:
    return datetime.now(UTC) - timedelta(**units)
