"""Header fields of mails and parts, read as people wrote them (RFC 5322, 2047, 2231); never raises."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from envelope import charsets
from envelope.transfer import loose_base64

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\r\n]*+(?:(?:\r\n|\r|\n)[ \t][^\r\n]*+)*+)(?:\r\n|\r|\n|\Z)")
_MAILBOX_LINE = re.compile(rb">?From [^\r\n]*(?:\r\n|\r|\n|\Z)")
_BREAK = re.compile(rb"\r\n|\r|\n")
_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
#: Marks that turn the writing direction: `exe.fdp` must not be shown as `pdf.exe`.
_DIRECTION = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.)*+)"?|([^;"]*))', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_SECTION = re.compile(r"(.+?)(?:\*(0|[1-9][0-9]{0,2}))?(\*)?", re.DOTALL)


class Field(NamedTuple):
    """One field: its name in small letters, its value as it came, unfolded; where it stands in the mail."""

    name: str
    value: str
    start: int
    end: int


class Header(NamedTuple):
    """The header block of a mail or part: its fields, and where the body starts."""

    fields: list[Field]
    start: int
    body: int

    def first(self, name: str) -> str:
        """The value of the first field of that name, "" if there is none."""
        return next((field.value for field in self.fields if field.name == name), "")

    def all(self, name: str) -> list[str]:
        """The values of all fields of that name."""
        return [field.value for field in self.fields if field.name == name]


def read_header(mail: bytes, start: int = 0, end: int | None = None) -> Header:
    """The header block at `start`: up to an empty line, or to the first line that is no field."""
    end = len(mail) if end is None else end
    mailbox_line = _MAILBOX_LINE.match(mail, start, end)
    at = mailbox_line.end() if mailbox_line else start
    fields = []
    while match := _FIELD.match(mail, at, end):
        value = charsets.decode(_BREAK.sub(b"", match[2]), None).text.strip()
        fields.append(Field(match[1].decode("ascii").lower(), value, at, match.end()))
        at = match.end()
    empty_line = _BREAK.match(mail, at, end)
    return Header(fields, start, empty_line.end() if empty_line else at)


def readable(value: str) -> str:
    """A field's value for reading: encoded words decoded, white space and control characters as one space."""
    return " ".join(_CONTROL.sub(" ", decode_words(value)).split())


def harmless(text: str) -> str:
    """A name without the marks that would show it in another order than it is."""
    return _DIRECTION.sub("", text)


def decode_words(value: str) -> str:
    """Encoded words decoded (RFC 2047).

    Neighbours of one charset are joined first: programs split letters between them.
    """
    pieces: list[str] = []
    octets, charset, at = b"", "", 0
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        charset_here = word[1].partition("*")[0].lower()
        if octets and (between.strip() or charset_here != charset):
            pieces.append(charsets.decode(octets, charset).text)
            octets = b""
        # White space between two encoded words is not shown (RFC 2047 section 6.2).
        pieces.append(between if between.strip() or not at else "")
        octets, charset, at = octets + _word_octets(word[2], word[3]), charset_here, word.end()
    if octets:
        pieces.append(charsets.decode(octets, charset).text)
    return "".join(pieces) + value[at:]


def _word_octets(encoding: str, text: str) -> bytes:
    octets = text.encode("utf-8")
    if encoding in "bB":
        return loose_base64(octets)
    return unquote_to_bytes(octets.replace(b"%", b"%25").replace(b"_", b" ").replace(b"=", b"%"))


def parameters(value: str) -> tuple[str, Mapping[str, str]]:
    """A structured value, `type; name=value; …`, as its first word in small letters and its parameters.

    Continued, extended (RFC 2231) and, as many programs write them, encoded-word parameters are decoded.
    """
    main, _, _ = value.partition(";")
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, number, extended, text in _sections(value[len(main) :]):
        sections.setdefault(name, {}).setdefault(number, (text, extended))
    return main.strip().lower(), {name: _joined(found) for name, found in sections.items()}


#: An extended parameter is preferred to continued ones, those to the plain one.
_EXTENDED, _PLAIN = -1, 1000


def _sections(text: str) -> Iterator[tuple[str, int, bool, str]]:
    for match in _PARAMETER.finditer(text):
        quoted, plain = match[2], match[3]
        value = plain.strip() if quoted is None else _ESCAPED.sub(r"\1", quoted)
        section = _SECTION.fullmatch(match[1].lower())
        if section:
            whole = _EXTENDED if section[3] else _PLAIN
            yield section[1], int(section[2]) if section[2] else whole, bool(section[3]), value


def _joined(found: Mapping[int, tuple[str, bool]]) -> str:
    if _EXTENDED in found:
        chain = [found[_EXTENDED]]
    elif 0 in found:
        chain = [found[n] for n in range(len(found)) if n in found]
    else:
        chain = [found[min(found)]]
    if not any(extended for _, extended in chain):
        return decode_words("".join(text for text, _ in chain))
    charset, _, first = ("", "", chain[0][0]) if chain[0][0].count("'") < 2 else chain[0][0].split("'", 2)
    texts = [(first, chain[0][1]), *chain[1:]]
    octets = b"".join(unquote_to_bytes(text) if extended else text.encode() for text, extended in texts)
    return charsets.decode(octets, charset).text
