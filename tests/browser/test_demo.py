"""The demo itself: what `make demo` promises to somebody who has just come by."""

import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo.maildirs import Maildirs
from demo.organisation import environment
from keyserver import create_app
from keyserver.settings import Settings
from tests.browser.journey import open_as_newcomer
from tests.browser.person import Person
from tests.browser.stack import ROOT, Demo, free_port, mail_to, running_demo
from tests.browser.windows import PlaywrightWindow, wait_for


def test_envelope_saved_from_the_mailbox_page_opens(somebody: Person, demo: Demo, address: str) -> None:
    """All that the README tells to do, by browser alone."""
    demo.send(mail_to(address, text="What it says.")).notice(address)
    page = somebody.open(f"{demo.url}/demo/")
    page.click(address)
    page.click("Secure message from Ada Moreau")
    page.see("Download it and open it in your browser")
    file = page.download("securedoc.html")

    envelope = somebody.open(file)
    open_as_newcomer(envelope, demo, address)
    envelope.see_in_frame("What it says.")

    page.click(address)
    page.click("code")
    page.see_in_frame(demo.code_for(address))


def test_link_in_a_mail_opens_the_message_in_a_window_of_its_own(
    somebody: Person, demo: Demo, address: str
) -> None:
    """S26: shown as a mail program shows it, and clicked there."""
    demo.send(mail_to(address, "[link, no passphrase] Hello", text="What it says.")).notice(address)
    page = somebody.open(f"{demo.url}/demo/{address}/")
    page.click("Hello")
    page.see_in_frame("has sent you a secure message")

    assert isinstance(page, PlaywrightWindow)
    with page.page.expect_popup() as opened:
        page.page.frame_locator("iframe").get_by_role("link", name="Read message").click()

    assert "/read/" in opened.value.url
    assert opened.value.evaluate("() => [self.origin, window.opener]") == [demo.url, None]


def test_mail_that_is_forwarded_by_its_button_is_answered(somebody: Person, demo: Demo, address: str) -> None:
    """S138: open by forwarding."""
    demo.send(mail_to(address, "[no passphrase] Hello", text="What it says.")).notice(address)
    page = somebody.open(f"{demo.url}/demo/{address}/")
    page.click("Hello")
    page.click("Forward to open@tidewater.example")
    page.see("Forwarded to open@tidewater.example")

    wait_for(lambda: len(demo.maildirs.of(address)) == 2, "the answer")
    page.click("All mailboxes")
    page.click(address)
    page.click("Open your secure message")
    page.see_in_frame("was forwarded to us")


def test_mailbox_page_names_a_file_that_is_there(somebody: Person, demo: Demo, address: str) -> None:
    demo.send(mail_to(address, "[no passphrase] Hello", text="What it says.")).notice(address)
    page = somebody.open(f"{demo.url}/demo/{address}/")
    page.click("Hello")
    page.see("ready to be opened")
    path = Path(str(page.evaluate("() => document.querySelector('.path').textContent")).strip())

    envelope = somebody.open(path)
    envelope.click("Open message")

    envelope.see_in_frame("What it says.")


def test_samples_reach_their_recipients(demo: Demo) -> None:
    people = ("nora.lind@post.example", "emil.berg@post.example", "yoko.sato@sakura.example")

    assert [len(demo.maildirs.of(person)) for person in people] == [5, 5, 1]
    assert len(demo.maildirs.of("tom.becker@post.example")) == 1


def test_demo_starts_again_where_it_was(tmp_path: Path) -> None:
    with running_demo(tmp_path) as first:
        before = {address: len(first.maildirs.of(address)) for address in first.maildirs.addresses()}

    with running_demo(tmp_path) as second:
        after = {address: len(second.maildirs.of(address)) for address in second.maildirs.addresses()}
        second.send(mail_to("nora@post.example")).notice("nora@post.example")

    assert after == before


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "demo", "--port", port, "--var", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == f"demo: port {port} of this machine is taken: end what uses it, or choose others\n"


def test_production_app_has_nothing_of_the_demo(tmp_path: Path, demo: Demo) -> None:
    settings = Settings.from_environ(environment(demo.place, sink_port=1))

    rules = [str(rule) for rule in create_app(settings).url_map.iter_rules()]

    assert rules and not [rule for rule in rules if "demo" in rule]


@pytest.mark.parametrize("recipient", ["../../up@x.example", "/etc/x@x.example", "..", "a/../../b@x.example"])
def test_maildir_stays_in_its_folder(tmp_path: Path, recipient: str) -> None:
    Maildirs(tmp_path / "mail").deliver(recipient, b"Subject: x\r\n\r\nx\r\n")

    assert [path.name for path in tmp_path.iterdir()] == ["mail"]
    assert all(path.parent == tmp_path / "mail" for path in (tmp_path / "mail").iterdir())


def test_mail_over_the_limit_is_refused_with_the_limit(demo: Demo, address: str) -> None:
    """S21."""
    content = b"From: ada@tidewater.example\r\n\r\n" + b"x" * 76 + b"\r\n" * 13_000_000
    gateway = ("127.0.0.1", demo.place.smtp_port)
    with smtplib.SMTP(*gateway) as smtp, pytest.raises(smtplib.SMTPException) as refused:
        smtp.sendmail("ada@tidewater.example", [address], content)

    assert "25 MB" in str(refused.value)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """Also when the demo is told to end by SIGTERM."""
    flags = ("--port", str(free_port()), "--smtp-port", str(free_port()), "--var", str(tmp_path))
    running = subprocess.Popen(
        [sys.executable, "-m", "demo", *flags], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    with running.stdout as said:
        while "demo ready" not in (line := said.readline()):
            assert line
    parts = _children(running.pid)

    running.send_signal(signal.SIGTERM)

    assert running.wait(timeout=60) == 0
    assert len(parts) == 3
    assert [pid for pid in parts if Path(f"/proc/{pid}").exists()] == []


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
