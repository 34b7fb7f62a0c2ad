"""The accessibility checker finds nothing in whatever the envelope has to say instead of a message.

The key server's answers are played here, as API.md has them: this is about how each of them looks.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from envelope import read_securedoc
from envelope.ids import b64u_encode
from tests.browser.journey import until_state
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import PlaywrightWindow, wait_for

ANSWERS: dict[str, tuple[int, dict[str, Any]]] = {
    "expired": (403, {"code": "message-expired", "expired_at": "2026-11-01T08:00:00Z"}),
    "not-a-recipient": (403, {"code": "not-a-recipient"}),
    "not-found": (404, {"code": "not-found"}),
    "gone": (410, {"code": "gone"}),
    "throttled": (429, {"code": "throttled", "retry_after": 90}),
    "server-error": (500, {"code": "server-error", "id": "7f3a"}),
    "wrong-key": (201, {"state": "released", "enc": "A" * 87, "sealed": "A" * 64}),
    "failed": (400, {"code": "something-new"}),
}


@pytest.fixture
def file(demo: Demo, address: str, tmp_path: Path) -> Path:
    return demo.send(mail_to(address, "[no passphrase] Hello")).save(address, tmp_path)


@pytest.fixture
def envelope(file: Path, somebody: Person) -> PlaywrightWindow:
    somebody.forgive("status of", "ERR_")
    window = somebody.open(file)
    assert isinstance(window, PlaywrightWindow)
    window.see("Open message")
    return window


@pytest.mark.parametrize("state", ANSWERS)
def test_refusal_is_sound(state: str, envelope: PlaywrightWindow, demo: Demo) -> None:
    status, answer = ANSWERS[state]
    headers = {"Access-Control-Allow-Origin": "*"}
    envelope.page.route(
        f"{demo.url}/api/**",
        lambda route: route.fulfill(status=status, headers=headers, body=json.dumps(answer)),
    )
    envelope.click("Open message")
    until_state(envelope, state)

    assert envelope.axe() == []


def test_offline_is_sound(envelope: PlaywrightWindow) -> None:
    envelope.page.context.set_offline(True)
    envelope.click("Open message")
    until_state(envelope, "offline")

    assert envelope.axe() == []


def test_wait_for_the_key_server_is_sound(envelope: PlaywrightWindow, demo: Demo) -> None:
    envelope.page.route(f"{demo.url}/api/**", lambda route: None)  # it does not answer yet
    envelope.click("Open message")
    until_state(envelope, "opening")

    assert envelope.axe() == []


def test_file_of_a_later_version_is_sound(envelope: PlaywrightWindow, file: Path) -> None:
    """Its digest is right, so nobody altered it: this page is too old for it."""
    text = file.read_text("ascii")
    inputs = read_securedoc(text.encode()).payload
    later = inputs[0][:8] + b"\x02" + inputs[0][9:]
    text = text.replace(b64u_encode(inputs[0]), b64u_encode(later))
    text = text.replace(_digest(inputs), _digest([later, *inputs[1:]]))
    file.write_text(text, "ascii")
    envelope.goto(file.as_uri())
    until_state(envelope, "unsupported-version")

    assert envelope.axe() == []


def test_browser_that_is_too_old_is_offered_the_other_ways(envelope: PlaywrightWindow) -> None:
    """The page is then as it is without scripts: no button that does nothing."""
    envelope.page.add_init_script("delete globalThis.DecompressionStream")
    envelope.page.reload()

    envelope.see("Open online")
    assert "Open message" not in envelope.text()
    assert envelope.axe() == []


def test_file_whose_script_a_filter_broke_is_offered_the_other_ways(
    envelope: PlaywrightWindow, file: Path, somebody: Person
) -> None:
    """Its hash does not fit any more, so it does not run; the one in the head notices."""
    somebody.forgive("Content Security Policy")
    text = file.read_text("ascii")
    assert "/*! Sealpost" in text
    file.write_text(text.replace("/*! Sealpost", "/*! Checked by a filter. Sealpost"), "ascii")

    envelope.goto(file.as_uri())
    envelope.see("Open message", "Open online")
    wait_for(lambda: "Open message" not in envelope.text(), "the page without scripts", instead=envelope.text)

    assert envelope.axe() == []


def _digest(inputs: list[bytes]) -> str:
    """Over the inputs' digests (FORMAT.md section 5)."""
    return b64u_encode(hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in inputs)).digest())
