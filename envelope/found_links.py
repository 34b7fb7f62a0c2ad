"""Links to stored copies (FORMAT.md section 9) in whatever became of the text they stood in; follows none."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes
from uuid import UUID

from envelope.addresses import normalise
from envelope.errors import EnvelopeError
from envelope.ids import b64u_decode
from envelope.keys import HALF_SIZE

#: Octets of a text that are looked through; a notice says what it has to say in far fewer.
MAX_TEXT = 1024 * 1024

#: A link in a quoted or wrapped text may be cut anywhere; by then each cut is one line feed.
_CUT = re.compile(rb"=?\r?\n[>| \t]*")
_LINK = re.compile(
    rb"(https?://[A-Za-z0-9.:\[\]-]{1,255})/\n?read/\n?((?:[0-9a-f-]\n?){36})(?:#|\*|%23)\n?"
    rb"((?:[A-Za-z0-9_-]\n?){43})\.\n?([A-Za-z0-9_-][A-Za-z0-9_\n-]{3,600})",
    re.IGNORECASE,
)
_DEFENSE = re.compile(rb"[?&]u=([A-Za-z0-9_.-]{1,2000})")
#: How often an address within an address within an address may have been percent-encoded.
_NESTED = 2


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FoundLink:
    """What a link to a stored copy says. Blank repr: the envelope secret is in it."""

    server: str
    message_id: UUID
    envelope_secret: bytes
    recipient: str


def find_links(text: bytes) -> list[FoundLink]:
    """The links in a text or page, each message of a recipient once."""
    found: dict[tuple[UUID, str], FoundLink] = {}
    for variant in _variants(text[:MAX_TEXT]):
        for match in _LINK.finditer(variant):
            link = _link(*match.groups())
            if link is not None:
                found.setdefault((link.message_id, link.recipient), link)
    return list(found.values())


def _variants(text: bytes) -> Iterator[bytes]:
    """The text with what mail programs and filters did to its links undone, one layer after another."""
    text = _CUT.sub(b"\n", text)
    if b"&" in text:
        text = html.unescape(text.decode("ascii", "replace")).encode("ascii", "replace")
    yield text
    # Proofpoint's second scheme writes - for % and _ for / (URL Defense decoder, Proofpoint).
    for wrapped in _DEFENSE.findall(text):
        yield unquote_to_bytes(wrapped.replace(b"-", b"%").replace(b"_", b"/"))
    for _layer in range(_NESTED):
        inner = unquote_to_bytes(text)
        if inner == text:
            return
        text = inner
        yield text


def _link(server: bytes, message_id: bytes, secret: bytes, recipient: bytes) -> FoundLink | None:
    try:
        return FoundLink(
            server=server.decode("ascii"),
            message_id=UUID(message_id.replace(b"\n", b"").decode("ascii")),
            envelope_secret=b64u_decode(secret.replace(b"\n", b""), size=HALF_SIZE),
            recipient=_recipient(recipient),
        )
    except (ValueError, EnvelopeError):
        return None


def _recipient(text: bytes) -> str:
    """The address, and not what stands in the lines below it: the longest run of lines that is one.

    Raises ValueError.
    """
    lines = text.split(b"\n")[:10]
    joined = (b"".join(lines[:count]) for count in range(len(lines), 0, -1))
    # URL Defense's third scheme puts two of these behind an address.
    for candidate in (run for whole in joined for run in (whole, whole.removesuffix(b"__"))):
        try:
            return normalise(b64u_decode(candidate).decode("utf-8"))
        except (UnicodeDecodeError, EnvelopeError):
            continue
    raise ValueError("no address")
