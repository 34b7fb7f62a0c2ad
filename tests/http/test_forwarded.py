"""The link that answers a forwarded envelope: mute to strangers, opens once, asks what the level asks."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from envelope import Level, Options, SealedEnvelope
from envelope.ids import uuid7
from keyserver import forwarding, messages
from keyserver.db import Database
from keyserver.inbound import Inbound
from keyserver.models import ForwardedLink, MessageRecipient, Outbox
from keyserver.views import web
from tests.http.steps import NAMES, PASSPHRASE, Browser, ago
from tests.unit.forwards import MAIL, attached, make_known, securedoc_of
from tests.unit.sealed import sealed

BOB = "bob@b.example"
TEXT = "What it says"


class Link:
    """A link in Bob's mailbox, with its code."""

    def __init__(self, context: dict[str, str], envelope: SealedEnvelope) -> None:
        self.id, self.code = UUID(context["link"]), context["code"]
        self.path = f"/forwarded/{self.id}"
        self.envelope = envelope


class Forwarding:
    """Bob forwards; the worker answers."""

    def __init__(self, app: Flask) -> None:
        services: web.Services = app.extensions["sealpost"]
        self.database = services.database
        settings = services.settings
        self._inbound = Inbound(settings, self.database, services.copies)

    def link(self, level: Level = Level.MEDIUM, **changes: object) -> Link:
        envelope = sealed(MAIL, Options(level=level))
        now = ago(seconds=0)
        with self.database.writing() as db:
            make_known(db, envelope, BOB, now=now, **changes)
        self._inbound.take(attached(securedoc_of(envelope)), "mallory@m.example", now=now)
        with self.database.reading() as db:
            found = select(Outbox.context).where(Outbox.address == BOB, Outbox.name == "forwarded")
            return Link(db.scalars(found.order_by(Outbox.id.desc())).first() or {}, envelope)

    def opened(self, link: Link) -> bool:
        """Whether the sender is told that Bob has opened it."""
        with self.database.reading() as db:
            row = db.get(MessageRecipient, (link.envelope.message_id, BOB))
            assert row is not None
            return row.first_opened is not None


@pytest.fixture
def forwards(app: Flask) -> Forwarding:
    return Forwarding(app)


def press(browser: Browser, link: Link, **fields: str) -> TestResponse:
    """«Continue», then «Open message»."""
    first = browser.post(link.path, {"code": link.code, **fields})
    assert first.status_code == 200, first.text
    return browser.post(f"{link.path}/open", {"code": link.code, **fields})


