"""Open Online: the whole way from a posted file to the message, at each level, with cookies and without."""

import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import select

from envelope.options import Level
from keyserver.db import Database
from keyserver.models import AuditEntry, MessageRecipient, Outbox, Person, StoredCopy
from tests.http.posting import FROM_FILE, FROM_HERE, SECRET_TEXT, File, form, post, step
from tests.http.steps import NAMES, PASSPHRASE, Browser
from tests.unit.mails import HTML, LOGO, OFFER, PDF, PLAIN, encoded, multipart

OPEN = "The vault"


@pytest.fixture
def cookieless(app: Flask) -> Browser:
    """A tab in which nothing is kept."""
    browser = Browser(app)
    browser.client = app.test_client(use_cookies=False)
    return browser


def events(database: Database, event: str) -> list[str]:
    with database.reading() as db:
        return [entry.data for entry in db.scalars(select(AuditEntry).where(AuditEntry.event == event))]


def opened_by(database: Database, address: str = "bob@b.example") -> datetime | None:
    with database.reading() as db:
        found = select(MessageRecipient.first_opened).where(MessageRecipient.address == address)
        return db.scalar(found)


def test_posted_file_says_whose_message_it_is_and_opens_nothing(
    cookieless: Browser, database: Database
) -> None:
    page = File(database, show_subject=True).posted(cookieless)

    assert page.status_code == 200
    for said in ("Bank A", "Ada", "ada@a.example", "bob@b.example", "sees its text", "Open message"):
        assert said in page.text
    assert 'action="http://keys.test/online/open"' in page.text
    assert "form-action 'self' http://keys.test;" in page.headers["Content-Security-Policy"]
    assert "Cross-Origin-Opener-Policy" not in page.headers
    assert SECRET_TEXT not in page.text
    assert opened_by(database) is None
    assert not events(database, "message opened online")


def test_level_none_opens_at_one_press(cookieless: Browser, database: Database) -> None:
    """S14, S50."""
    page = File(database, level=Level.NONE).posted(cookieless)

    message = step(cookieless, page, "open")

    assert message.status_code == 200
    assert SECRET_TEXT in message.text
    assert opened_by(database) is not None
    (entry,) = events(database, "message opened online")
    assert '"shown": "nothing"' in entry
    assert '"person": null' in entry


@pytest.mark.parametrize("level", [Level.MEDIUM, Level.HIGH, Level.PROVEN])
def test_passphrase_opens_without_cookies(
    bob: Browser, cookieless: Browser, database: Database, level: Level
) -> None:
    """S48, S49."""
    page = step(cookieless, File(database, level=level).posted(cookieless), "open")
    assert SECRET_TEXT not in page.text
    assert 'name="remember"' not in page.text

    message = step(cookieless, page, "passphrase", passphrase=PASSPHRASE)

    assert SECRET_TEXT in message.text
    assert "Set-Cookie" not in message.headers
    (entry,) = events(database, "message opened online")
    assert '"shown": "passphrase"' in entry


def test_wrong_passphrase_opens_nothing(bob: Browser, cookieless: Browser, database: Database) -> None:
    page = step(cookieless, File(database).posted(cookieless), "open")

    refused = step(cookieless, page, "passphrase", passphrase="not that one at all")

    assert refused.status_code == 422
    assert "do not go together" in refused.text
    assert SECRET_TEXT not in refused.text
    assert opened_by(database) is None


def test_newcomer_reads_after_a_code_and_a_passphrase_of_their_own(
    cookieless: Browser, database: Database
) -> None:
    """S11: the first time, in one tab, without cookies."""
    page = step(cookieless, File(database).posted(cookieless), "open")
    page = step(cookieless, page, "code")
    assert "We mailed it to bob@b.example" in page.text

    page = step(cookieless, page, "code", code=cookieless.code("bob@b.example"))
    assert "Your name and passphrase" in page.text
    assert SECRET_TEXT not in page.text
    message = step(cookieless, page, "welcome", **NAMES, passphrase=PASSPHRASE)

    assert SECRET_TEXT in message.text
    assert "Set-Cookie" not in message.headers
    assert cookieless.sign_in("bob@b.example").status_code == 303


