"""A mail's structure: finds its leaves in its bytes, and decides nothing about what they mean.

Multiparts are split in bytes: the standard library's parser takes twenty times as long for a large mail.
Whatever the bytes are, each of them is in one leaf or in the skeleton around the leaves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from envelope import transfer
from envelope.fields import Header, parameters, read_header

#: Multiparts in one another; what lies deeper stays in one piece.
MAX_DEPTH = 250
#: Keeps the manifest within its limit, whatever the parts are called; a mail of more stays in one piece.
MAX_LEAVES = 300
MAX_ID_LENGTH = 200

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}")
_OCTETS = "application/octet-stream"
_PROTECTED = frozenset(
    ("multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
)
_REST_OF_LINE = re.compile(rb"(--)?[ \t]*(?:\r\n|\r|\n|\Z)")
_BLANK = re.compile(rb"\s*+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One part without parts of its own: what its header says, and where its body stands in the mail."""

    type: str
    charset: str | None
    encoding: str
    disposition: str
    filename: str
    content_id: str
    span: tuple[int, int]
    #: The outermost multipart/alternative it is in, by number.
    alternative: int | None
    is_root: bool


class Structure(NamedTuple):
    """The leaves of a mail in its order; `is_protected` when some part is signed or encrypted."""

    header: Header
    leaves: list[Leaf]
    is_protected: bool


class _Entity(NamedTuple):
    """A stretch of the mail that has a header and a body, still to be looked into."""

    start: int
    end: int
    depth: int = 0
    alternative: int | None = None
    default_type: str = "text/plain"
    is_epilogue: bool = False


class TooManyPartsError(Exception):
    """More leaves than `MAX_LEAVES`; stays within this package."""


class _Found(NamedTuple):
    leaves: list[Leaf]
    children: list[_Entity]
    is_protected: bool


def read_structure(mail: bytes) -> Structure:
    """Take a mail apart. Raises TooManyPartsError."""
    root = header = read_header(mail)
    leaves: list[Leaf] = []
    is_protected = False
    # A list of what is waiting, not recursion: a stranger decides how deep it goes.
    waiting = [_Entity(0, len(mail))]
    while waiting:
        entity = waiting.pop()
        if entity.depth:
            header = read_header(mail, entity.start, entity.end)
        found = _look_into(mail, entity, header)
        is_protected = is_protected or found.is_protected
        waiting.extend(reversed(found.children))
        leaves.extend(found.leaves)
        if len(leaves) + len(waiting) > MAX_LEAVES:
            raise TooManyPartsError
    return Structure(root, leaves, is_protected)


def _look_into(mail: bytes, entity: _Entity, header: Header) -> _Found:
    if entity.is_epilogue:
        return _Found([_undivided("text/plain", entity)], [], is_protected=False)
    kind, options = parameters(header.first("content-type"))
    is_protected = kind in _PROTECTED
    if kind.startswith("multipart/"):
        if entity.depth >= MAX_DEPTH:
            return _Found([_undivided("message/rfc822", entity)], [], is_protected)
        boundary = options.get("boundary", "").rstrip().encode("utf-8", "replace")
        children = (
            list(_children(mail, entity, header=header, kind=kind, boundary=boundary)) if boundary else []
        )
        if children:
            return _Found([], children, is_protected)
        kind = "text/plain"  # a multipart without parts: what stands there is shown as it is
    return _Found([_leaf(entity, header, kind=kind, options=options)], [], is_protected)


def _leaf(entity: _Entity, header: Header, *, kind: str, options: Mapping[str, str]) -> Leaf:
    disposition, details = parameters(header.first("content-disposition"))
    filename = details.get("filename") or options.get("name") or ""
    if not kind:
        kind = _OCTETS if filename else entity.default_type
    return Leaf(
        # What is no type is text (RFC 2045 section 5.2).
        type=kind if _TYPE.fullmatch(kind) else "text/plain",
        charset=options.get("charset"),
        encoding=_encoding(header.first("content-transfer-encoding")),
        disposition=disposition,
        filename=filename,
        content_id=header.first("content-id").strip("<> \t")[:MAX_ID_LENGTH],
        span=(header.body, entity.end),
        alternative=entity.alternative,
        is_root=entity.depth == 0,
    )


def _encoding(value: str) -> str:
    """The transfer encoding's name; one that nobody knows changes nothing, so that no byte is lost."""
    name = value.partition(";")[0].partition("(")[0].strip().lower()
    return name if name in transfer.KNOWN else ""


def _undivided(kind: str, entity: _Entity) -> Leaf:
    return Leaf(
        type=kind,
        charset=None,
        encoding="",
        disposition="attachment",
        filename="",
        content_id="",
        span=(entity.start, entity.end),
        alternative=None,
        is_root=False,
    )


def _children(
    mail: bytes, parent: _Entity, *, header: Header, kind: str, boundary: bytes
) -> Iterator[_Entity]:
    """The parts of a multipart, and what stands behind them unless it is blank."""
    alternative = parent.alternative
    if alternative is None and kind == "multipart/alternative":
        alternative = parent.start
    for start, end, is_epilogue in _split(mail, (header.body, parent.end), boundary):
        if not (_BLANK.match(mail, start, end) if is_epilogue else start == end):
            yield _Entity(
                start=start,
                end=end,
                depth=parent.depth + 1,
                alternative=alternative,
                default_type="message/rfc822" if kind == "multipart/digest" else "text/plain",
                is_epilogue=is_epilogue,
            )


def _split(mail: bytes, span: tuple[int, int], boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """The stretches between delimiter lines (RFC 2046 section 5.1.1) and whether each follows a closing one.

    A closing line in the middle does not end it: parts behind it are parts too. A missing one does no harm.
    """
    start, end = span
    delimiter = b"--" + boundary
    opened, is_epilogue = -1, False
    at = mail.find(delimiter, start, end)
    while at >= 0:
        line = _REST_OF_LINE.match(mail, at + len(delimiter), end)
        if line and (at == start or mail[at - 1] in b"\r\n"):
            if opened >= 0:
                yield opened, _without_break(mail, opened, at), is_epilogue
            opened, is_epilogue = line.end(), bool(line[1])
        at = mail.find(delimiter, line.end() if line else at + 1, end)
    if opened >= 0:
        yield opened, end, is_epilogue


def _without_break(mail: bytes, start: int, end: int) -> int:
    """Where a stretch ends: the line break in front of a delimiter belongs to the delimiter."""
    if mail[end - 2 : end] == b"\r\n":
        return max(start, end - 2)
    return max(start, end - 1)
