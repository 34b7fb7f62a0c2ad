"""Files that mail filters changed: the strict reader gives what was sealed or refuses, and never guesses."""

from dataclasses import replace

import pytest

from envelope import Content, EnvelopeError, Options, open_payload, read_securedoc, render_securedoc
from envelope.sealing import SealedEnvelope
from tests.mutators import MUTATORS
from tests.unit.sealed import BRAND, HEADER, MEDIUM, SERVER, opened, sealed

MAIL = HEADER + b"Content-Type: application/x; name=a.bin\r\n\r\n" + bytes(range(256)) * 2400
SCRIPTLESS = replace(MEDIUM, script=False)


def file_of(envelope: SealedEnvelope) -> bytes:
    made = render_securedoc(envelope, recipient="bob@b.example", server=SERVER, locale="ru", brand=BRAND)
    return b"".join(made)


def read(file: bytes, envelope: SealedEnvelope) -> Content | str:
    """What the file opens to, or the error's code."""
    try:
        found = read_securedoc(file)
        content = open_payload(
            found.payload,
            key_share=envelope.key_share,
            envelope_secret=found.envelope_secret,
            policy=found.policy,
        )
    except EnvelopeError as error:
        return error.code
    assert found.is_intact
    return content


@pytest.mark.parametrize("options", [MEDIUM, SCRIPTLESS], ids=["script", "no script"])
@pytest.mark.parametrize("name", MUTATORS)
def test_changed_file_opens_to_the_same_or_is_refused(name: str, options: Options) -> None:
    envelope = sealed(MAIL, options)
    file = file_of(envelope)

    changed = MUTATORS[name](file)
    outcome = read(changed, envelope)

    assert (changed == file) is ("script" in name and not options.script)
    assert outcome == opened(envelope) or outcome in ("format", "payload-corrupt")


@pytest.mark.parametrize(
    "name",
    [
        "links_rewritten",
        "running_scripts_stripped",
        "banner_before_everything",
        "banner_at_bottom",
        "byte_order_mark_added",
        "line_ends_halved",
        "lines_indented",
        "white_space_collapsed",
    ],
)
def test_change_beside_the_payload_does_no_harm(name: str) -> None:
    envelope = sealed(MAIL)

    assert read(MUTATORS[name](file_of(envelope)), envelope) == opened(envelope)


@pytest.mark.parametrize(
    "name", ["truncated_at_half", "truncated_in_the_last_input", "hidden_inputs_dropped"]
)
def test_file_that_lost_payload_is_refused(name: str) -> None:
    envelope = sealed(MAIL)

    assert isinstance(read(MUTATORS[name](file_of(envelope)), envelope), str)
