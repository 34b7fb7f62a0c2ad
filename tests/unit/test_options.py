"""What an envelope allows and asks, and the policy's one spelling (FORMAT.md section 4)."""

import hashlib
import json
from datetime import timedelta

import pytest

from envelope import Algorithm, Level, Options, Policy
from envelope.errors import FormatError
from tests.unit.sealed import HEADER, NOW, sealed

POLICY = Policy(
    sender="ada@a.example",
    sender_name="Ädä",
    recipients=("bob@b.example",),
    level=Level.HIGH,
    sent=NOW,
    expires=NOW + timedelta(days=1),
    subject=None,
)
CANONICAL = (
    '{"expires":"2026-11-24T18:00:00Z","level":"high","recipients":["bob@b.example"],'
    '"sender":"ada@a.example","sender_name":"\\u00c4d\\u00e4","sent":"2026-11-23T18:00:00Z","subject":null}'
)


def test_policy_has_one_spelling_and_reads_back() -> None:
    assert POLICY.canonical() == CANONICAL
    assert POLICY.digest() == hashlib.sha256(CANONICAL.encode()).digest()
    assert Policy.parse(CANONICAL) == POLICY


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("level", "low"),
        ("sent", "now"),
        ("expires", 1),
        ("recipients", "bob"),
        ("recipients", [1]),
        ("subject", []),
    ],
)
def test_policy_of_another_kind_is_refused(key: str, value: object) -> None:
    with pytest.raises(FormatError):
        Policy.parse(json.dumps(json.loads(CANONICAL) | {key: value}))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "[" * 100_000])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Policy.parse(text)


@pytest.mark.parametrize("level", [*Level])
def test_level_of_the_profile_is_in_the_policy(level: Level) -> None:
    """S48, S49, S50."""
    assert sealed(HEADER, Options(level=level)).policy.level is level


def test_expiry_counts_from_sealing() -> None:
    """S116: expiry set before sending. S120: none by default."""
    hours = timedelta(hours=24)

    assert sealed(HEADER, Options(level=Level.HIGH, expires_after=hours)).policy.expires == NOW + hours
    assert sealed(HEADER).policy.expires is None


def test_subject_is_on_the_outside_only_if_asked_for() -> None:
    shown = sealed(HEADER, Options(level=Level.HIGH, show_subject=True))

    assert shown.policy.subject == "Hello"
    assert sealed(HEADER).policy.subject is None


def test_given_subject_stands_in_for_the_mails() -> None:
    """S100: the message's subject can be chosen."""
    shown = sealed(HEADER, Options(level=Level.HIGH, show_subject=True), subject="Another")

    assert shown.policy.subject == "Another"


def test_policy_names_sender_and_visible_recipients_but_no_bcc() -> None:
    """D10: no Bcc recipient can be seen in the file."""
    mail = (
        b"From: =?utf-8?q?=C3=84da?= <Ada@A.example>\r\n"
        b"To: x@y.example, BOB@B.example\r\nCc: Eve <eve@e.example>\r\n\r\n"
    )

    policy = sealed(mail, recipients=["hidden@h.example", "eve@e.example", "bob@b.example"]).policy

    assert (policy.sender, policy.sender_name) == ("Ada@a.example", "Äda")
    assert policy.recipients == ("bob@b.example", "eve@e.example")


def test_smtp_sender_stands_in_for_a_missing_from() -> None:
    assert sealed(b"To: bob@b.example\r\n\r\n").policy.sender == "smtp@a.example"


@pytest.mark.parametrize(("algorithm", "id", "size"), [("AES-256", 1, 32), ("AES-192", 2, 24)])
def test_algorithms_go_by_their_name(algorithm: str, id: int, size: int) -> None:
    """S57."""
    assert (Algorithm(algorithm).id, Algorithm(algorithm).key_size) == (id, size)
