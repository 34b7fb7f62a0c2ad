"""From a mail's bytes to the content that is sealed: what each part is to a reader. Never raises.

Nothing is lost but Bcc: what cannot be understood is an attachment beside the best reading of it.
"""

import html
import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import unquote

from envelope import charsets, filenames, transfer
from envelope.addresses import Mailbox, first_address, parse_mailboxes
from envelope.content import Content, Part, Role
from envelope.fields import Header, read_header, readable
from envelope.ids import Data
from envelope.mime import Leaf, TooManyPartsError, read_structure

#: Of one header field for reading, in bytes; the whole of it is in the source.
MAX_FIELD_SIZE = 32_768

_OCTETS = "application/octet-stream"
_HIDDEN = ("bcc", "resent-bcc")
_MAILBOX_FIELDS = (("from", "from"), ("to", "to"), ("cc", "cc"), ("reply-to", "reply_to"))
_CID = re.compile(r"""cid:([^"'\s<>)]+)""", re.IGNORECASE)
_META_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9_.:+-]{1,40})""", re.IGNORECASE
)


class Mail(NamedTuple):
    """What sealing asks of a mail."""

    content: Content
    sender: Mailbox | None
    visible: list[Mailbox]


class _Body(NamedTuple):
    """What a leaf says to a reader, and its original bytes where reading lost some of them."""

    text: str
    original: Data | None


def read_mail(mail: bytes, *, subject: str | None = None) -> Mail:
    """Read a mail of any bytes whatever; `subject` stands in for the mail's own."""
    try:
        header, leaves, is_protected = read_structure(mail)
    except TooManyPartsError:
        header, leaves, is_protected = read_header(mail), [], True
    bodies = [_body(mail, leaf) if _is_body(leaf) else None for leaf in leaves]
    parts = list(_parts(mail, leaves, bodies=bodies))
    # A signature is over the very bytes (RFC 1847 section 2.1): keep them beside what was made of them.
    if is_protected or any(body and "-----BEGIN PGP " in body.text for body in bodies):
        exact = _without(mail, _hidden(header))
        parts.append(Part(role=Role.ATTACHMENT, type="message/rfc822", name="message.eml", data=exact))
    skeleton = _without(mail, _hidden(header) + [leaf.span for leaf in leaves])
    if leaves and skeleton:
        parts.append(Part(role=Role.SOURCE, type="text/plain", data=skeleton))
    return Mail(
        content=Content(headers=_headers(header, subject), parts=tuple(parts)),
        sender=first_address(header.all("from")),
        visible=parse_mailboxes(header.all("to") + header.all("cc")),
    )


def _is_body(leaf: Leaf) -> bool:
    """Whether a leaf is text to be read at once; what is attached, or named among others, is a file."""
    if leaf.disposition == "attachment":
        return False
    if leaf.type in ("text/plain", "text/html"):
        return not leaf.filename or leaf.is_root or leaf.alternative is not None
    return (
        leaf.is_root and leaf.type.startswith("text/") and leaf.type != "text/calendar" and not leaf.filename
    )


def _body(mail: bytes, leaf: Leaf) -> _Body:
    octets, is_exact = transfer.decode(mail, leaf.span, leaf.encoding)
    charset = leaf.charset
    if not charset and leaf.type == "text/html":
        declared = _META_CHARSET.search(octets[:2048])
        charset = declared[1].decode("ascii") if declared else None
    text, is_sure = charsets.decode(octets, charset)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not is_exact:
        return _Body(text, memoryview(mail)[slice(*leaf.span)])
    return _Body(text, None if is_sure else octets)


def _parts(mail: bytes, leaves: list[Leaf], *, bodies: list[_Body | None]) -> Iterator[Part]:
    pictures = _referenced(leaves, bodies)
    groups: dict[object, int] = {}
    for leaf, body in zip(leaves, bodies, strict=True):
        if body is None:
            yield from _file(mail, leaf, pictures=pictures)
        else:
            group = groups.setdefault(
                leaf.alternative if leaf.alternative is not None else leaf.span, len(groups)
            )
            yield from _shown(leaf, body, group=group)


def _shown(leaf: Leaf, body: _Body, *, group: int) -> Iterator[Part]:
    is_html = leaf.type == "text/html"
    if body.text:
        role, kind = (Role.HTML, "text/html") if is_html else (Role.TEXT, "text/plain")
        yield Part(role=role, type=kind, group=group, data=body.text.encode("utf-8"))
    if body.original is not None:
        name = "original.html" if is_html else "original.txt"
        yield Part(role=Role.ATTACHMENT, type=leaf.type, name=name, data=body.original)


def _file(mail: bytes, leaf: Leaf, *, pictures: set[str]) -> Iterator[Part]:
    data, is_exact = transfer.decode(mail, leaf.span, leaf.encoding)
    name = _file_name(leaf, data)
    if is_exact or data:
        if leaf.content_id in pictures and leaf.type.startswith("image/"):
            pictures.remove(leaf.content_id)
            yield Part(role=Role.INLINE, type=leaf.type, id=leaf.content_id, name=name, data=data)
        else:
            yield Part(role=Role.ATTACHMENT, type=leaf.type, name=name, data=data)
    if not is_exact:
        undecoded = memoryview(mail)[slice(*leaf.span)]
        yield Part(
            role=Role.ATTACHMENT, type=_OCTETS, name=filenames.bare(name + ".raw", _OCTETS), data=undecoded
        )


def _file_name(leaf: Leaf, data: Data) -> str:
    if leaf.type not in ("message/rfc822", "message/global"):
        return filenames.bare(leaf.filename, leaf.type)
    title = leaf.filename or readable(read_header(bytes(data)).first("subject"))
    return filenames.titled(title.removesuffix(".eml"), ".eml") or filenames.bare("", leaf.type)


def _referenced(leaves: list[Leaf], bodies: list[_Body | None]) -> set[str]:
    """The Content-IDs that HTML bodies show (RFC 2392)."""
    pages = (
        body.text for leaf, body in zip(leaves, bodies, strict=True) if body and leaf.type == "text/html"
    )
    return {unquote(html.unescape(found)) for page in pages for found in _CID.findall(page)}


def _headers(header: Header, subject: str | None) -> dict[str, str]:
    headers = {}
    for name, key in _MAILBOX_FIELDS:
        values = header.all(name)
        headers[key] = ", ".join(map(str, parse_mailboxes(values))) or readable(", ".join(values))
    headers["subject"] = readable(header.first("subject") if subject is None else subject)
    headers["date"] = _date(header.first("date"))
    return {key: _bounded(text) for key, text in headers.items() if text}


def _date(value: str) -> str:
    """ISO 8601 with offset, "" if nobody can tell."""
    try:
        moment = parsedate_to_datetime(value[:200])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(timespec="seconds")
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _bounded(text: str) -> str:
    return text.encode("utf-8", "replace")[:MAX_FIELD_SIZE].decode("utf-8", "ignore")


def _hidden(header: Header) -> list[tuple[int, int]]:
    return [(field.start, field.end) for field in header.fields if field.name in _HIDDEN]


def _without(mail: bytes, spans: list[tuple[int, int]]) -> Data:
    """The mail with these stretches cut out, which stand in its order."""
    view = memoryview(mail)
    if not spans:
        return view
    starts = [0, *(end for _, end in spans)]
    ends = [*(start for start, _ in spans), len(mail)]
    return b"".join(view[start:end] for start, end in zip(starts, ends, strict=True))
