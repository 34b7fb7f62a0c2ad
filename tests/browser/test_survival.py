"""Files that mail filters changed: each opens, in the page or online, or says what happened."""

from pathlib import Path

import pytest

from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to
from tests.browser.windows import Window, wait_for
from tests.mutators import MUTATORS

SUBJECT, TEXT = "Survived", "Not a word is missing."

#: The script is gone or was touched, and must not run: the form posts the file to the key server.
ONLINE = {
    "comments_dropped",
    "document_type_rewritten",
    "lines_indented",
    "lines_rewrapped",
    "running_scripts_stripped",
    "script_touched",
    "scripts_emptied",
    "scripts_renamed",
    "scripts_stripped",
    "unquoted",
    "white_space_collapsed",
}
#: Beyond that the form is no use either; what is left to do stands in the file.
FORWARD = {"addresses_defanged", "addresses_rewritten", "buttons_stripped", "slashes_flipped"}
#: A part of the message is missing.
ALTERED = {"hidden_inputs_dropped", "truncated_at_half", "truncated_in_the_last_input"}

#: What a person can do now: the page's own button, the form's, or neither; null while the page works.
OFFER = """() => {
  const canBePressed = (element) => element?.getClientRects().length > 0 && !element.disabled;
  const state = document.getElementById("main")?.dataset.state ?? "ready";
  if (state !== "ready") return ["opening", "decrypting"].includes(state) ? null : state;
  if (canBePressed(document.getElementById("open"))) return "page";
  if (document.readyState !== "complete") return null;
  return canBePressed(document.querySelector("#online button")) ? "online" : "nothing";
}"""


@pytest.fixture(scope="module")
def file(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """At level none: what is tried here is the file, not its reader."""
    address = "survivor@post.example"
    mail = mail_to(address, f"[no passphrase] {SUBJECT}", TEXT)
    return demo.send(mail).save(address, tmp_path_factory.mktemp("survival")).read_bytes()


def changed(person: Person, file: bytes, folder: Path, name: str) -> Window:
    path = folder / "securedoc.html"
    path.write_bytes(MUTATORS[name](file))
    person.forgive("")  # a broken file complains of being broken
    return person.open(path)


def offer(envelope: Window) -> str:
    return str(wait_for(lambda: envelope.evaluate(OFFER), "something to press", instead=envelope.text))


def opens_here(envelope: Window) -> None:
    assert offer(envelope) == "page", envelope.text()
    envelope.click("Open message")
    envelope.see(SUBJECT)
    envelope.see_in_frame(TEXT)


def opens_online(envelope: Window) -> None:
    assert offer(envelope) == "online", envelope.text()
    window = envelope.click_opening("Open online")
    window.click("Open message")
    window.see(SUBJECT)


@pytest.mark.parametrize("name", sorted(MUTATORS.keys() - ONLINE - FORWARD - ALTERED))
def test_file_that_was_hardly_changed_opens(somebody: Person, file: bytes, tmp_path: Path, name: str) -> None:
    opens_here(changed(somebody, file, tmp_path, name))


@pytest.mark.parametrize("name", sorted(ONLINE))
def test_file_without_its_script_opens_online(
    somebody: Person, file: bytes, tmp_path: Path, name: str
) -> None:
    """S137-S139."""
    opens_online(changed(somebody, file, tmp_path, name))


@pytest.mark.parametrize("name", sorted(FORWARD))
def test_file_that_lost_both_doors_says_to_forward_it(
    somebody: Person, file: bytes, tmp_path: Path, name: str
) -> None:
    envelope = changed(somebody, file, tmp_path, name)

    assert offer(envelope) != "page"
    envelope.see("forward the mail to open", "you get a link back")


@pytest.mark.parametrize("name", sorted(ALTERED))
def test_file_with_a_part_missing_says_that_it_was_changed(
    somebody: Person, file: bytes, tmp_path: Path, name: str
) -> None:
    envelope = changed(somebody, file, tmp_path, name)

    if offer(envelope) == "online":  # the end with the script is what is missing
        window = envelope.click_opening("Open online")
        wait_for(lambda: {"altered", "no secure message"} & said(window), "a refusal", instead=window.text)
    else:
        assert offer(envelope) == "altered"
        envelope.see("This file was changed on its way to you")


def said(window: Window) -> set[str]:
    return {words for words in ("altered", "no secure message") if words in window.text()}


@pytest.mark.parametrize("name", ["banner_before_everything", "written_in_utf16", "reserialised"])
def test_hardly_changed_file_opens_in_every_browser(
    person: Person, file: bytes, tmp_path: Path, name: str
) -> None:
    opens_here(changed(person, file, tmp_path, name))


@pytest.mark.parametrize("name", ["scripts_stripped", "lines_rewrapped"])
def test_file_without_its_script_opens_online_from_every_browser(
    person: Person, file: bytes, tmp_path: Path, name: str
) -> None:
    opens_online(changed(person, file, tmp_path, name))
