"""A file that is posted to Open Online: sealed and rendered for real, its form filled as a browser does."""

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from werkzeug.test import TestResponse

from envelope import Level, Options, SealedEnvelope, render_securedoc, seal
from envelope.options import utc_text
from keyserver import accounts, messages
from keyserver.db import Database
from keyserver.messages import Registration
from tests.factories import make_account, make_keyring
from tests.http.steps import Browser
from tests.unit.sealed import BRAND

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
#: What browsers say of a form that a file sends, and of one that a page of ours sends.
FROM_FILE = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
FROM_HERE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
SECRET_TEXT = "The vault opens at nine"
MAIL = (
    "From: Ada <ada@a.example>\r\nTo: Bob <bob@b.example>\r\nSubject: The vault\r\n"
    "Date: Mon, 23 Nov 2026 18:00:00 +0100\r\n"
    f"Content-Type: text/plain\r\n\r\n{SECRET_TEXT}.\r\n"
).encode()

Field = tuple[str, str]


class File:
    """A securedoc on somebody's disk, whose message the key server knows."""

    def __init__(
        self,
        database: Database | None,
        mail: bytes = MAIL,
        *,
        recipient: str = "bob@b.example",
        recipients: tuple[str, ...] = (),
        locale: str = "en",
        **options: Any,
    ) -> None:
        self.recipient = recipient
        everybody = list(recipients or (recipient,))
        self.sealed = seal(
            mail,
            Options(**{"level": Level.MEDIUM} | options),
            sender="ada@a.example",
            recipients=everybody,
            now=datetime.now(UTC),
        )
        if database is not None:
            register(database, self.sealed, everybody)
        page = b"".join(
            render_securedoc(
                self.sealed, recipient=recipient, server="http://keys.test", locale=locale, brand=BRAND
            )
        )
        self.fields = fields_of(page.decode())

    def changed(self, **values: str) -> list[Field]:
        """The form with other words in it."""
        return [(name, values.get(name, value)) for name, value in self.fields]

    def posted(
        self, browser: Browser, headers: Mapping[str, str] = FROM_FILE, **options: Any
    ) -> TestResponse:
        return post(browser, form(self.fields), headers=headers, **options)


def register(database: Database, sealed: SealedEnvelope, recipients: list[str]) -> None:
    """As the gateway does it."""
    now, policy, options = datetime.now(UTC), sealed.policy, sealed.options
    registration = Registration(
        id=sealed.message_id,
        profile="standard",
        key_share=sealed.key_share,
        possession_sha256=sealed.possession_sha256,
        policy_sha256=policy.digest(),
        level=options.level,
        sender=policy.sender,
        sender_name=policy.sender_name,
        subject=policy.subject,
        sent=datetime.strptime(utc_text(policy.sent), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
        expires_after=options.expires_after,
        recipients=dict.fromkeys(recipients, True),
        mailed_code=options.mailed_code,
        online=options.online,
        remember=options.remember,
        receipt=options.receipt,
    )
    with database.writing() as db:
        account = accounts.named(db, "Bank A") or make_account(db, now=now)
        messages.register(db, account, registration, now=now, keyring=make_keyring())


def fields_of(page: str) -> list[Field]:
    """What the form of a file sends, in the document's order."""
    inputs = re.findall(r"<input\b[^>]*>", page)
    found = []
    for tag in inputs:
        name, value = re.search(r'\bname="([^"]*)"', tag), re.search(r'\bvalue="([^"]*)"', tag)
        if name and value and 'type="hidden"' in tag:
            found.append((name[1], html.unescape(value[1])))
    return found


def form(fields: list[Field]) -> bytes:
    """As multipart/form-data (RFC 7578)."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    ]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


def post(browser: Browser, body: bytes, **options: Any) -> TestResponse:
    return browser.post("/online", input_stream=BytesIO(body), content_type=TYPE, **options)


def ticket_of(answer: TestResponse) -> str:
    """What the page's forms carry on."""
    found = re.search(r'name="ticket" value="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


def step(
    browser: Browser, page: TestResponse, name: str, headers: Mapping[str, str] = FROM_FILE, **fields: str
) -> TestResponse:
    """Send one of a page's forms."""
    return browser.post(f"/online/{name}", {"ticket": ticket_of(page), **fields}, headers=dict(headers))
