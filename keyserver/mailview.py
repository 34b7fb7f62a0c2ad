"""An opened message as the server's page shows it: head, bodies, what is listed; writes nothing anywhere.

Pictures that stand in the text are not held here: a mark stands for each, and `filled` puts the bytes in
while the page is on its way.
"""

import re
import secrets
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pybase64
from markupsafe import Markup

from envelope.content import Role, StoredPart
from envelope.errors import EnvelopeError
from envelope.filenames import bare
from envelope.reading import PayloadReader
from keyserver import mailhtml
from keyserver.errors import AlteredError, NotFoundError

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif")
#: Bytes of pictures that one page may carry, a picture that stands there twice counted twice.
MOST_PICTURED = 16 * 1024 * 1024
#: Bytes of text that one page may carry; what is beyond is listed as a file.
MOST_TEXT = 2 * 1024 * 1024
HEAD = ("from", "to", "cc", "reply_to")

_ADDRESS = re.compile(r"\b(?:https?://|mailto:)[^\s<>\"]+", re.IGNORECASE)
_TRAILING = ".,;:!?'\u2019\u201d\u00bb)]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One body: a document for a frame, or text for the page itself."""

    html: str | None = None
    text: Markup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Something to download; `number` is its part's."""

    number: int
    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailView:
    """A message, ready to be laid out."""

    subject: str
    head: dict[str, str]
    sent: datetime | None
    bodies: tuple[Body, ...]
    files: tuple[File, ...]
    #: Whether it has pictures on the internet that are not shown.
    holds_back: bool
    mark: str


def view_of(reader: PayloadReader, *, remote: bool) -> MailView:
    """What is shown of a message. Raises AlteredError."""
    pictures = _Pictures(reader)
    with _altered():
        bodies = _Bodies(reader, pictures, remote=remote)
    return MailView(
        subject=reader.headers.get("subject", ""),
        head={name: reader.headers[name] for name in HEAD if reader.headers.get(name)},
        sent=_moment(reader.headers.get("date", "")),
        bodies=tuple(bodies.shown.values()),
        files=tuple(_files(reader.parts, shown=bodies.settled | pictures.used)),
        holds_back=bodies.holds_back,
        mark=pictures.mark,
    )


def filled(page: str, reader: PayloadReader, mark: str) -> Iterator[bytes]:
    """The page in UTF-8, with the pictures in the places that are marked; none is held whole."""
    for place, piece in enumerate(re.split(rf"{mark}(\d+)-", page)):
        if place % 2 == 0:
            yield piece.encode()
        else:
            yield from _base64(reader, int(piece))


def file_of(reader: PayloadReader, number: int) -> File:
    """One of the files that are listed. Raises NotFoundError for any other part."""
    found = [file for file in _files(reader.parts, shown=()) if file.number == number]
    if not found:
        raise NotFoundError
    return found[0]


def linked(text: str) -> Markup:
    """Plain text as it was written, the addresses in it made clickable."""
    pieces, at = [], 0
    for found in _ADDRESS.finditer(text):
        address = _trimmed(found[0])
        link = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(address)
        pieces += [Markup.escape(text[at : found.start()]), link]
        at = found.start() + len(address)
    return Markup("").join([*pieces, Markup.escape(text[at:])])


class _Bodies:
    """Of each group of alternatives the richest that can be shown, in the order in which the groups came."""

    def __init__(self, reader: PayloadReader, pictures: "_Pictures", *, remote: bool) -> None:
        self.shown: dict[int, Body] = {}
        #: What needs no place among the files, since it or its better half is shown.
        self.settled: set[int] = set()
        self.holds_back = False
        self._reader, self._pictures, self._remote = reader, pictures, remote
        self._spare = MOST_TEXT
        for group in _groups(reader.parts).values():
            html, text = group[Role.HTML], group[Role.TEXT]
            if (html and self._show(html)) or (text and self._show(text)):
                self.settled |= {*html, *text}

    def _show(self, numbers: list[int]) -> bool:
        parts = [self._reader.parts[number] for number in numbers]
        size = sum(part.size for part in parts)
        if size > self._spare:
            return False
        texts = [str(b"".join(self._reader.pieces(number)), "utf-8", "replace") for number in numbers]
        if parts[0].role is Role.HTML and not all(map(mailhtml.is_showable, texts)):
            return False
        self._spare -= size
        for number, part, text in zip(numbers, parts, texts, strict=True):
            self.shown[number] = self._document(text) if part.role is Role.HTML else Body(text=linked(text))
        return True

    def _document(self, text: str) -> Body:
        html, wants_remote = mailhtml.document(text, self._pictures.address, remote=self._remote)
        self.holds_back |= wants_remote and not self._remote
        return Body(html=html)


class _Pictures:
    """The pictures that came along, by Content-ID, as far as a page can carry them."""

    def __init__(self, reader: PayloadReader) -> None:
        self.mark = f"picture-{secrets.token_hex(16)}-"
        self.used: set[int] = set()
        self._parts = reader.parts
        inline = enumerate(reader.parts)
        self._by_id = {
            part.id: number for number, part in inline if part.role is Role.INLINE and part.type in PICTURES
        }
        self._spare = MOST_PICTURED

    def address(self, content_id: str) -> str | None:
        number = self._by_id.get(content_id)
        if number is None or self._parts[number].size > self._spare:
            return None
        self._spare -= self._parts[number].size
        self.used.add(number)
        return f"data:{self._parts[number].type};base64,{self.mark}{number}-"


def _groups(parts: tuple[StoredPart, ...]) -> dict[int, dict[Role, list[int]]]:
    groups: dict[int, dict[Role, list[int]]] = {}
    for number, part in enumerate(parts):
        if part.role in (Role.TEXT, Role.HTML):
            groups.setdefault(part.group, {Role.HTML: [], Role.TEXT: []})[part.role].append(number)
    return groups


def _files(parts: tuple[StoredPart, ...], *, shown: Container[int]) -> Iterator[File]:
    """What is left to be listed: nothing gets lost."""
    for number, part in enumerate(parts):
        if part.role is not Role.SOURCE and number not in shown:
            yield File(number=number, name=bare(part.name, part.type), size=part.size)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _base64(reader: PayloadReader, number: int) -> Iterator[bytes]:
    rest = b""
    with _altered():
        for piece in reader.pieces(number):
            data = rest + piece
            whole = len(data) - len(data) % 3
            yield pybase64.b64encode(data[:whole])
            rest = data[whole:]
    yield pybase64.b64encode(rest)


def _trimmed(found: str) -> str:
    """An address without the sentence's own marks; a bracket that it opens itself stays."""
    trimmed = found.rstrip(_TRAILING)
    return f"{trimmed})" if found[len(trimmed) :][:1] == ")" and "(" in trimmed else trimmed


@contextmanager
def _altered() -> Iterator[None]:
    try:
        yield
    except EnvelopeError:
        raise AlteredError from None
