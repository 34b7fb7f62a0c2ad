"""One strict JSON object from a request's body, field by field; knows no field by name."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from envelope.errors import EnvelopeError
from envelope.ids import b64u_decode
from keyserver.errors import BadJsonError, InvalidFieldError, TooLargeError

T = TypeVar("T")


class Fields:
    """Reads each field once; `finish` refuses what was not asked for. All raise InvalidFieldError."""

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self._values, self._path = dict(values), path

    @classmethod
    def of_request(cls, *, limit: int) -> "Fields":
        """The body of this request. Raises TooLargeError, BadJsonError."""
        request.max_content_length = limit
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            raise TooLargeError(limit) from None
        return cls(_object(body))

    def finish(self) -> None:
        """Nothing may be left: a field that is ignored is a field that somebody relies on."""
        for name in self._values:
            self._refuse(name, "no such field")

    def text(self, name: str, *, longest: int, shortest: int = 1) -> str:
        """A string of printable characters, so many of them."""
        value = self._take(name)
        if not isinstance(value, str) or not shortest <= len(value) <= longest or not _clean(value):
            self._refuse(name, f"a text of {shortest} to {longest} printable characters")
        return value

    def bytes(self, name: str, *, size: int | None = None, most: int | None = None) -> bytes:
        """Base64url without padding of exactly `size` or at most `most` bytes."""
        expected = f"base64url of {size} bytes" if size is not None else f"base64url of at most {most} bytes"
        try:
            decoded = b64u_decode(str(self._take(name)), size=size)
        except EnvelopeError:
            self._refuse(name, expected)
        if most is not None and len(decoded) > most:
            self._refuse(name, expected)
        return decoded

    def id(self, name: str) -> UUID:
        """A UUID in its usual text form."""
        value = self._take(name)
        try:
            found = UUID(value)
        except (ValueError, TypeError, AttributeError):
            self._refuse(name, "a UUID")
        if str(found) != value:
            self._refuse(name, "a UUID in lower case with hyphens")
        return found

    def time(self, name: str) -> datetime:
        """A moment in UTC, whole seconds."""
        value = self._take(name)
        try:
            return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except (ValueError, TypeError):
            self._refuse(name, "a time like 2026-11-23T18:00:00Z")

    def number(self, name: str, *, least: int, most: int) -> int:
        """A whole number."""
        value = self._take(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self._refuse(name, f"a whole number from {least} to {most}")
        return value

    def yes_or_no(self, name: str) -> bool:
        """A boolean."""
        value = self._take(name)
        if not isinstance(value, bool):
            self._refuse(name, "true or false")
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """One of these strings."""
        value = self._take(name)
        if not isinstance(value, str) or value not in choices:
            self._refuse(name, f"one of {', '.join(choices)}")
        return value

    def object(self, name: str) -> "Fields":
        """An object within; `finish` it too."""
        value = self._take(name)
        if not isinstance(value, dict):
            self._refuse(name, "an object")
        return Fields(value, f"{self._path}{name}.")

    def objects(self, name: str, *, most: int) -> "list[Fields]":
        """A list of 1 to `most` objects; `finish` each."""
        value = self._take(name)
        fits = isinstance(value, list) and 1 <= len(value) <= most
        if not fits or not all(isinstance(item, dict) for item in value):
            self._refuse(name, f"a list of 1 to {most} objects")
        return [Fields(item, f"{self._path}{name}[{number}].") for number, item in enumerate(value)]

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """Null, or what `read` makes of it."""
        if name in self._values and self._values[name] is None:
            del self._values[name]
            return None
        return read(name)

    def check(self, name: str, check: Callable[[], None]) -> None:
        """Let `check` judge what was read; its refusal is about `name`."""
        try:
            check()
        except EnvelopeError as fault:
            self._refuse(name, str(fault))

    def _take(self, name: str) -> Any:
        if name not in self._values:
            self._refuse(name, "missing")
        return self._values.pop(name)

    def _refuse(self, name: str, expected: str) -> NoReturn:
        raise InvalidFieldError((self._path + name)[:100], expected)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadJsonError from None
    if not isinstance(value, dict):
        raise BadJsonError
    return value


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of one body must not see two different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _clean(text: str) -> bool:
    """No control characters, and nothing that UTF-8 cannot say: databases and headers take the rest."""
    return not any(char < " " or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff" for char in text)
