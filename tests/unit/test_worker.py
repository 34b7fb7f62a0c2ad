"""Mail out: rendered when sent, sent once, retried, forgotten; and the purge."""

import mailbox
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from keyserver import codes, outbox
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.mailer import Renderer, transport_for
from keyserver.models import MailedCode, Outbox
from keyserver.outbox import Waiting
from keyserver.worker import Worker
from tests.factories import KEY, SOURCE
from translations import LOCALES

SENDER = {"organisation": "Bank <A> & Co", "sender": "Ada (ada@a.example)"}
CONTEXTS: dict[str, dict[str, Any]] = {
    "code": {"code": "1234 5678", "flow": str(uuid4()), "minutes": 20, "organisation": None},
    "welcome": {"code": "1234 5678", "flow": str(uuid4()), "organisation": "Bank <A> & Co"},
    "passphrase_changed": {"name": "Robert Baker", "when": "2026-11-23T18:00:00+00:00"},
    "forwarded": {**SENDER, "link": str(uuid4()), "code": "0AB1-CD2E-FG3H-JK4M", "hours": 24},
    **{
        f"forwarded_refused {reason}": {**SENDER, "reason": reason, **more}
        for reason, more in {
            "message-locked": {"said": "Wrong file."},
            "message-expired": {"when": "2026-11-23T18:00:00+00:00"},
            "online-forbidden": {},
            "no-copy": {},
            "altered": {},
        }.items()
    },
    **{
        f"forwarded_unread {fault}": {"fault": fault}
        for fault in ("nothing", "foreign", "unusable", "too-large")
    },
}


class Unreliable:
    """A mail server that refuses the first mails it is given."""

    def __init__(self, refusals: int) -> None:
        self.refusals, self.sent = refusals, list[EmailMessage]()

    def send(self, mail: EmailMessage, *, to: str) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            raise ConnectionRefusedError
        self.sent.append(mail)


def renderer() -> Renderer:
    return Renderer(base_url="https://keys.test", mail_from="sealpost@keys.test")


def make_worker(database: Database, transport: Unreliable) -> Worker:
    return Worker(database, renderer=renderer(), transport=transport, store=CopyStore("file:///nonexistent"))


def put(database: Database, *, now: datetime, to: str = "bob@b.example") -> None:
    with database.writing() as db:
        outbox.put(db, to=to, name="code", locale="en", context=CONTEXTS["code"], now=now)


def waiting(name: str, locale: str = "en") -> Waiting:
    return Waiting(uuid4(), "bob@b.example", name.partition(" ")[0], locale, CONTEXTS[name], attempts=1)


@pytest.mark.parametrize("name", CONTEXTS)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_mail_renders_in_every_locale(name: str, locale: str) -> None:
    mail = renderer().render(waiting(name, locale))
    text, html = mail.iter_parts()

    assert mail["Content-Language"] == locale
    assert mail["Subject"].strip()
    assert mail["Auto-Submitted"] == ("auto-replied" if "forwarded" in name else "auto-generated")
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert f'lang="{locale}"' in html.get_content()


def test_code_mail_has_code_and_link_but_no_code_in_the_subject() -> None:
    mail = renderer().render(waiting("code"))
    text = mail.get_body(("plain",))

    assert text is not None
    assert "1234 5678" in text.get_content()
    assert f"https://keys.test/code/{CONTEXTS['code']['flow']}" in text.get_content()
    assert "1234" not in mail["Subject"]


def test_link_mail_has_link_and_code_but_neither_in_the_subject() -> None:
    mail = renderer().render(waiting("forwarded"))
    context = CONTEXTS["forwarded"]

    for part in mail.iter_parts():
        assert f"https://keys.test/forwarded/{context['link']}#{context['code']}" in part.get_content()
    assert "0AB1" not in mail["Subject"]


def test_names_are_text_in_html() -> None:
    html = renderer().render(waiting("welcome")).get_body(("html",))

    assert html is not None
    assert "Bank &lt;A&gt; &amp; Co" in html.get_content()


