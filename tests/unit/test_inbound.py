"""Mail to the open address: who is answered what, and who hears nothing."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from envelope import Level, Options, SealedEnvelope, b64u_encode, open_payload
from keyserver import copies, forwarding, inbound, messages, people
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.errors import CopyStoreError, LinkUsedError
from keyserver.inbound import Inbound
from keyserver.mailer import Renderer
from keyserver.models import AuditEntry, ForwardedLink, Outbox, StoredCopy
from keyserver.outbox import Waiting
from tests.factories import SOURCE, make_person, make_settings
from tests.unit.forwards import (
    FORWARDS,
    MAIL,
    NOTE,
    TO_US,
    attached,
    forwarded_whole,
    link_of,
    make_known,
    notice_of,
    securedoc_of,
)
from tests.unit.mails import OFFER, multipart, part
from tests.unit.sealed import sealed

BOB, MALLORY = "bob@b.example", "mallory@m.example"
SERVER = "http://keys.test"


class Door:
    """The open address, and what everybody got from it."""

    def __init__(self, database: Database, folder: Path, *, now: datetime) -> None:
        self.database, self.now = database, now
        self.store = CopyStore((folder / "copies").as_uri())
        settings = make_settings("sqlite://", open_address="open@keys.test")
        self._inbound = Inbound(settings, database, self.store)

    def known(
        self, *recipients: str, options: Options | None = None, mail: bytes = MAIL, **changes: Any
    ) -> SealedEnvelope:
        """An envelope that the server knows."""
        envelope = sealed(mail, options or Options(level=Level.MEDIUM), recipients=recipients or (BOB,))
        with self.database.writing() as db:
            make_known(db, envelope, *recipients, now=self.now, **changes)
        return envelope

    def take(self, mail: bytes, sender: str = BOB, *, later: timedelta = timedelta(0)) -> None:
        self._inbound.take(mail, sender, now=self.now + later)

    def mails(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """Who got which mail, in which language, with what in it."""
        with self.database.reading() as db:
            rows = db.scalars(select(Outbox).order_by(Outbox.id))
            return [(row.address, row.name, row.locale, row.context) for row in rows]

    def only(self, name: str, address: str = BOB) -> dict[str, Any]:
        """What is in the one mail that was sent."""
        ((to, what, _locale, context),) = self.mails()
        assert (to, what) == (address, name)
        return context

    def copies(self) -> list[StoredCopy]:
        with self.database.reading() as db:
            return list(db.scalars(select(StoredCopy)))

    def keep_copy(self, envelope: SealedEnvelope) -> None:
        """As the gateway does where the notice carries a link."""
        with self.database.writing() as db:
            copies.begin(db, envelope.message_id, lifetime=None, now=self.now)
        size = self.store.write(envelope.message_id, envelope.copy())
        with self.database.writing() as db:
            copies.finish(db, envelope.message_id, size=size)

    def opened_by_link(self, envelope: SealedEnvelope, context: dict[str, Any]) -> bytes:
        """What the link of a mail leads to."""
        with self.database.writing() as db:
            held = forwarding.spend(db, UUID(context["link"]), context["code"], source=SOURCE, now=self.now)
        with self.store.open(held.copy_id) as copy:
            policy, _, payload = copy.read().partition(b"\n")
        content = open_payload(
            payload,
            key_share=envelope.key_share,
            envelope_secret=held.envelope_secret,
            policy=policy.decode() or None,
        )
        return b"".join(bytes(part.data) for part in content.parts)


@pytest.fixture
def door(database: Database, tmp_path: Path, now: datetime) -> Door:
    return Door(database, tmp_path, now=now)


@pytest.mark.parametrize("program", ["Gmail", "Thunderbird, as attachment", "without its scripts"])
def test_forwarded_envelope_brings_its_recipient_a_link(door: Door, program: str) -> None:
    """S138."""
    envelope = door.known()

    door.take(FORWARDS[program](notice_of(envelope, server=SERVER), securedoc_of(envelope, server=SERVER)))

    assert b"What it says" in door.opened_by_link(envelope, door.only("forwarded"))


def test_envelope_without_a_script_brings_a_link(door: Door) -> None:
    """S137, S138."""
    envelope = door.known(options=Options(level=Level.MEDIUM, script=False))

    door.take(attached(securedoc_of(envelope, server=SERVER)))

    assert b"What it says" in door.opened_by_link(envelope, door.only("forwarded"))


@pytest.mark.parametrize("sender", [MALLORY, "", "no-reply@m.example"])
def test_link_goes_to_the_recipient_whoever_forwards(door: Door, sender: str) -> None:
    envelope = door.known("bob@b.example", "jane@c.example")
    mail = attached(securedoc_of(envelope, "jane@c.example")).replace(b"bob@b.example", MALLORY.encode())

    door.take(b"Reply-To: mallory@m.example\r\n" + mail, sender)

    door.only("forwarded", "jane@c.example")


def test_link_does_not_go_to_whoever_is_written_into_the_file(door: Door) -> None:
    envelope = door.known()
    forged = securedoc_of(envelope).replace(b'"recipient":"bob@b.example"', b'"recipient":"eve@e.example"')

    door.take(attached(forged), MALLORY)

    assert door.only("forwarded_unread", MALLORY) == {"fault": "foreign"}


def _with_secret(page: bytes, envelope: SealedEnvelope, secret: bytes) -> bytes:
    return page.replace(b64u_encode(envelope.envelope_secret).encode(), b64u_encode(secret).encode())


@pytest.mark.parametrize("known", [True, False])
def test_secret_of_another_envelope_is_no_secret(door: Door, known: bool) -> None:
    """Whether there is such a message is told to nobody who does not hold it."""
    envelope, other = door.known() if known else sealed(MAIL), sealed(MAIL)
    page = _with_secret(securedoc_of(envelope, server=SERVER), envelope, other.envelope_secret)

    door.take(attached(page), MALLORY)

    assert door.only("forwarded_unread", MALLORY) == {"fault": "unusable"}


def test_locked_message_is_told_to_its_recipient(door: Door) -> None:
    envelope = door.known()
    with door.database.writing() as db:
        messages.lock(db, envelope.message_id, actor="ada", reason="Wrong file.", now=door.now)

    door.take(attached(securedoc_of(envelope)), MALLORY)

    context = door.only("forwarded_refused")
    assert (context["reason"], context["said"]) == ("message-locked", "Wrong file.")
    assert not door.copies()


def test_expired_message_is_told_to_its_recipient(door: Door) -> None:
    envelope = door.known(expires_after=timedelta(days=1))

    door.take(attached(securedoc_of(envelope)), MALLORY, later=timedelta(days=2))

    context = door.only("forwarded_refused")
    assert (context["reason"], context["when"][:10]) == ("message-expired", "2026-11-24")


def test_message_that_may_not_be_opened_online_is_not(door: Door) -> None:
    envelope = door.known(online=False)

    door.take(attached(securedoc_of(envelope)), MALLORY)

    assert door.only("forwarded_refused")["reason"] == "online-forbidden"
    assert not door.copies()


def _altered(envelope: SealedEnvelope) -> bytes:
    page = securedoc_of(envelope)
    at = page.rindex(b'name="p"') + 60
    return page[:at] + (b"B" if page[at : at + 1] == b"A" else b"A") + page[at + 1 :]


def test_altered_file_is_told_to_its_recipient(door: Door) -> None:
    envelope = door.known()

    door.take(attached(_altered(envelope)), MALLORY)

    assert door.only("forwarded_refused")["reason"] == "altered"
    assert not door.copies()


def test_file_with_another_ones_policy_is_altered(door: Door) -> None:
    envelope = sealed(MAIL)
    with door.database.writing() as db:
        make_known(db, envelope, now=door.now)
    shows = Options(level=Level.MEDIUM, show_subject=True)
    other = sealed(MAIL, shows, message_id=envelope.message_id)
    page = _with_secret(securedoc_of(other), other, envelope.envelope_secret)

    door.take(attached(page), MALLORY)

    assert door.only("forwarded_refused")["reason"] == "altered"


def test_stored_copy_serves_where_the_file_was_damaged(door: Door) -> None:
    envelope = door.known()
    door.keep_copy(envelope)

    door.take(attached(_altered(envelope)), MALLORY)

    assert b"What it says" in door.opened_by_link(envelope, door.only("forwarded"))
    assert [copy.id for copy in door.copies()] == [envelope.message_id]


def test_policy_that_was_altered_does_no_harm(door: Door) -> None:
    """What it says is on record here; the payload is what counts."""
    envelope = door.known()
    page = securedoc_of(envelope).replace(b"sender_name", b"sender\\u005fname", 1)

    door.take(attached(page.replace(b"Ada", b"Eva")))

    assert b"What it says" in door.opened_by_link(envelope, door.only("forwarded"))


def test_forwarded_link_opens_the_stored_copy(door: Door) -> None:
    envelope = door.known()
    door.keep_copy(envelope)

    door.take(TO_US + f"\r\nPlease open:\r\n\r\n{link_of(envelope, server=SERVER)}\r\n".encode())

    assert b"What it says" in door.opened_by_link(envelope, door.only("forwarded"))


def test_forwarded_link_without_a_copy_is_told_to_its_recipient(door: Door) -> None:
    envelope = door.known()

    door.take(TO_US + f"\r\n{link_of(envelope, server=SERVER)}\r\n".encode(), MALLORY)

    assert door.only("forwarded_refused")["reason"] == "no-copy"


def test_notice_with_file_and_link_brings_one_mail(door: Door) -> None:
    envelope = door.known()
    text = part("text/plain", link_of(envelope, server=SERVER).encode())

    door.take(multipart("mixed", text, part("text/html", securedoc_of(envelope)), header=TO_US))

    assert b"What it says" in door.opened_by_link(envelope, door.only("forwarded"))


def test_several_envelopes_bring_a_link_each(door: Door) -> None:
    first, second, stranger = door.known(), door.known("jane@c.example"), sealed(MAIL)
    notices = (notice_of(first), notice_of(second, "jane@c.example"), notice_of(stranger))

    door.take(
        multipart("digest", NOTE, *(part("message/rfc822", notice) for notice in notices), header=TO_US)
    )

    assert [(to, name) for to, name, _, _ in door.mails()] == [
        (BOB, "forwarded"),
        ("jane@c.example", "forwarded"),
    ]


def test_link_is_written_in_the_organisations_language_or_in_the_persons(door: Door) -> None:
    for_bob, for_jane = door.known(), door.known("jane@c.example")
    with door.database.writing() as db:
        jane = make_person(db, "jane@c.example", now=door.now)
        people.update_profile(db, jane, first_name="J", last_name="D", locale="ja", now=door.now)

    door.take(attached(securedoc_of(for_bob)))
    door.take(attached(securedoc_of(for_jane, "jane@c.example")))

    assert [(to, locale) for to, _, locale, _ in door.mails()] == [(BOB, "de"), ("jane@c.example", "ja")]


USELESS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: multipart("mixed", NOTE, OFFER, header=TO_US), "nothing"),
    "foreign": (lambda: attached(securedoc_of(sealed(MAIL), server="https://other.example")), "foreign"),
    "foreign link": (
        lambda: TO_US + f"\r\n{link_of(sealed(MAIL), server='https://other.example')}".encode(),
        "foreign",
    ),
    "damaged": (
        lambda: attached(securedoc_of(sealed(MAIL), server=SERVER).partition(b'name="p"')[0]),
        "unusable",
    ),
    "unknown": (lambda: forwarded_whole(notice_of(sealed(MAIL), server=SERVER)), "unusable"),
}


@pytest.mark.parametrize("name", USELESS)
def test_sender_of_a_useless_mail_is_helped(door: Door, name: str) -> None:
    make, fault = USELESS[name]

    door.take(b"Accept-Language: xx, fr;q=0.5\r\n" + make())

    ((to, mail, locale, context),) = door.mails()
    assert (to, mail, locale, context) == (BOB, "forwarded_unread", "fr", {"fault": fault})


def test_sender_is_helped_once_a_day(door: Door) -> None:
    mail = multipart("mixed", NOTE, header=TO_US)

    for hours in (0, 1, 23, 25):
        door.take(mail, later=timedelta(hours=hours))

    assert len(door.mails()) == 2


def test_flood_of_useless_mail_is_not_answered(door: Door) -> None:
    mail = multipart("mixed", NOTE, header=TO_US)

    for number in range(110):
        door.take(mail, f"{number}@m.example")

    assert len(door.mails()) == 100


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; owner-email=x@m.example",
        "Precedence: bulk",
        "Precedence: List",
        "List-Id: <news.m.example>",
        "List-Unsubscribe: <mailto:x@m.example>",
        "X-Auto-Response-Suppress: All",
        "X-Loop: open@keys.test",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
        "\r\n".join(f"Received: from {n}.m.example" for n in range(51)),
    ],
)
def test_program_is_not_answered(door: Door, field: str) -> None:
    """RFC 3834."""
    door.take(field.encode() + b"\r\nFrom: x@m.example\r\nTo: open@keys.test\r\n\r\nHello\r\n")

    assert not door.mails()


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "<>",
        "MAILER-DAEMON@m.example",
        "postmaster@m.example",
        "no-reply@m.example",
        "donotreply@m.example",
        "do-not-reply+7@m.example",
        "bounce+x=y@m.example",
        "owner-list@m.example",
        "list-request@m.example",
        "news-bounces@m.example",
        "open@keys.test",
        "Open@Keys.Test",
        "sealpost@keys.test",
        "no address",
        "\udcff@m.example",
    ],
)
def test_nobody_is_not_answered(door: Door, sender: str) -> None:
    door.take(MAIL, sender)

    assert not door.mails()


def test_auto_submitted_no_is_a_person(door: Door) -> None:
    door.take(b"Auto-Submitted: no\r\n" + MAIL)

    door.only("forwarded_unread")


def test_mail_that_goes_round_in_circles_is_dropped(door: Door) -> None:
    envelope = door.known()

    door.take(b"Received: from x\r\n" * 51 + attached(securedoc_of(envelope)))

    assert not door.mails()
    assert not door.copies()


def test_own_answer_that_comes_back_is_not_answered(door: Door) -> None:
    """A mailbox that forwards everything to us gets its link, and no more."""
    envelope = door.known()
    door.take(attached(securedoc_of(envelope)))
    renderer = Renderer(base_url=SERVER, mail_from="sealpost@keys.test")
    context = door.only("forwarded")
    ours = renderer.render(Waiting(UUID(int=1), BOB, "forwarded", "en", context, 1)).as_bytes()

    door.take(ours)
    door.take(
        forwarded_whole(ours).replace(b"Return-Path", b"Auto-Submitted: auto-generated\r\nReturn-Path", 1)
    )

    door.only("forwarded")


def test_holder_of_an_envelope_floods_nobody(door: Door) -> None:
    """And uses up nothing of what the recipient may do with other envelopes."""
    envelope, other = door.known(), door.known()

    for _ in range(20):
        door.take(attached(securedoc_of(envelope)), MALLORY)
    door.take(attached(securedoc_of(other)))

    assert [name for _, name, _, _ in door.mails()] == ["forwarded"] * 6
    assert len(door.copies()) == 6


def test_copies_go_with_their_links(door: Door) -> None:
    door.take(attached(securedoc_of(door.known())))
    (copy,) = door.copies()

    with door.database.writing() as db:
        gone = copies.condemn(db, now=door.now + inbound.COPY_LIFETIME)

    assert list(gone) == [copy.id]


class Broken(CopyStore):
    """A store whose disk is full."""

    def write(self, copy_id: UUID, chunks: Any) -> int:
        raise CopyStoreError("no space", refused=False)


def test_mail_comes_again_when_the_store_is_away(door: Door, database: Database, tmp_path: Path) -> None:
    envelope = door.known()
    settings = make_settings("sqlite://", open_address="open@keys.test")
    broken = Inbound(settings, database, Broken((tmp_path / "copies").as_uri()))

    mail = attached(securedoc_of(envelope))

    for _ in range(20):
        with pytest.raises(CopyStoreError):
            broken.take(mail, BOB, now=door.now)

    assert not door.mails()
    assert not door.copies()
    door.take(mail)
    door.only("forwarded")


def test_database_alone_opens_nothing(door: Door) -> None:
    """Neither the code nor the envelope's secret stands in it, once the mail is out."""
    envelope = door.known()
    door.take(attached(securedoc_of(envelope)))
    code = door.only("forwarded")["code"].replace("-", "").encode()

    with door.database.reading() as db:
        (link,) = db.scalars(select(ForwardedLink))
        trail = " ".join(db.scalars(select(AuditEntry.data)))

    kept = link.secret_sha256 + link.sealed_secret + link.id.bytes
    assert code not in kept
    assert envelope.envelope_secret not in kept
    assert code.decode() not in trail


def test_log_tells_nothing_of_the_mail(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="keyserver")
    door.take(attached(securedoc_of(door.known())))
    code = door.only("forwarded")["code"]
    door.take(TO_US + b"Message-ID: <hush@b.example>\r\n\r\nHush hush\r\n", "somebody@m.example")

    said = caplog.text.lower()
    assert "hush" not in said
    assert "somebody" not in said
    assert code.lower() not in said


def test_link_is_spent_once(door: Door) -> None:
    envelope = door.known()
    door.take(attached(securedoc_of(envelope)))
    context = door.only("forwarded")
    door.opened_by_link(envelope, context)

    with pytest.raises(LinkUsedError):
        door.opened_by_link(envelope, context)
