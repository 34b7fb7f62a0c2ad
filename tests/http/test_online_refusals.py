"""Open Online when something is wrong: each its own page in the reader's language; nothing is left behind."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from envelope.ids import b64u_encode
from envelope.options import Level
from keyserver import messages
from keyserver.db import Database
from keyserver.models import AuditEntry, Message, Person, StoredCopy, Throttle
from keyserver.tickets import PURPOSE, Ticket
from keyserver.views.posted import MOST
from tests.factories import make_settings
from tests.http.posting import FROM_FILE, SECRET_TEXT, TYPE, Field, File, form, post, step, ticket_of
from tests.http.steps import PASSPHRASE, Browser
from tests.unit.mails import OFFER, PLAIN, multipart

TICKETS = make_settings("sqlite://").derived(PURPOSE)


@pytest.fixture
def nothing_left(database: Database, tmp_path: Path) -> Callable[[], bool]:
    """Whether no copy and no row of one is there."""

    def look() -> bool:
        with database.reading() as db:
            rows = db.scalars(select(StoredCopy)).all()
        folder = tmp_path / "copies"
        return not rows and not (folder.exists() and list(folder.iterdir()))

    return look


def zeros(fields: list[Field]) -> bytes:
    size = 40 * 1024 * 1024
    return form([*(field for field in fields if field[0] != "p"), ("p", "A" * size)])


def raw_zeros(_fields: list[Field]) -> bytes:
    return bytes(40 * 1024 * 1024)


def no_payload(fields: list[Field]) -> bytes:
    return form([field for field in fields if field[0] != "p"])


def future_version(fields: list[Field]) -> bytes:
    prelude = b"SEALPOST" + bytes((2, 1)) + bytes(86)
    return form([*(field for field in fields if field[0] != "p"), ("p", b64u_encode(prelude))])


def other_secret(fields: list[Field]) -> bytes:
    return form([(name, "A" * 43 if name == "secret" else value) for name, value in fields])


def altered_segment(fields: list[Field]) -> bytes:
    name, value = fields[-1]
    return form([*fields[:-1], (name, value[:-1] + ("A" if value[-1] != "A" else "E"))])


def altered_digest(fields: list[Field]) -> bytes:
    return form([(name, "A" * 43 if name == "digest" else value) for name, value in fields])


def rewritten_letters(fields: list[Field]) -> bytes:
    return form([*fields[:-1], ("p", "https://safelinks.example/?u=" + fields[-1][1])])


def lost_segment(fields: list[Field]) -> bytes:
    return form(fields[:-1])


def cut_off(fields: list[Field]) -> bytes:
    whole = form(fields)
    return whole[: len(whole) - 200]


def header_only(fields: list[Field]) -> bytes:
    return form(fields)[:300]


def nonsense(_fields: list[Field]) -> bytes:
    return b"nonsense"


@pytest.mark.parametrize(
    ("damage", "status", "said"),
    [
        (zeros, 422, "There was no secure message in what arrived"),
        (raw_zeros, 422, "There was no secure message in what arrived"),
        (no_payload, 422, "There was no secure message in what arrived"),
        (future_version, 422, "This message is newer than this server"),
        (other_secret, 404, "This server does not know this message"),
        (altered_segment, 422, "This message was altered on the way"),
        (altered_digest, 422, "This message was altered on the way"),
        (rewritten_letters, 422, "This message was altered on the way"),
        (lost_segment, 422, "This message was altered on the way"),
        (cut_off, 400, "Only a part of the message arrived here"),
        (header_only, 400, "Only a part of the message arrived here"),
        (nonsense, 400, "Only a part of the message arrived here"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damaged_post_has_its_own_page_and_leaves_nothing(
    browser: Browser,
    database: Database,
    nothing_left: Callable[[], bool],
    damage: Callable[[list[Field]], bytes],
    status: int,
    said: str,
) -> None:
    file = File(database, level=Level.NONE)

    answer = post(browser, damage(file.fields), headers=FROM_FILE)

    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert 'href="/"' not in answer.text
    assert nothing_left()


def test_refusal_speaks_the_files_language(browser: Browser, database: Database) -> None:
    file = File(database, locale="fr")

    answer = post(browser, other_secret(file.fields), headers=FROM_FILE)

    assert '<html lang="fr"' in answer.text


def test_envelope_of_another_server_is_not_known(
    browser: Browser, database: Database, nothing_left: Callable[[], bool]
) -> None:
    answer = File(None).posted(browser)

    assert answer.status_code == 404
    assert "This server does not know this message" in answer.text
    assert nothing_left()


def test_payload_of_another_envelope_is_not_opened(browser: Browser, database: Database) -> None:
    one, other = File(database, level=Level.NONE), File(database, level=Level.NONE)
    words = [field for field in one.fields if field[0] != "p"]
    payload = [field for field in other.fields if field[0] == "p"]

    answer = post(browser, form(words + payload), headers=FROM_FILE)

    assert answer.status_code == 404
    assert "This server does not know this message" in answer.text


def test_payload_under_another_policy_is_altered(
    browser: Browser, database: Database, nothing_left: Callable[[], bool]
) -> None:
    file = File(database, level=Level.NONE)
    with database.writing() as db:
        db.execute(update(Message).values(policy_sha256=bytes(32)))

    answer = file.posted(browser)

    assert "This message was altered on the way" in answer.text
    assert nothing_left()


def test_address_that_it_was_not_made_for_is_told_so(
    browser: Browser, database: Database, nothing_left: Callable[[], bool]
) -> None:
    file = File(database)

    answer = post(browser, form(file.changed(recipient="eve@e.example")), headers=FROM_FILE)

    assert answer.status_code == 403
    assert "This message is for another address" in answer.text
    assert nothing_left()


def test_form_that_a_filter_rewrote_says_so(
    browser: Browser, database: Database, nothing_left: Callable[[], bool]
) -> None:
    file = File(database)

    answer = browser.post("/online", dict(file.fields), headers=FROM_FILE)

    assert answer.status_code == 415
    assert "The file was changed on its way to you" in answer.text
    assert nothing_left()


def test_post_that_says_it_is_too_large_is_not_read(
    browser: Browser, nothing_left: Callable[[], bool]
) -> None:
    class Unread(BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("read before it was refused")

    answer = browser.post(
        "/online",
        input_stream=Unread(),
        content_type=TYPE,
        headers=FROM_FILE,
        environ_overrides={"CONTENT_LENGTH": str(MOST + 1)},
    )

    assert answer.status_code == 413
    assert "This message is too large to be opened here" in answer.text
    assert nothing_left()


def test_post_of_unsaid_length_is_counted(
    browser: Browser, database: Database, nothing_left: Callable[[], bool]
) -> None:
    file = File(database, level=Level.NONE)
    segment = ("p", "A" * 1_000_000)
    body = form([*file.fields[:-1], *[segment] * (MOST // 1_000_000 + 1)])

    answer = browser.post(
        "/online",
        input_stream=BytesIO(body),
        content_type=TYPE,
        headers=FROM_FILE,
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )

    assert answer.status_code == 413
    assert nothing_left()


def test_client_that_hangs_up_leaves_nothing(
    browser: Browser, database: Database, nothing_left: Callable[[], bool]
) -> None:
    body = form(File(database, level=Level.NONE).fields)

    length = {"CONTENT_LENGTH": str(len(body))}
    answer = post(browser, body[: len(body) // 2], headers=FROM_FILE, environ_overrides=length)

    assert answer.status_code == 400
    assert "Only a part of the message arrived here" in answer.text
    assert nothing_left()


@pytest.mark.parametrize("moment", ["posted", "opened"])
def test_locked_message_says_why(browser: Browser, database: Database, moment: str) -> None:
    """S6, S12."""
    file = File(database, level=Level.NONE)
    page = file.posted(browser)
    with database.writing() as db:
        messages.lock(db, file.sealed.message_id, actor="ada", reason="Wrong figures", now=datetime.now(UTC))

    answer = file.posted(browser) if moment == "posted" else step(browser, page, "open")

    assert answer.status_code == 403
    for said in ("The sender has locked this message", "Wrong figures", "Bank A"):
        assert said in answer.text
    assert SECRET_TEXT not in answer.text


@pytest.mark.parametrize("moment", ["posted", "opened"])
def test_expired_message_says_when(browser: Browser, database: Database, moment: str) -> None:
    """S121."""
    file = File(database, level=Level.NONE)
    page = file.posted(browser)
    with database.writing() as db:
        past = datetime.now(UTC) - timedelta(minutes=1)
        messages.set_expiry(db, file.sealed.message_id, expires=past, actor="ada", now=datetime.now(UTC))

    answer = file.posted(browser) if moment == "posted" else step(browser, page, "open")

    assert answer.status_code == 403
    assert "This message has expired" in answer.text
    assert SECRET_TEXT not in answer.text


def test_file_of_a_message_that_was_locked_meanwhile_is_kept(browser: Browser, database: Database) -> None:
    file = File(database, multipart("mixed", PLAIN, OFFER), level=Level.NONE)
    message = step(browser, file.posted(browser), "open")
    with database.writing() as db:
        messages.lock(db, file.sealed.message_id, actor="ada", reason=None, now=datetime.now(UTC))

    answer = step(browser, message, "file", part="1")

    assert answer.status_code == 403
    assert b"PDF" not in answer.data


def test_message_that_the_sender_forbids_to_open_here_says_how_else(
    browser: Browser, database: Database, nothing_left: Callable[[], bool]
) -> None:
    file = File(database, level=Level.NONE)
    with database.writing() as db:
        db.execute(update(Message).values(online=False))

    answer = file.posted(browser)

    assert answer.status_code == 403
    assert "The sender does not allow this message to be opened here" in answer.text
    assert nothing_left()


@pytest.mark.parametrize("ticket", ["", "nonsense", "AAAA", "A" * 9_000])
def test_ticket_that_is_none_opens_nothing(browser: Browser, ticket: str) -> None:
    answer = browser.post("/online/open", {"ticket": ticket}, headers=FROM_FILE)

    assert answer.status_code == 410
    assert "Open the file from the mail once more" in answer.text


def test_tampered_ticket_opens_nothing(browser: Browser, database: Database) -> None:
    ticket = ticket_of(File(database, level=Level.NONE).posted(browser))
    tampered = ticket[:40] + ("A" if ticket[40] != "A" else "B") + ticket[41:]

    assert browser.post("/online/open", {"ticket": tampered}).status_code == 410


def test_ticket_is_good_for_half_an_hour(browser: Browser, database: Database) -> None:
    ticket = Ticket.unseal(
        ticket_of(File(database, level=Level.NONE).posted(browser)), TICKETS, now=datetime.now(UTC)
    )
    assert timedelta(minutes=29) < ticket.until - datetime.now(UTC) <= timedelta(minutes=30)
    old = changed(ticket, until=datetime.now(UTC) - timedelta(seconds=1))

    assert browser.post("/online/open", {"ticket": old}).status_code == 410


def test_ticket_with_another_messages_copy_opens_nothing(browser: Browser, database: Database) -> None:
    one, other = (
        Ticket.unseal(
            ticket_of(File(database, level=Level.NONE).posted(browser)), TICKETS, now=datetime.now(UTC)
        )
        for _ in range(2)
    )

    answer = browser.post("/online/open", {"ticket": changed(one, copy_id=other.copy_id)})

    assert answer.status_code == 410
    assert SECRET_TEXT not in answer.text


def test_ticket_and_what_is_in_it_stand_in_no_repr(browser: Browser, database: Database) -> None:
    file = File(database)
    ticket = Ticket.unseal(ticket_of(file.posted(browser)), TICKETS, now=datetime.now(UTC))

    assert str(file.sealed.envelope_secret) not in repr(ticket)


def test_passphrase_that_was_changed_meanwhile_no_longer_counts(bob: Browser, database: Database) -> None:
    page = step(bob, File(database, level=Level.HIGH).posted(bob), "open")
    message = step(bob, page, "passphrase", passphrase=PASSPHRASE)
    assert SECRET_TEXT in message.text
    with database.writing() as db:
        db.scalars(select(Person)).one().epoch += 1

    again = step(bob, message, "pictures")

    assert SECRET_TEXT not in again.text
    assert 'name="passphrase"' in again.text


def test_copy_that_was_dropped_says_so(browser: Browser, database: Database) -> None:
    page = File(database, level=Level.NONE).posted(browser)
    with database.writing() as db:
        db.execute(update(StoredCopy).values(expires=datetime.now(UTC)))

    answer = step(browser, page, "open")

    assert answer.status_code == 410
    assert "This message is no longer here" in answer.text


def test_copy_that_was_altered_in_the_store_is_not_shown(
    browser: Browser, database: Database, tmp_path: Path
) -> None:
    page = File(database, level=Level.NONE).posted(browser)
    (copy,) = (tmp_path / "copies").iterdir()
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)

    answer = step(browser, page, "open")

    assert answer.status_code == 422
    assert "This message was altered on the way" in answer.text


def test_one_place_cannot_fill_the_disk_with_one_envelope(app: Flask, database: Database) -> None:
    file, flood = File(database), Browser(app, source="192.0.2.66")
    while (answer := file.posted(flood)).status_code == 200:
        pass

    assert answer.status_code == 429
    assert "Retry-After" in answer.headers
    with database.reading() as db:
        assert len(db.scalars(select(StoredCopy)).all()) == 10
    assert File(database).posted(flood).status_code == 200
    assert file.posted(Browser(app, source="192.0.2.67")).status_code == 200


def test_busy_server_asks_to_come_back(app: Flask, browser: Browser, database: Database) -> None:
    file = File(database, multipart("mixed", PLAIN, OFFER), level=Level.NONE)
    message = step(browser, file.posted(browser), "open")
    streams = app.extensions["sealpost"].streams
    under_way = [streams.of(iter(())) for _ in range(4)]

    busy = step(browser, message, "file", part="1")
    for stream in under_way:
        stream.close()

    assert busy.status_code == 503
    assert "downloading" in busy.text
    for _ in range(6):
        with step(browser, message, "file", part="1") as answer:
            assert answer.status_code == 200


def test_nothing_in_clear_is_kept_or_logged(
    browser: Browser,
    database: Database,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    file = File(database, multipart("mixed", PLAIN, OFFER), level=Level.NONE)
    message = step(browser, file.posted(browser), "open")
    step(browser, message, "file", part="1")
    secrets = [b"Hello", b"%PDF", b"offer.pdf", file.sealed.envelope_secret]
    secrets += [b64u_encode(file.sealed.envelope_secret).encode(), ticket_of(message).encode()]

    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    kept += [caplog.text.encode(), _dump(database)]

    assert not list(temporary.iterdir())
    assert [secret for secret in secrets for data in kept if secret in data] == []


def test_no_secret_stands_in_an_address(browser: Browser, database: Database) -> None:
    message = step(browser, File(database, level=Level.NONE).posted(browser), "open")

    assert not re.findall(r'(?:action|href)="[^"]*\?[^"]*(?:ticket|secret|part)', message.text)


def changed(ticket: Ticket, **values: object) -> str:
    fields = {name: getattr(ticket, name) for name in Ticket.__slots__}
    return Ticket(**{**fields, **values}).seal(TICKETS)


def _dump(database: Database) -> bytes:
    """Every value of every table that a visit touches."""
    tables = [Message, StoredCopy, AuditEntry, Throttle]
    with database.reading() as db:
        rows = [row for table in tables for row in db.execute(text(f"SELECT * FROM {table.__tablename__}"))]
    values = [value for row in rows for value in row]
    return b"\0".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in values
    )
