"""A securedoc out of HTML that programs on its way have written anew; the strict reader is securedoc.py.

Tags are looked for one after another and each once, and parsed only where they could be the file's: a hostile
page costs what its size says.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

from envelope import charsets
from envelope.errors import EnvelopeError, FormatError
from envelope.ids import Data, b64u_decode
from envelope.securedoc import MAX_FILE_SIZE, SecuredocFile, read_securedoc, securedoc_of

#: What one program or another may have put into a tag besides the value.
_MAX_TAG = 1000
#: Inputs of a payload in the smallest segments that an opener takes, and the prelude.
_MAX_INPUTS = 16_385
_MAX_TAGS = _MAX_INPUTS + 100
#: Of the data block; the words of the page are in it.
_MAX_DATA = 1024 * 1024

#: A page without any of these holds nothing of an envelope; the first is the payload's own beginning.
_MARKS = (b"U0VBTFBPU1", b"envelope", b"ENVELOPE")
#: Fields of the form that say what the data block says, and what they do not say.
_FIELDS = ("recipient", "secret", "digest", "locale")
_UNSAID = {"server": "", "policy": "", "size": 0, "remember": False, "applet": True}

_TAG = re.compile(rb"<(script|input)[\s/]", re.IGNORECASE)
_SCRIPT_END = re.compile(rb"</script", re.IGNORECASE)
_VALUE = re.compile(rb"""[\s"']value\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_WHITE_SPACE = b" \t\r\n\f"
#: How a line break may have come into the block: alone, or with the indentation of the next line.
_BREAKS = (re.compile(r"[\r\n]+"), re.compile(r"[ \t]*[\r\n]+[ \t]*"))
_SPACE = re.compile(r"\s+")
#: How text in two or four octets a letter begins, if with a byte order mark or a tag.
_WIDE = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)


def salvage(octets: Data, charset: str | None = None) -> SecuredocFile | None:
    """The securedoc that these bytes are or once were; None if there is none, or nothing left to read in it.

    Its `is_intact` says whether the payload is as it was sent. Where the data block was taken out, the fields
    of the Open Online form say what it said of the envelope; the policy is "" then.
    """
    if len(octets) > MAX_FILE_SIZE * 4:
        return None
    page = _narrow(octets, charset)
    if len(page) > MAX_FILE_SIZE or not any(mark in page for mark in _MARKS):
        return None
    try:
        strict = read_securedoc(page)
    except EnvelopeError:
        return _Loose(page).file()
    if strict.is_intact:
        return strict
    loose = _Loose(page).file()
    return loose if loose and loose.is_intact else strict


def _narrow(octets: Data, charset: str | None) -> bytes:
    """The page with one octet a letter; what is not ASCII in it is not the file's."""
    start = bytes(octets[:4])
    wide = next((name for mark, name in _WIDE if start.startswith(mark)), None)
    if wide is None and (charset or "").lower().endswith("utf-7"):
        wide = "utf-7"
    return charsets.decode(octets, wide).text.encode("ascii", "replace") if wide else bytes(octets)


class _Loose:
    """What the tags of a page hold of an envelope."""

    def __init__(self, page: bytes) -> None:
        self._block: str | None = None
        self._fields: dict[str, str] = {}
        self._payload: list[bytes] = []
        for kind, tag, text in _tags(page):
            if kind == b"input":
                self._input(tag)
            elif self._block is None and _attributes(tag).get("id") == "envelope":
                self._block = _text(text)

    def file(self) -> SecuredocFile | None:
        """The securedoc, if there is enough of one."""
        payload = _decoded(self._payload)
        readings = _readings(self._block) if self._block else iter(())
        for data in (*readings, _UNSAID | self._fields):
            try:
                return securedoc_of(data, payload)
            except EnvelopeError:
                continue
        return None

    def _input(self, tag: bytes) -> None:
        value = _VALUE.search(tag)
        if value is None:
            return
        octets = value[1] or value[2] or value[3] or b""
        attributes = _attributes(tag[: value.start()] + b" " + tag[value.end() :])
        name = attributes.get("name") or ""
        if name == "p" and len(self._payload) < _MAX_INPUTS:
            self._payload.append(_unescaped(octets).translate(None, _WHITE_SPACE))
        elif name in _FIELDS and len(octets) < _MAX_TAG:
            self._fields.setdefault(name, _SPACE.sub("", _text(_unescaped(octets))))
        elif attributes.get("id") == "envelope" and len(octets) < _MAX_DATA:
            self._block = self._block or _text(octets)


def _tags(page: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each script and input: its kind, its tag, and a script's text."""
    at = 0
    for _number in range(_MAX_TAGS):
        found = _TAG.search(page, at)
        if found is None:
            return
        end = page.find(b">", found.end())
        if end < 0:
            return
        tag, at, text = page[found.start() : end + 1], end + 1, b""
        kind = found[1].lower()
        if kind == b"script":
            closing = _SCRIPT_END.search(page, at)
            if closing is None:
                return
            text = page[at : min(closing.start(), at + _MAX_DATA)]
            at = closing.start()
        yield kind, tag, text


def _unescaped(octets: bytes) -> bytes:
    """With character references undone, which some programs write for letters that need none."""
    return html.unescape(_text(octets)).encode("ascii", "replace") if b"&" in octets else octets


def _text(octets: bytes) -> str:
    return octets.decode("ascii", "replace")


def _decoded(values: Iterable[bytes]) -> list[bytes]:
    """The payload as far as it can be read: the digest over it tells that something is missing."""
    payload = []
    for value in values:
        try:
            payload.append(b64u_decode(value.rstrip(b"=")))
        except FormatError:
            break
    return payload


def _attributes(tag: bytes) -> dict[str, str | None]:
    """The attributes of a tag; of one that is too long to be the file's, none."""
    parser = _OneTag()
    if len(tag) <= _MAX_TAG:
        parser.feed(_text(tag))
    return parser.attributes


class _OneTag(HTMLParser):
    """The attributes of the one tag that it is fed."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes = dict(attrs)


def _readings(block: str) -> Iterator[dict[str, Any]]:
    """What the block may have said: as it is, and with references undone that some program put into it."""
    for text in dict.fromkeys((block, html.unescape(block))):
        for breaks in _BREAKS:
            try:
                data = json.loads(breaks.sub("", text))
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict):
                yield {name: _dense(value) if name in _DENSE else value for name, value in data.items()}


#: What holds no white space, whatever was put into it.
_DENSE = ("server", "secret", "digest", "locale")


def _dense(value: object) -> object:
    return _SPACE.sub("", value) if isinstance(value, str) else value
