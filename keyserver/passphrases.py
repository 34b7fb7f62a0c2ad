"""Passphrases: judged, hashed (Argon2id, RFC 9106) and verified, a few at a time; stores nothing."""

import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from keyserver.errors import PassphraseTooWeakError, ThrottledError
from keyserver.settings import Settings

SHORTEST, LONGEST = 12, 1024
#: Fewer characters than this beside one's own names are no secret.
OWN_WORK = 6


class Passphrases:
    """Hashes and verifies; each takes tens of milliseconds and megabytes, so only a few run at a time.

    Callers beyond that wait for a bounded time, then get ThrottledError: a storm of sign-ins exhausts neither
    memory nor the threads that release keys.
    """

    def __init__(self, settings: Settings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.passphrase_time_cost,
            memory_cost=settings.passphrase_memory_kib,
            parallelism=settings.passphrase_parallelism,
        )
        self._slots = threading.BoundedSemaphore(settings.passphrase_workers)
        self._wait = settings.passphrase_wait
        self._nobodys = self._hasher.hash("the passphrase of nobody")

    def __repr__(self) -> str:
        return "Passphrases()"

    def hash(self, passphrase: str) -> str:
        """What to store. Raises ThrottledError."""
        with self._slot():
            return self._hasher.hash(_normal(passphrase))

    def verify(self, stored: str | None, passphrase: str) -> bool:
        """Whether this is the passphrase; takes as long when there is none stored. Raises ThrottledError."""
        if len(passphrase) > LONGEST:
            passphrase = ""
        with self._slot():
            try:
                self._hasher.verify(stored or self._nobodys, _normal(passphrase))
            except VerifyMismatchError:
                return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the settings have changed since this hash was made."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._wait.total_seconds()):
            raise ThrottledError(max(self._wait, timedelta(seconds=1)))
        try:
            yield
        finally:
            self._slots.release()


def check_strength(passphrase: str, *, own: tuple[str, ...]) -> None:
    """Length and guessability, never composition (NIST SP 800-63B section 5.1.1.2).

    `own`: the person's names and addresses. Raises PassphraseTooWeakError.
    """
    if len(passphrase) > LONGEST:
        raise PassphraseTooWeakError("too-long")
    if len(_normal(passphrase)) < SHORTEST:
        raise PassphraseTooWeakError("too-short")
    letters = _letters(passphrase)
    if letters in _common() or _repeats(letters) or _runs(letters):
        raise PassphraseTooWeakError("common")
    rest = letters
    for word in sorted({_letters(word) for text in own for word in re.split(r"[\s@.+_-]", text)}, key=len):
        rest = rest.replace(word, "") if len(word) > 2 else rest
    if rest != letters and len(rest) < OWN_WORK:
        raise PassphraseTooWeakError("personal")


def _normal(passphrase: str) -> str:
    """The same characters whatever keyboard or system composed them (NFKC)."""
    return unicodedata.normalize("NFKC", passphrase)


def _letters(text: str) -> str:
    """Letters and digits alone: what guessing programs vary is left out."""
    return "".join(char for char in _normal(text).casefold() if char.isalnum())


def _repeats(letters: str) -> bool:
    """A short piece again and again: `aaaaaaaaaaaa`, `abcabcabcabc`; nothing at all counts too."""
    return len(letters) == 0 or any(
        (letters[:size] * len(letters))[: len(letters)] == letters for size in range(1, 5)
    )


def _runs(letters: str) -> bool:
    """Neighbours in the alphabet or on the keyboard, forwards or backwards."""
    rows = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm")
    return any(letters in row or letters in row[::-1] for row in rows)


@cache
def _common() -> frozenset[str]:
    text = resources.files("keyserver").joinpath("common_passphrases.txt").read_text("utf-8")
    return frozenset(_letters(line) for line in text.splitlines() if not line.startswith("#"))