def test_code_is_not_a_passphrase_where_one_is_wanted(cookieless: Browser, database: Database) -> None:
    """S48: whoever skips the page where it is chosen gets nowhere."""
    page = step(cookieless, File(database, level=Level.HIGH).posted(cookieless), "open")
    page = step(cookieless, page, "code")
    page = step(cookieless, page, "code", code=cookieless.code("bob@b.example"))

    assert SECRET_TEXT not in step(cookieless, page, "open").text
    assert opened_by(database) is None


@pytest.mark.parametrize(
    "options", [{"level": Level.PROVEN}, {"level": Level.MEDIUM, "mailed_code": True}], ids=str
)
def test_mailed_code_is_enough_where_the_sender_allows_it(
    cookieless: Browser, database: Database, options: dict[str, object]
) -> None:
    page = step(cookieless, File(database, **options).posted(cookieless), "open")
    assert "no passphrase is needed" in page.text

    page = step(cookieless, page, "code")
    message = step(cookieless, page, "code", code=cookieless.code("bob@b.example"))

    assert SECRET_TEXT in message.text
    (entry,) = events(database, "message opened online")
    assert '"shown": "code"' in entry


def test_wrong_code_says_how_often_one_may_still_try(cookieless: Browser, database: Database) -> None:
    page = step(cookieless, File(database, level=Level.PROVEN).posted(cookieless), "open")
    page = step(cookieless, page, "code")

    refused = step(cookieless, page, "code", code="0000 0000")

    assert refused.status_code == 422
    assert "You can try 9 more times" in refused.text
    assert SECRET_TEXT in step(cookieless, refused, "code", code=cookieless.code("bob@b.example")).text


def test_code_of_a_person_who_is_kept_out_opens_nothing(
    bob: Browser, cookieless: Browser, database: Database
) -> None:
    with database.writing() as db:
        db.scalars(select(Person)).one().active = False
    page = step(cookieless, File(database, level=Level.PROVEN).posted(cookieless), "open")
    page = step(cookieless, page, "code")

    refused = step(cookieless, page, "code", code=cookieless.code("bob@b.example"))

    assert refused.status_code == 403
    assert SECRET_TEXT not in refused.text


def test_live_session_makes_one_press_enough_on_our_own_page(bob: Browser, database: Database) -> None:
    """S49."""
    page = File(database).posted(bob)

    message = step(bob, page, "open", FROM_HERE)

    assert SECRET_TEXT in message.text
    (entry,) = events(database, "message opened online")
    assert '"shown": "session"' in entry


def test_remembered_computer_makes_one_press_enough(app: Flask, bob: Browser, database: Database) -> None:
    """S49."""
    remembered = Browser(app)
    remembered.sign_in("bob@b.example", remember="yes")
    remembered.client.delete_cookie("sealpost-session")

    message = step(remembered, File(database).posted(remembered), "open", FROM_HERE)

    assert SECRET_TEXT in message.text
    (entry,) = events(database, "message opened online")
    assert '"shown": "device"' in entry