def mute(page: TestResponse) -> str:
    """The page without its own address, which whoever asks knows."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", page.text)


def ticket(page: TestResponse) -> dict[str, str]:
    found = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert found, page.text
    return {"ticket": found[1]}


def test_calling_the_link_up_shows_nothing_and_spends_nothing(browser: Browser, forwards: Forwarding) -> None:
    link = forwards.link()
    paths = (link.path, f"/forwarded/{uuid7()}", f"/forwarded/{uuid4()}")

    pages = [mute(browser.get(path)) for path in paths]

    assert browser.client.head(link.path).status_code == 200
    assert pages[0] == pages[1] == pages[2]
    assert "Ada" not in pages[0]
    assert "Bank A" not in pages[0]
    assert not forwards.opened(link)
    assert TEXT in press(browser, forwards.link(Level.NONE)).text


def test_link_that_nobody_had_the_code_of_stays_good(browser: Browser, forwards: Forwarding) -> None:
    link = forwards.link(Level.NONE)

    for code in ("", "0000-0000-0000-0000", link.code[:9], link.code + "0"):
        for path in (link.path, f"{link.path}/open"):
            answer = browser.post(path, {"code": code})
            assert answer.status_code == 422
            assert "Ada" not in answer.text

    assert TEXT in press(browser, link).text


def test_unknown_link_is_answered_like_a_wrong_code(browser: Browser, forwards: Forwarding) -> None:
    link = forwards.link()
    wrong = {"code": "0000-0000-0000-0000"}

    texts = {mute(browser.post(path, wrong)) for path in (link.path, f"/forwarded/{uuid7()}")}

    assert len(texts) == 1


def test_first_press_says_whose_message_it_is_and_spends_nothing(
    browser: Browser, forwards: Forwarding
) -> None:
    link = forwards.link(Level.NONE)

    for _ in range(3):
        page = browser.post(link.path, {"code": link.code})
        assert page.status_code == 200
        assert "ada@a.example" in page.text
        assert BOB in page.text
        assert "sees its text" in page.text
        assert TEXT not in page.text

    assert not forwards.opened(link)
    assert TEXT in press(browser, link).text


def test_message_without_passphrase_opens_once(browser: Browser, forwards: Forwarding) -> None:
    link = forwards.link(Level.NONE)

    opened, again = press(browser, link), browser.post(f"{link.path}/open", {"code": link.code})
    looked = browser.post(link.path, {"code": link.code})

    assert TEXT in opened.text
    assert forwards.opened(link)
    for page in (again, looked):
        assert page.status_code == 410
        assert "This link has been used" in page.text
        assert TEXT not in page.text
        assert "Ada" not in page.text


@pytest.mark.parametrize(
    ("level", "changes"), [(Level.PROVEN, {}), (Level.MEDIUM, {"mailed_code": True})], ids=["proven", "code"]
)
def test_link_counts_as_a_mailed_code_where_that_is_enough(
    browser: Browser, forwards: Forwarding, level: Level, changes: dict[str, bool]
) -> None:
    link = forwards.link(level, **changes)

    assert TEXT in press(browser, link).text
    assert forwards.opened(link)


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH])
def test_passphrase_is_asked_for_where_a_code_is_not_enough(
    browser: Browser, forwards: Forwarding, level: Level
) -> None:
    browser.register(BOB)
    browser.post("/signout")
    link = forwards.link(level)

    asked = press(browser, link)
    assert TEXT not in asked.text
    assert not forwards.opened(link)
    opened = browser.post("/online/passphrase", {**ticket(asked), "passphrase": PASSPHRASE})

    assert TEXT in opened.text
    assert forwards.opened(link)


def test_link_signs_nobody_in(browser: Browser, forwards: Forwarding) -> None:
    """It opens its one message, and leaves nothing behind in the browser."""
    opened = press(browser, forwards.link(Level.MEDIUM, mailed_code=True))
    other = press(browser, forwards.link(Level.MEDIUM))

    assert TEXT in opened.text
    assert TEXT not in other.text
    assert not browser.signed_in()
    assert browser.get("/welcome").location == "/code"


def test_newcomer_gets_in_by_a_mailed_code(browser: Browser, forwards: Forwarding) -> None:
    asked = press(browser, forwards.link(Level.MEDIUM))
    coded = browser.post("/online/code", ticket(asked))
    named = browser.post("/online/code", {**ticket(coded), "code": browser.code(BOB)})
    opened = browser.post("/online/welcome", {**ticket(named), **NAMES, "passphrase": PASSPHRASE})

    assert TEXT in opened.text


@pytest.mark.parametrize("origin", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}])
def test_way_works_in_a_mail_programs_sandbox(
    browser: Browser, forwards: Forwarding, origin: dict[str, str]
) -> None:
    """Such a tab has no origin, and its cookies count for nothing."""
    link = forwards.link(Level.NONE)
    first = browser.post(link.path, {"code": link.code}, headers=origin)
    opened = browser.post(f"{link.path}/open", {"code": link.code}, headers=origin)

    assert "http://keys.test" in first.headers["Content-Security-Policy"]
    assert "Cross-Origin-Opener-Policy" not in first.headers
    assert TEXT in opened.text


def test_session_does_not_count_where_the_form_came_from_elsewhere(
    browser: Browser, forwards: Forwarding
) -> None:
    browser.register(BOB)
    link = forwards.link(Level.MEDIUM)

    elsewhere = browser.post(
        f"{link.path}/open", {"code": link.code}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert TEXT not in elsewhere.text


def test_session_counts_on_our_own_page(browser: Browser, forwards: Forwarding) -> None:
    browser.register(BOB)

    assert TEXT in press(browser, forwards.link(Level.MEDIUM)).text


def test_locked_message_does_not_spend_its_link(browser: Browser, forwards: Forwarding) -> None:
    link = forwards.link(Level.NONE)
    message_id = link.envelope.message_id
    with forwards.database.writing() as db:
        messages.lock(db, message_id, actor="ada", reason="Wrong file.", now=ago(seconds=0))

    for path in (link.path, f"{link.path}/open"):
        refused = browser.post(path, {"code": link.code})
        assert refused.status_code == 403
        assert "Wrong file." in refused.text
    with forwards.database.writing() as db:
        messages.unlock(db, message_id, actor="ada", now=ago(seconds=0))

    assert TEXT in press(browser, link).text


def test_old_link_says_so_whether_there_was_one_or_not(browser: Browser) -> None:
    long_ago = int((ago(days=2)).timestamp() * 1000)
    made = UUID(int=long_ago << 80 | 7 << 76 | 0b10 << 62 | 12345)

    for answer in (browser.get(f"/forwarded/{made}"), browser.post(f"/forwarded/{made}", {"code": "0" * 16})):
        assert answer.status_code == 410
        assert "This link is too old" in answer.text
        assert "forward its mail once more" in answer.text


def test_link_past_its_time_is_too_old(browser: Browser, forwards: Forwarding) -> None:
    link = forwards.link(Level.NONE)
    older = uuid7().int - (int(forwarding.LIFETIME / timedelta(milliseconds=1)) << 80)
    with forwards.database.writing() as db:
        db.execute(update(ForwardedLink).values(id=UUID(int=older)))

    refused = browser.post(f"/forwarded/{UUID(int=older)}/open", {"code": link.code})

    assert refused.status_code == 410
    assert "too old" in refused.text


def test_guessing_is_slowed_down(browser: Browser, forwards: Forwarding) -> None:
    link = forwards.link()
    for _ in range(40):
        browser.post(link.path, {"code": "0" * 16})

    assert browser.post(link.path, {"code": link.code}).status_code == 429


def test_code_stands_in_no_address(browser: Browser, forwards: Forwarding) -> None:
    """Nor does the way back to the press keep it."""
    link = forwards.link(Level.NONE)

    pages = [browser.get(link.path), browser.post(link.path, {"code": link.code}), press(browser, link)]
    back = browser.get(f"{link.path}/open")

    for page in pages:
        assert link.code not in "".join(re.findall(r'(?:href|action|src)="([^"]*)"', page.text))
        assert page.headers["Cache-Control"] == "no-store"
    assert (back.status_code, back.location) == (303, link.path)


def test_language_can_be_changed_on_the_way(browser: Browser, forwards: Forwarding) -> None:
    link = forwards.link(Level.NONE)

    first = browser.post(link.path, {"code": link.code, "locale": "en", "language": "de"})
    second = browser.post(link.path, {"code": link.code, "locale": "de"})
    third = browser.post(f"{link.path}/open", {"code": link.code, "locale": "de", "language": "fr"})
    opened = browser.post(f"{link.path}/open", {"code": link.code, "locale": "fr"})

    languages = [re.search(r'<html lang="(\w+)"', page.text) for page in (first, second, third, opened)]
    assert [found and found[1] for found in languages] == ["de", "de", "fr", "fr"]
    assert f'value="{link.code}"' in first.text
    assert TEXT in opened.text


@pytest.fixture
def two(app: Flask) -> Iterator[tuple[Browser, Browser]]:
    yield Browser(app), Browser(app, "192.0.2.77")


def test_of_two_presses_one_opens(two: tuple[Browser, Browser], forwards: Forwarding) -> None:
    link = forwards.link(Level.NONE)
    for browser in two:
        assert browser.post(link.path, {"code": link.code}).status_code == 200

    answers = [browser.post(f"{link.path}/open", {"code": link.code}) for browser in two]

    assert [answer.status_code for answer in answers] == [200, 410]


def test_database_of_links_opens_nothing(database: Database, forwards: Forwarding, tmp_path: Path) -> None:
    link = forwards.link()
    with database.reading() as db:
        (row,) = db.scalars(select(ForwardedLink))

    assert link.envelope.envelope_secret not in row.sealed_secret
    assert not any(
        link.envelope.envelope_secret in path.read_bytes() for path in (tmp_path / "copies").iterdir()
    )
