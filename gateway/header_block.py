"""Reads and edits the header block of a mail as bytes; never looks at a body."""

import re
from binascii import Error as BinasciiError
from collections.abc import Iterable, Iterator
from email.errors import HeaderParseError
from email.header import Header, decode_header, make_header
from typing import BinaryIO

#: A header block over this is no mail's; the rest counts as body.
MOST = 4_000_000
#: RFC 5321 section 6.3 asks for a limit of at least 100; loops inside one organisation are found sooner.
MOST_HOPS = 100
MOST_OWN_HOPS = 4

_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:((?:[^\n]*\n[ \t])*[^\n]*\n?)", re.MULTILINE)


def read(mail: BinaryIO) -> bytes:
    """The header block at the start of a mail, without the empty line; it ends, too, at the first line that
    can be no header field, as readers of mail see it."""
    lines: list[bytes] = []
    size = 0
    for line in mail:
        if not (_FIELD.match(line) or (lines and line[:1] in b" \t") or (not lines and line.startswith(b"From "))):
            break
        size += len(line)
        if size > MOST:
            break
        lines.append(line)
    return b"".join(lines)


def raw_values(block: bytes, name: str) -> Iterator[bytes]:
    """Every value of a field, folded as it stands, without its line end."""
    wanted = name.lower().encode("ascii")
    for field in _FIELD.finditer(block):
        if field[1].lower() == wanted:
            yield field[2].rstrip(b"\r\n")


def texts(block: bytes, name: str) -> list[str]:
    """Every value of a field, unfolded and decoded (RFC 2047) as far as it can be."""
    return [_decode(value) for value in raw_values(block, name)]


def hops(block: bytes, hostname: str) -> tuple[int, int]:
    """How many servers this mail has passed through, and how often it was this one."""
    received = list(raw_values(block, "Received"))
    own = re.compile(rb"\bby\s+" + re.escape(hostname.encode()) + rb"\s+\(Sealpost\)")
    return len(received), sum(own.search(value) is not None for value in received)


def received_fields(block: bytes) -> bytes:
    """The trace of where the mail has been, as it stands."""
    return b"".join(field[0] for field in _FIELD.finditer(block) if field[1].lower() == b"received")


def without_tags(block: bytes, tags: Iterable[str]) -> bytes:
    """The block with the tags taken out of every Subject; all else stays as it is, to the byte."""
    tags = tuple(tags)
    return _FIELD.sub(lambda field: _untagged(field, tags), block) if tags else block


def _untagged(field: re.Match[bytes], tags: tuple[str, ...]) -> bytes:
    if field[1].lower() != b"subject":
        return field[0]
    text = plain = _decode(field[2].rstrip(b"\r\n"))
    for tag in tags:
        plain = " ".join(filter(None, map(str.strip, re.split(re.escape(tag), plain, flags=re.IGNORECASE))))
    if plain == text:
        return field[0]
    # An encoded word may hide a line break, and behind it a field of its own.
    plain = re.sub(r"[\x00-\x1f\x7f]+", " ", plain)
    subject = Header(plain, "us-ascii" if plain.isascii() else "utf-8", header_name="Subject")
    return b"Subject: " + subject.encode(linesep="\r\n").encode("ascii") + b"\r\n"


def _decode(value: bytes) -> str:
    text = re.sub(r"\r?\n(?=[ \t])", "", value.decode("utf-8", "replace")).strip()
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, BinasciiError, LookupError, ValueError):
        return text
