"""Passphrases: strength, hashing, bounded work."""

import threading
from datetime import timedelta

import pytest

from keyserver.errors import PassphraseTooWeakError, ThrottledError
from keyserver.passphrases import Passphrases, check_strength
from tests.factories import make_passphrases, make_settings

BOB = ("Robert", "Baker-Smith", "bob.baker@b-bank.example")


@pytest.mark.parametrize(
    ("passphrase", "reason"),
    [
        ("", "too-short"),
        ("elevenchars", "too-short"),
        ("鍵鍵鍵鍵鍵鍵鍵鍵鍵鍵鍵", "too-short"),
        ("x" * 1025, "too-long"),
        ("aaaaaaaaaaaaaaaa", "common"),
        ("ababababababab", "common"),
        ("!!!!!!!!!!!!!!!", "common"),
        ("abcdefghijklmnop", "common"),
        ("qwertyuiopas", "common"),
        ("9876543210987", "common"),
        ("Password-1234!", "common"),
        ("correct horse battery staple", "common"),
        ("RobertBaker1", "personal"),
        ("baker.smith-2026", "personal"),
        ("bob.baker@b-bank.example", "personal"),
    ],
)
def test_weak_passphrase_is_refused_with_its_reason(passphrase: str, reason: str) -> None:
    with pytest.raises(PassphraseTooWeakError) as refusal:
        check_strength(passphrase, own=BOB)

    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    "passphrase",
    [
        "seven green kettles",
        "roberts cat eats 9 mice",
        "xK9#mQ2$vL5!",
        "Все любят чай утром",
        "鍵" * 3 + "山川空海花鳥風月雪",
    ],
)
def test_strong_passphrase_is_accepted(passphrase: str) -> None:
    check_strength(passphrase, own=BOB)


def test_passphrase_is_recognised() -> None:
    passphrases = make_passphrases()
    stored = passphrases.hash("seven green kettles")

    assert passphrases.verify(stored, "seven green kettles")
    assert not passphrases.verify(stored, "seven green kettle")
    assert not passphrases.verify(stored, "s" * 5000)


def test_same_characters_composed_otherwise_are_the_same() -> None:
    passphrases = make_passphrases()

    assert passphrases.verify(passphrases.hash("caf\u00e9 au lait, s'il"), "cafe\u0301 au lait, s'il")


def test_nobodys_passphrase_is_never_right() -> None:
    assert not make_passphrases().verify(None, "the passphrase of nobody")


def test_hash_of_older_settings_is_outdated() -> None:
    stored = make_passphrases().hash("seven green kettles")
    stronger = Passphrases(make_settings("sqlite://", passphrase_time_cost=2))

    assert stronger.outdated(stored)
    assert stronger.verify(stored, "seven green kettles")
    assert not make_passphrases().outdated(stored)


def test_too_many_at_once_are_sent_away() -> None:
    settings = make_settings("sqlite://", passphrase_workers=1, passphrase_wait=timedelta(milliseconds=1))
    passphrases = Passphrases(settings)
    inside, leave = threading.Event(), threading.Event()

    def occupy() -> None:
        with passphrases._slot():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=occupy)
    thread.start()
    inside.wait()
    with pytest.raises(ThrottledError):
        passphrases.hash("seven green kettles")
    leave.set()
    thread.join()

    assert passphrases.hash("seven green kettles")
