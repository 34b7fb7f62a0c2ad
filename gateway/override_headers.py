"""The X-PostX headers of a mail: taken out of it, and read as what they ask of its envelope (S107-S141)."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from gateway.errors import PermanentError

#: Name and value as they came.
Fields = tuple[tuple[str, str], ...]

#: Fields that are kept to be read; a mail with more asks for nothing that can be told.
MOST = 50
_LONGEST_VALUE = 200
#: D9, as for a profile's expires_after.
_LONGEST_SPAN = timedelta(days=3653)
#: What a program may write into a name that has none of it (D3), so that the field is none to others.
_STRAY = re.compile(r"[-\s]+")
_FIELD = re.compile(
    rb"^(x-postx[!-9;-~ \t]*+):([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)(?:\r\n|\Z)", re.IGNORECASE | re.MULTILINE
)
_DAYS = re.compile(r"\+(\d{1,5})", re.ASCII)
_CLOCK = re.compile(r"\+(\d{2,6}):([0-5]\d):([0-5]\d)", re.ASCII)


def take(block: bytes) -> tuple[Fields, bytes]:
    """The fields that a header block has, each once, and the block without them."""
    fields = {(_text(found[1]), _text(found[2])): None for found in _FIELD.finditer(block)}
    return tuple(fields)[: MOST + 1], _FIELD.sub(b"", block) if fields else block


def read(fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What the fields change of an envelope's options.

    Raises PermanentError for a value that cannot be read, for two that contradict each other, and for what
    is not done here: then the mail is not sent (D4).
    """
    changes: dict[str, Any] = {}
    for name, value in fields:
        header = _HEADERS.get(_STRAY.sub("", name).lower())
        if header is None:
            raise _fault("header-unsupported", name, value)
        asked = header.read(value)
        if asked is None:
            raise _fault(header.fault, name, value)
        if header.option is None and asked is not False:
            raise _fault("header-unsupported", name, value)
        if header.option is not None and changes.setdefault(header.option, asked) != asked:
            raise _fault("header-contradiction", name, value)
    if len(fields) > MOST:
        raise _fault("header-contradiction", *fields[-1])
    return changes


def _fault(code: str, name: str, value: str) -> PermanentError:
    return PermanentError(code, f"{name}: {value}", status="5.6.0")


def _text(octets: bytes) -> str:
    """A name or value as one line that can be shown."""
    text = " ".join(octets.decode("utf-8", "replace").split())
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:_LONGEST_VALUE]


def _flag(value: str) -> bool | None:
    return {"true": True, "false": False}.get(value.lower())


def _reversed(value: str) -> bool | None:
    flag = _flag(value)
    return None if flag is None else not flag


def _span(value: str) -> timedelta | None:
    """`+HH:MM:SS` or `+D` (S117-S119, S122, D9)."""
    if days := _DAYS.fullmatch(value):
        span = timedelta(days=int(days[1]))
    elif clock := _CLOCK.fullmatch(value):
        hours, minutes, seconds = map(int, clock.groups())
        span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    else:
        return None
    return span if timedelta() < span <= _LONGEST_SPAN else None


class _Header(NamedTuple):
    """One header: the option that it sets, None for one whose wish only `false` can be granted."""

    option: str | None
    read: Callable[[str], Any]
    fault: str = "header-flag"


_HEADERS = {
    "xpostxexpirationdate": _Header("expires_after", _span, "header-time"),
    "xpostxsuppressappletforopen": _Header("applet", _reversed),
    "xpostxusescript": _Header("script", _flag),
    "xpostxrememberenvelopekeycheckbox": _Header("remember", _flag),
    "xpostxsendreturnreceipt": _Header("receipt", _flag),
    "xpostxreplyenabled": _Header(None, _flag),
    "xpostxreplyallenabled": _Header(None, _flag),
    "xpostxforwardenabled": _Header(None, _flag),
    "xpostxreadnotificationdate": _Header(None, _span, "header-time"),
}
