"""How mail to the open address comes in: a real Maildir that survives crashes, a real SMTP listener."""

import mailbox
import os
import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from envelope.fields import Header
from keyserver.copy_store import CopyStore
from keyserver.db import Database, upgrade
from keyserver.inbound import MOST, Inbound
from keyserver.mail_folder import FAILED, LEASE, MOST_FAILED, MailFolder
from keyserver.mail_listener import MOST_CONNECTIONS, MailListener
from keyserver.mailer import Renderer
from keyserver.models import Outbox
from keyserver.worker import Worker, receiver_for
from tests.factories import make_settings
from tests.unit.forwards import MAIL, NOTE, TO_US, attached, make_known, securedoc_of
from tests.unit.mails import multipart
from tests.unit.sealed import sealed

BOB, OPEN = "bob@b.example", "open@keys.test"
NOTHING = multipart("mixed", NOTE, header=TO_US)


class Recorded(Inbound):
    """Notes what it is given, and fails as it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, str]] = []
        self.too_large = 0
        self.fault: Callable[[bytes], None] = lambda _mail: None

    def take(self, mail: bytes, sender: str, *, now: datetime) -> None:
        self.fault(mail)
        self.taken.append((mail, sender))

    def take_too_large(self, header: Header, sender: str, *, now: datetime) -> None:
        self.too_large += 1


class Filled:
    """A Maildir as a mail server fills it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inbound = Recorded()
        for part in ("new", "cur", "tmp", FAILED):
            (path / part).mkdir(parents=True)

    def deliver(self, *mails: bytes) -> None:
        for mail in mails:
            written = self.path / "tmp" / f"1700000000.{uuid4().hex}.mail.b.example,S={len(mail)}"
            written.write_bytes(mail)
            written.rename(self.path / "new" / written.name)

    def worker(self) -> MailFolder:
        return MailFolder(self.path, self.inbound)

    def files(self, part: str) -> list[Path]:
        return sorted((self.path / part).iterdir())

    def taken(self) -> list[bytes]:
        return [mail for mail, _sender in self.inbound.taken]


@pytest.fixture
def folder(tmp_path: Path) -> Filled:
    return Filled(tmp_path / "open")


def fail(error: Exception, *, on: bytes = b"") -> Callable[[bytes], None]:
    def fault(mail: bytes) -> None:
        if on in mail:
            raise error

    return fault


def unavailable() -> OperationalError:
    return OperationalError("SELECT", {}, OSError("no database"))


def test_mails_in_the_folder_are_taken_and_removed(folder: Filled, now: datetime) -> None:
    folder.deliver(NOTHING, MAIL)

    assert folder.worker().empty(now=now)

    assert sorted(folder.inbound.taken) == sorted([(NOTHING, BOB), (MAIL, "")])
    assert not folder.files("new")
    assert not folder.files("cur")


def test_poison_does_not_keep_the_others_and_is_set_aside(folder: Filled, now: datetime) -> None:
    folder.inbound.fault = fail(ValueError("poison"), on=b"Please open")
    folder.deliver(NOTHING, MAIL)

    for turn in range(5):
        assert folder.worker().empty(now=now + turn * LEASE)

    assert folder.taken() == [MAIL]
    assert [len(folder.files(part)) for part in ("new", "cur", FAILED)] == [0, 0, 1]


def test_poison_that_kills_the_worker_is_set_aside(folder: Filled, now: datetime) -> None:
    """Nothing is left to count the try but the name that the mail was claimed under."""
    folder.inbound.fault = fail(SystemExit())  # type: ignore[arg-type]  # what ends a thread at once
    folder.deliver(NOTHING)

    for turn in range(3):
        with pytest.raises(SystemExit):
            folder.worker().empty(now=now + turn * LEASE)
    assert folder.worker().empty(now=now + 3 * LEASE)

    assert [len(folder.files(part)) for part in ("new", "cur", FAILED)] == [0, 0, 1]


def test_mail_waits_while_the_database_is_away(folder: Filled, now: datetime) -> None:
    folder.inbound.fault = fail(unavailable())
    folder.deliver(NOTHING)

    assert not any(folder.worker().empty(now=now) for _ in range(10))
    folder.inbound.fault = fail(ValueError(), on=b"nowhere")
    assert folder.worker().empty(now=now)

    assert len(folder.taken()) == 1
    assert not folder.files(FAILED)