@pytest.mark.parametrize("headers", [FROM_FILE, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_cookies_count_for_nothing_when_another_page_sends_the_form(
    bob: Browser, database: Database, headers: dict[str, str]
) -> None:
    page = File(database).posted(bob)

    answer = step(bob, page, "open", headers)

    assert SECRET_TEXT not in answer.text
    assert 'name="passphrase"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_high_asks_for_the_passphrase_whatever_is_remembered(bob: Browser, database: Database) -> None:
    """S48."""
    page = step(bob, File(database, level=Level.HIGH).posted(bob), "open", FROM_HERE)

    assert SECRET_TEXT not in page.text
    assert 'name="remember"' not in page.text
    assert SECRET_TEXT in step(bob, page, "passphrase", FROM_HERE, passphrase=PASSPHRASE).text


def test_passphrase_on_our_own_page_signs_in_and_may_remember(
    app: Flask, bob: Browser, database: Database
) -> None:
    elsewhere = Browser(app)
    page = step(elsewhere, File(database).posted(elsewhere), "open", FROM_HERE)
    assert 'name="remember"' in page.text

    step(elsewhere, page, "passphrase", FROM_HERE, passphrase=PASSPHRASE, remember="yes")

    assert elsewhere.signed_in()
    elsewhere.client.delete_cookie("sealpost-session")
    assert elsewhere.signed_in()


def test_somebody_elses_session_does_not_open(app: Flask, database: Database) -> None:
    eve = Browser(app)
    eve.register("eve@e.example")

    page = step(eve, File(database).posted(eve), "open", FROM_HERE)

    assert SECRET_TEXT not in page.text
    refused = step(eve, page, "passphrase", FROM_HERE, address="eve@e.example", passphrase=PASSPHRASE)
    assert refused.status_code == 422
    assert "not among those" in refused.text


def test_further_address_opens_by_its_owners_own_passphrase(
    app: Flask, cookieless: Browser, database: Database
) -> None:
    """A shared mailbox: nobody signs in with it, whoever has proven it opens."""
    from keyserver import people

    owner = Browser(app)
    owner.register("ann@b.example")
    with database.writing() as db:
        person = db.scalars(select(Person)).one()
        people.prove_address(db, person, "office@b.example", now=datetime.now(UTC))
    file = File(database, recipient="office@b.example", level=Level.HIGH)
    page = step(cookieless, step(cookieless, file.posted(cookieless), "open"), "signin")

    message = step(cookieless, page, "passphrase", address="ann@b.example", passphrase=PASSPHRASE)

    assert SECRET_TEXT in message.text


def test_opening_queues_one_receipt_however_often_it_is_shown(
    cookieless: Browser, database: Database
) -> None:
    """S54."""
    page = File(database, level=Level.NONE, receipt=True).posted(cookieless)

    message = step(cookieless, page, "open")
    step(cookieless, message, "pictures")
    step(cookieless, page, "open")

    with database.reading() as db:
        assert [mail.name for mail in db.scalars(select(Outbox))] == ["receipt"]


def test_message_page_has_head_text_and_files(cookieless: Browser, database: Database) -> None:
    """S13, S60, S131: what the browser does not decrypt, the server does."""
    mail = multipart("mixed", multipart("related", HTML, LOGO, boundary="r", header=b""), OFFER)

    message = step(cookieless, File(database, mail, level=Level.NONE).posted(cookieless), "open")

    assert "<h1>Hello</h1>" in message.text
    assert "Ada &lt;ada@a.example&gt;" in message.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in message.text
    assert "data:image/png;base64,iVBORw" in message.text or "data:image/png;base64,iVBO" in message.text
    assert re.search(r"offer\.pdf.*14 byte", message.text, re.DOTALL)
    assert "logo.png" not in message.text
    assert "opened the message for you" in message.text
    policy = message.headers["Content-Security-Policy"]
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


def test_file_is_downloaded_as_it_was_attached(cookieless: Browser, database: Database) -> None:
    """S60, S131."""
    mail = multipart("mixed", PLAIN, OFFER)
    message = step(cookieless, File(database, mail, level=Level.NONE).posted(cookieless), "open")
    found = re.search(r'name="part" value="(\d+)"', message.text)
    assert found

    download = step(cookieless, message, "file", part=found[1])

    assert download.data == PDF
    assert download.headers["Content-Disposition"] == "attachment; filename=offer.pdf"
    assert download.headers["Content-Type"] == "application/octet-stream"
    assert download.headers["X-Content-Type-Options"] == "nosniff"
    assert download.headers["Content-Length"] == str(len(PDF))
    assert len(events(database, "message opened online")) == 1


@pytest.mark.parametrize(
    ("name", "plain"), [("Pläne für Zoë.pdf", '"Plane fur Zoe.pdf"'), ("計画.pdf", "pdf")]
)
def test_name_of_a_download_is_kept_in_every_script(
    cookieless: Browser, database: Database, name: str, plain: str
) -> None:
    encoded_name = f"filename*=UTF-8''{quote(name, safe='')}"
    offer = encoded("application/pdf", PDF, f"Content-Disposition: attachment; {encoded_name}")
    mail = multipart("mixed", PLAIN, offer)
    message = step(cookieless, File(database, mail, level=Level.NONE).posted(cookieless), "open")

    download = step(cookieless, message, "file", part="1")

    disposition = download.headers["Content-Disposition"]
    assert disposition == f"attachment; filename={plain}; {encoded_name}"
    assert download.data == PDF


@pytest.mark.parametrize("part", ["", "-1", "99", "x"])
def test_file_that_is_none_is_not_found(cookieless: Browser, database: Database, part: str) -> None:
    message = step(cookieless, File(database, level=Level.NONE).posted(cookieless), "open")

    assert step(cookieless, message, "file", part=part).status_code == 404


def test_file_needs_what_the_message_needs(bob: Browser, cookieless: Browser, database: Database) -> None:
    page = File(database, multipart("mixed", PLAIN, OFFER)).posted(cookieless)

    answer = step(cookieless, page, "file", part="1")

    assert 'name="passphrase"' in answer.text
    assert PDF not in answer.data


def test_pictures_from_the_internet_wait_until_they_are_asked_for(
    cookieless: Browser, database: Database
) -> None:
    html = b'Content-Type: text/html\r\n\r\n<p>Hi<img src="https://track.example/1.png">'
    mail = multipart("mixed", html)
    message = step(cookieless, File(database, mail, level=Level.NONE).posted(cookieless), "open")
    assert "track.example" not in message.text
    assert "https:" not in message.headers["Content-Security-Policy"].replace("http://keys.test", "")
    assert "Show pictures" in message.text

    shown = step(cookieless, message, "pictures")

    assert "https://track.example/1.png" in shown.text
    assert "Show pictures" not in shown.text
    assert "img-src 'self' http://keys.test data: https: http:" in shown.headers["Content-Security-Policy"]


def test_page_can_be_read_in_another_language(cookieless: Browser, database: Database) -> None:
    page = File(database).posted(cookieless)

    german = step(cookieless, page, "language", locale="de", step="start")

    assert '<html lang="de"' in german.text
    assert '<html lang="de"' in step(cookieless, german, "open").text


def test_files_language_serves_where_the_browser_has_none_of_ours(
    cookieless: Browser, database: Database
) -> None:
    file = File(database, locale="fr")

    ours = file.posted(cookieless, headers={**FROM_FILE, "Accept-Language": "pl,en"})
    none_of_ours = file.posted(cookieless, headers={**FROM_FILE, "Accept-Language": "fi"})

    assert '<html lang="pl"' in ours.text
    assert '<html lang="fr"' in none_of_ours.text


def test_get_changes_nothing_and_says_where_to_begin(cookieless: Browser, database: Database) -> None:
    page = File(database, level=Level.NONE).posted(cookieless)
    assert "ticket" in page.text

    for path in ("/online", "/online/open", "/online/file", "/online/nonsense"):
        answer = cookieless.get(path)
        assert answer.status_code == 410
        assert "Open the file from the mail once more" in answer.text

    assert opened_by(database) is None


def test_visitor_may_press_from_the_page_of_another_host(cookieless: Browser, database: Database) -> None:
    """S43-S47: what was posted over HTTP, or to a separate URL, is opened at the portal."""
    page = File(database, level=Level.NONE).posted(
        cookieless, headers={**FROM_FILE, "Host": "payload.a.example"}
    )

    assert 'action="http://keys.test/online/open"' in page.text
    headers = {"Origin": "http://payload.a.example", "Sec-Fetch-Site": "cross-site"}
    assert SECRET_TEXT in step(cookieless, page, "open", headers).text


def test_copy_that_was_posted_stays_for_minutes(cookieless: Browser, database: Database) -> None:
    File(database).posted(cookieless)

    with database.reading() as db:
        copy = db.scalars(select(StoredCopy)).one()
    assert copy.size
    assert copy.expires is not None
    assert 29 * 60 < (copy.expires - datetime.now(UTC)).total_seconds() <= 30 * 60


def test_other_fields_of_a_form_mean_nothing(cookieless: Browser, database: Database) -> None:
    file = File(database, level=Level.NONE)

    page = post(cookieless, form([("noise", "x"), *file.fields, ("more", "y")]), headers=FROM_FILE)

    assert SECRET_TEXT in step(cookieless, page, "open").text
