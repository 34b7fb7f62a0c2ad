"""Reads and edits the header block of a mail as bytes; never looks at a body."""

import re
from collections.abc import Iterable
from email.header import Header
from typing import BinaryIO

from envelope.addresses import first_address
from envelope.fields import Field, read_header, readable

#: Bytes. A block over this is no mail's; the rest counts as body.
MOST = 4_000_000
#: RFC 5321 section 6.3 asks for a limit of at least 100; a loop through this gateway is found sooner.
MOST_HOPS = 100
MOST_OWN_HOPS = 4

#: A name has no space in it, except where programs write one into an override header's (D3).
_FIELD_START = re.compile(rb"[!-9;-~]+[ \t]*:|(?i:x-postx)[!-9;-~ \t]*:")


def read(mail: BinaryIO) -> bytes:
    """The header block at the start of a mail, without the empty line.

    It ends, too, at the first line that can be no field: programs that show mail see it so.
    """
    lines: list[bytes] = []
    size = 0
    for line in mail:
        folded = bool(lines) and line[:1] in (b" ", b"\t")
        mailbox_line = not lines and line.startswith((b"From ", b">From "))
        size += len(line)
        if size > MOST or not (folded or mailbox_line or _FIELD_START.match(line)):
            break
        lines.append(line)
    return b"".join(lines)


def sender(block: bytes) -> str:
    """The first address in From that can be delivered to, or ""."""
    mailbox = first_address(read_header(block).all("from"))
    return mailbox.address if mailbox else ""


def subjects(block: bytes) -> list[str]:
    """Every subject that the mail has, decoded; one is usual."""
    return [readable(value) for value in read_header(block).all("subject")]


def hops(block: bytes, hostname: str) -> tuple[int, int]:
    """How many servers this mail has passed through, and how often it was this one."""
    received = read_header(block).all("received")
    own = re.compile(rf"\bby\s+{re.escape(hostname)}\s+\(Sealpost\)")
    return len(received), sum(own.search(value) is not None for value in received)


def only(block: bytes, *names: str) -> bytes:
    """The fields of these names, as they stand and in their order."""
    return b"".join(
        block[field.start : field.end] for field in read_header(block).fields if field.name in names
    )


def without_tags(block: bytes, tags: Iterable[str]) -> bytes:
    """The block with the tags taken out of every subject; all else stays as it is, to the byte."""
    tags = tuple(tags)
    # From the back, so that the places of those before stay right.
    for field in reversed(read_header(block).fields if tags else []):
        if field.name == "subject":
            block = block[: field.start] + _untagged(block, field, tags) + block[field.end :]
    return block


def _untagged(block: bytes, field: Field, tags: tuple[str, ...]) -> bytes:
    text = plain = readable(field.value)
    for tag in tags:
        plain = " ".join(filter(None, map(str.strip, re.split(re.escape(tag), plain, flags=re.IGNORECASE))))
    if plain == text:
        return block[field.start : field.end]
    subject = Header(plain, "us-ascii" if plain.isascii() else "utf-8", header_name="Subject")
    return b"Subject: " + subject.encode(linesep="\r\n").encode("ascii") + b"\r\n"