def test_mail_of_a_dead_worker_is_taken_over_after_a_while(folder: Filled, now: datetime) -> None:
    folder.deliver(NOTHING)
    folder.inbound.fault = fail(SystemExit())  # type: ignore[arg-type]  # as above
    with pytest.raises(SystemExit):
        folder.worker().empty(now=now)
    folder.inbound.fault = fail(ValueError(), on=b"nowhere")

    folder.worker().empty(now=now + LEASE / 2)
    before = len(folder.taken())
    folder.worker().empty(now=now + LEASE)

    assert (before, len(folder.taken())) == (0, 1)


def test_mail_that_a_mail_program_has_moved_is_taken(folder: Filled, now: datetime) -> None:
    folder.deliver(NOTHING)
    (new,) = folder.files("new")
    new.rename(folder.path / "cur" / f"{new.name}:2,S")

    folder.worker().empty(now=now)

    assert len(folder.taken()) == 1
    assert not folder.files("cur")


def test_several_workers_take_each_mail_once(folder: Filled, now: datetime) -> None:
    folder.deliver(*([NOTHING] * 60))
    threads = [threading.Thread(target=folder.worker().empty, kwargs={"now": now}) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(folder.taken()) == 60
    assert not folder.files("new")


def test_mail_that_is_too_large_is_not_read(folder: Filled, now: datetime) -> None:
    folder.deliver(NOTHING)
    (new,) = folder.files("new")
    os.truncate(new, MOST + 1)

    folder.worker().empty(now=now)

    assert (folder.inbound.too_large, folder.taken()) == (1, [])
    assert not folder.files("cur")


def test_only_so_many_mails_are_set_aside(folder: Filled, now: datetime) -> None:
    for number in range(MOST_FAILED + 5):
        (folder.path / FAILED / f"{number:03}").write_bytes(b"")
        os.utime(folder.path / FAILED / f"{number:03}", (number, number))
    folder.inbound.fault = fail(ValueError("poison"))
    folder.deliver(NOTHING)

    for turn in range(3):
        folder.worker().empty(now=now + turn * LEASE)

    assert len(folder.files(FAILED)) == MOST_FAILED
    assert not (folder.path / FAILED / "000").exists()


# SMTP


@pytest.fixture
def inbound() -> Recorded:
    return Recorded()


@pytest.fixture
def listener(inbound: Recorded) -> Iterator[MailListener]:
    listener = MailListener("127.0.0.1", 0, address=OPEN, inbound=inbound)
    listener.start()
    yield listener
    listener.stop()


def send(listener: MailListener, mail: bytes, *, sender: str = BOB, to: str = OPEN) -> None:
    with smtplib.SMTP("127.0.0.1", listener.port) as smtp:
        smtp.sendmail(sender, [to], mail)


def test_mail_is_taken_before_it_is_accepted(listener: MailListener, inbound: Recorded) -> None:
    send(listener, NOTHING, to="Open@Keys.Test")

    assert inbound.taken == [(NOTHING, BOB)]


def test_null_sender_is_nobody(listener: MailListener, inbound: Recorded) -> None:
    send(listener, NOTHING, sender="<>")
    send(listener, NOTHING, sender="")

    assert [sender for _mail, sender in inbound.taken] == ["", ""]


def test_other_addresses_are_refused(listener: MailListener, inbound: Recorded) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(listener, NOTHING, to="ada@a.example")

    assert refused.value.recipients["ada@a.example"][0] == 550
    assert not inbound.taken


@pytest.mark.parametrize("error", [unavailable(), ValueError("hush hush")])
def test_mail_that_cannot_be_handled_comes_again(
    listener: MailListener, inbound: Recorded, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    inbound.fault = fail(error)

    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(listener, NOTHING)

    assert refused.value.smtp_code == 451
    assert "hush" not in caplog.text


def test_mail_over_the_limit_is_refused(listener: MailListener, inbound: Recorded) -> None:
    with smtplib.SMTP("127.0.0.1", listener.port) as smtp:
        smtp.ehlo()
        answer = smtp.docmd("MAIL", f"FROM:<{BOB}> SIZE={MOST + 1}")

    assert answer[0] == 552
    assert not inbound.taken


def test_long_lines_are_taken(listener: MailListener, inbound: Recorded) -> None:
    send(listener, TO_US + b"\r\n" + b"x" * 60_000 + b"\r\n")

    assert len(inbound.taken) == 1


def test_too_many_connections_are_told_to_come_again(listener: MailListener) -> None:
    held = [smtplib.SMTP("127.0.0.1", listener.port) for _ in range(MOST_CONNECTIONS)]

    with pytest.raises(smtplib.SMTPConnectError) as refused:
        smtplib.SMTP("127.0.0.1", listener.port)

    assert refused.value.smtp_code == 421
    for smtp in held:
        smtp.quit()


def test_taken_address_is_told(inbound: Recorded) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listener = MailListener("127.0.0.1", other.getsockname()[1], address=OPEN, inbound=inbound)
        with pytest.raises(OSError):
            listener.start()
        listener.stop()


# The worker with both


class Sent:
    """A mail server that takes everything."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []

    def send(self, mail: EmailMessage, *, to: str) -> None:
        self.mails.append((to, mail))


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Callable[[str], Sent]]:
    """Starts a worker whose mail comes in by some URL; its database is SQLite, and for real."""
    database_url = f"sqlite:///{tmp_path}/worker.sqlite"
    database = Database(database_url)
    upgrade(database.engine)
    started: list[tuple[Worker, threading.Thread]] = []

    def start(inbound_url: str) -> Sent:
        settings = make_settings(database_url, open_address=OPEN, inbound_url=inbound_url)
        store, sent = CopyStore((tmp_path / "copies").as_uri()), Sent()
        worker = Worker(
            database,
            renderer=Renderer(base_url=settings.base_url, mail_from=settings.mail_from),
            transport=sent,
            store=store,
            receiver=receiver_for(settings, database, store),
        )
        thread = threading.Thread(target=worker.run)
        thread.start()
        started.append((worker, thread))
        return sent

    start.database = database  # type: ignore[attr-defined]  # for the tests' own look
    yield start
    for worker, thread in started:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()
    database.dispose()


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def known(database: Database) -> bytes:
    """A mail that forwards an envelope which the server knows."""
    envelope = sealed(MAIL)
    with database.writing() as db:
        make_known(db, envelope, now=datetime.now(UTC))
    return attached(securedoc_of(envelope))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_worker_answers_mail_from_a_maildir(working: Callable[[str], Sent], tmp_path: Path) -> None:
    sent = working(f"maildir:{tmp_path}/open")
    until((tmp_path / "open" / "new").exists)

    mailbox.Maildir(tmp_path / "open", create=False).add(known(working.database))  # type: ignore[attr-defined]  # see above
    until(lambda: bool(sent.mails))

    ((to, mail),) = sent.mails
    body = mail.get_body(("plain",))
    assert body is not None
    assert (to, mail["Auto-Submitted"]) == (BOB, "auto-replied")
    assert "http://keys.test/forwarded/" in body.get_content()


def test_worker_answers_mail_by_smtp(working: Callable[[str], Sent]) -> None:
    port = free_port()
    sent = working(f"smtp://127.0.0.1:{port}")
    until(lambda: _listens(port))

    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.sendmail("mallory@m.example", [OPEN], known(working.database))  # type: ignore[attr-defined]  # see above
    until(lambda: bool(sent.mails))

    assert [to for to, _mail in sent.mails] == [BOB]


def test_smtp_mail_comes_again_when_the_database_is_away(working: Callable[[str], Sent]) -> None:
    port = free_port()
    working(f"smtp://127.0.0.1:{port}")
    until(lambda: _listens(port))
    database: Database = working.database  # type: ignore[attr-defined]  # see above
    mail = known(database)
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE message RENAME TO away"))

    with smtplib.SMTP("127.0.0.1", port) as smtp, pytest.raises(smtplib.SMTPDataError) as refused:
        smtp.sendmail(BOB, [OPEN], mail)

    assert refused.value.smtp_code == 451
    with database.reading() as db:
        assert not db.scalars(select(Outbox)).all()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("changes", [{}, {"open_address": OPEN}])
def test_nothing_comes_in_where_it_is_not_set_up(changes: dict[str, str], tmp_path: Path) -> None:
    settings = make_settings(f"sqlite:///{tmp_path}/any.sqlite", **changes)

    assert receiver_for(settings, Database(settings.database_url), CopyStore(settings.copies_url)) is None


def test_lease_is_longer_than_any_turn() -> None:
    """A claim must not be taken over while its worker is at it."""
    assert timedelta(minutes=5) <= LEASE