def test_sent_mail_leaves_nothing_behind(database: Database, now: datetime) -> None:
    transport = Unreliable(0)
    put(database, now=now)

    assert make_worker(database, transport).send_due(now=now) == 1

    assert transport.sent[0]["To"] == "bob@b.example"
    with database.reading() as db:
        assert outbox.length(db) == 0


def test_refused_mail_is_tried_again_later_and_later(database: Database, now: datetime) -> None:
    transport = Unreliable(2)
    worker = make_worker(database, transport)
    put(database, now=now)

    tried = [worker.send_due(now=now + timedelta(seconds=seconds)) for seconds in (0, 14, 15, 44, 45)]

    assert tried == [1, 0, 1, 0, 1]
    assert len(transport.sent) == 1


def test_one_bad_mail_does_not_keep_the_others(database: Database, now: datetime) -> None:
    transport = Unreliable(0)
    with database.writing() as db:
        outbox.put(db, to="a@b.example", name="nonexistent", locale="en", context={}, now=now)
    put(database, now=now)

    make_worker(database, transport).send_due(now=now)

    assert [mail["To"] for mail in transport.sent] == ["bob@b.example"]


def test_mail_taken_by_one_worker_is_left_alone_by_others(database: Database, now: datetime) -> None:
    put(database, now=now)
    with database.writing() as db:
        taken = outbox.take(db, now=now)
    with database.writing() as db:
        again, after_lease = outbox.take(db, now=now), outbox.take(db, now=now + outbox.LEASE)

    assert (len(taken), len(again), len(after_lease)) == (1, 0, 1)
    assert "1234" not in repr(taken)


def test_purge_drops_what_nobody_waits_for(database: Database, now: datetime) -> None:
    with database.writing() as db:
        codes.request(db, address="bob@b.example", locale="en", source=SOURCE, now=now, key=KEY)

    make_worker(database, Unreliable(0)).purge(now=now + timedelta(days=3))

    with database.reading() as db:
        assert db.scalars(select(Outbox)).all() == []
        assert db.scalars(select(MailedCode)).all() == []


def test_worker_runs_until_it_is_stopped(database: Database) -> None:
    transport = Unreliable(0)
    worker = make_worker(database, transport)
    put(database, now=datetime.now(UTC))
    thread = threading.Thread(target=worker.run)
    thread.start()
    while not transport.sent:
        thread.join(0.01)

    worker.stop()
    thread.join(10)

    assert not thread.is_alive()


def test_folder_has_a_maildir_per_address(tmp_path: Path) -> None:
    transport = transport_for(f"maildir:{tmp_path}")

    for address in ("Bob@b.example", "../../../etc@b.example"):
        transport.send(renderer().render(waiting("code")), to=address)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["%2F..%2F..%2Fetc@b.example", "bob@b.example"]
    (kept,) = mailbox.Maildir(tmp_path / "bob@b.example", create=False)
    assert kept["Subject"]


class Inbox:
    """What a mail server was given."""

    def __init__(self) -> None:
        self.received = list[tuple[str, list[str], bytes]]()

    async def handle_DATA(self, _server: object, _session: object, smtp_envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        content = smtp_envelope.content
        self.received.append((smtp_envelope.mail_from, smtp_envelope.rcpt_tos, content))
        return "250 OK"


@pytest.fixture
def server() -> Iterator[Controller]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Inbox(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


def test_mail_server_gets_the_mail(server: Controller) -> None:
    transport = transport_for(f"smtp://127.0.0.1:{server.port}")

    transport.send(renderer().render(waiting("code")), to="bob@b.example")

    ((sender, recipients, content),) = server.handler.received
    assert (sender, recipients) == ("sealpost@keys.test", ["bob@b.example"])
    assert b"1234 5678" in content


@pytest.mark.parametrize("scheme", ["smtp+tls", "smtps"])
def test_mail_does_not_leave_in_clear_where_tls_is_asked_for(server: Controller, scheme: str) -> None:
    transport = transport_for(f"{scheme}://user:hunter2@127.0.0.1:{server.port}")

    with pytest.raises(OSError):  # smtplib's and ssl's alike
        transport.send(renderer().render(waiting("code")), to="bob@b.example")

    assert server.handler.received == []
    assert "hunter2" not in repr(transport)
