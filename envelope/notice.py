"""The mail that carries a securedoc to one recipient (RFC 5322, 2045); sends nothing.

Every header field of the original is read and written anew, so that no field can bring another one with it.
"""

import binascii
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import pybase64

import translations
from envelope.addresses import Mailbox, normalise, parse_mailboxes, quoted
from envelope.brand import Brand, accents
from envelope.errors import AddressError, OptionsError
from envelope.fields import Header, read_header
from envelope.options import Policy
from envelope.sealing import SealedEnvelope
from envelope.wording import environment

FILE_NAME = "securedoc.html"

#: Fields with mailboxes, and fields with a text of ASCII; besides these, all List- fields are kept.
_MAILBOX_FIELDS = ("From", "Sender", "Reply-To", "To", "Cc")
#: A mail may have one of each (RFC 5322 section 3.6); of these, one that has more is read on.
_RECIPIENT_FIELDS = ("To", "Cc")
_TEXT_FIELDS = ("Date", "Message-ID", "In-Reply-To", "References")
_MAX_LINE = 76
#: A single word longer than this is no id and no address of anybody's.
_MAX_WORD = 900
#: UTF-8 octets in one encoded word: 75 letters with its frame (RFC 2047 section 2).
_WORD_OCTETS = 45
_PRINTABLE = re.compile(r"[ -~]+")


def compose_notice(
    mail: bytes,
    securedoc: list[bytes] | None,
    *,
    sealed: SealedEnvelope,
    recipient: str,
    server: str,
    locale: str,
    brand: Brand,
    subject: str | None,
    link: str | None = None,
    open_address: str | None = None,
) -> list[bytes]:
    """The whole notice in chunks: ASCII, CRLF, lines under 998 octets, the securedoc in it as it is.

    `mail` is the original or just its header block. `securedoc` is None where the notice carries a `link`
    (`links.read_link`) only; it may carry both. `subject` is the notice's; None stands for the one that the
    policy shows, or else a neutral one. `server` is the key server's origin, whose host the notice names;
    `open_address` is where the notice can be forwarded to. Raises OptionsError for a notice of nothing.
    """
    if securedoc is None and link is None:
        raise OptionsError("a notice with neither file nor link")
    policy = sealed.policy
    heading = _heading(policy, locale)
    words = {
        "lang": locale,
        "dir": translations.direction(locale),
        "heading": heading,
        "sender": f"{policy.sender_name} ({policy.sender})" if policy.sender_name else policy.sender,
        "recipient": recipient,
        "expires": policy.expires and translations.moment(policy.expires, locale),
        "level": policy.level,
        "link": link,
        "has_file": securedoc is not None,
        "open_address": open_address if sealed.options.online else None,
        "server_host": urlsplit(server).netloc,
        "brand": brand,
        "accents": accents(brand.colour),
    }
    head = [
        *_fields(read_header(mail), sealed),
        b"Subject: " + _phrase(subject or policy.subject or heading),
        b"MIME-Version: 1.0",
    ]
    alternatives = _alternatives(words, locale)
    if securedoc is None:
        return [b"\r\n".join([*head, *alternatives])]
    boundary = _boundary()
    before = [
        *head,
        b'Content-Type: multipart/mixed; boundary="' + boundary + b'"',
        b"",
        b"--" + boundary,
        *alternatives,
        b"--" + boundary,
        b"Content-Type: text/html; charset=us-ascii; name=" + FILE_NAME.encode("ascii"),
        b"Content-Transfer-Encoding: 7bit",
        b"Content-Disposition: attachment; filename=" + FILE_NAME.encode("ascii"),
        b"",
        b"",
    ]
    return [b"\r\n".join(before), *securedoc, b"\r\n--" + boundary + b"--\r\n"]


def _heading(policy: Policy, locale: str) -> str:
    _ = translations.load(locale).gettext
    return _("Secure message from %(sender)s") % {"sender": policy.sender_name or policy.sender}


def _alternatives(words: Mapping[str, Any], locale: str) -> list[bytes]:
    """What the notice says, as plain text and as HTML: one entity."""
    templates, boundary = environment(locale), _boundary()
    plain, html = (templates.get_template(f"notice.{kind}").render(words) for kind in ("txt", "html"))
    return [
        b'Content-Type: multipart/alternative; boundary="' + boundary + b'"',
        b"",
        *_text_part("plain", plain, boundary),
        *_text_part("html", html, boundary),
        b"--" + boundary + b"--",
        b"",
    ]


def _text_part(kind: str, text: str, boundary: bytes) -> Iterator[bytes]:
    yield b"--" + boundary
    yield f"Content-Type: text/{kind}; charset=utf-8".encode("ascii")
    octets = text.replace("\n", "\r\n").encode("utf-8")
    # What keeps mail in one file would take such a line for the next mail's beginning.
    readable = binascii.b2a_qp(octets).replace(b"\nFrom ", b"\n=46rom ")
    dense = pybase64.encodebytes(octets).replace(b"\n", b"\r\n")
    # Beyond the Latin alphabet quoted-printable takes twice the room, which the file beside it needs.
    encoding, encoded = min((b"quoted-printable", readable), (b"base64", dense), key=lambda way: len(way[1]))
    yield b"Content-Transfer-Encoding: " + encoding
    yield b""
    yield encoded


def _boundary() -> bytes:
    # An equals sign and an underscore are never neighbours in quoted-printable (RFC 2045 section 6.7).
    return b"=_" + secrets.token_hex(16).encode("ascii")


def _fields(header: Header, sealed: SealedEnvelope) -> Iterator[bytes]:
    policy = sealed.policy
    found = {name: _mailboxes(_values(header, name)) for name in _MAILBOX_FIELDS}
    found["From"] = found["From"] or _mailboxes([str(Mailbox(policy.sender_name, policy.sender))])
    for name, mailboxes in found.items():
        if mailboxes:
            yield f"{name}: ".encode("ascii") + b",\r\n ".join(mailboxes)
    if not (found["To"] or found["Cc"]):
        yield b"To: undisclosed-recipients:;"
    absent = {
        "Date": format_datetime(policy.sent),
        "Message-ID": f"<{sealed.message_id}@{policy.sender.rpartition('@')[2]}>",
    }
    for name in _TEXT_FIELDS:
        line = _folded(name, header.first(name.lower())) or _folded(name, absent.get(name, ""))
        if line:
            yield line
    for field in header.fields:
        if field.name.startswith("list-"):
            yield from filter(None, [_folded(field.name.title().replace("-Id", "-ID"), field.value)])


def _values(header: Header, name: str) -> list[str]:
    return header.all(name.lower()) if name in _RECIPIENT_FIELDS else [header.first(name.lower())]


def _mailboxes(values: Iterable[str]) -> list[bytes]:
    return [_mailbox(mailbox) for mailbox in parse_mailboxes(values) if _is_deliverable(mailbox.address)]


def _is_deliverable(address: str) -> bool:
    try:
        return bool(normalise(address))
    except AddressError:
        return False


def _mailbox(mailbox: Mailbox) -> bytes:
    if not mailbox.address.isascii():
        # A group without members: how a mail of ASCII names such a mailbox (RFC 6857 section 3.1.8).
        return _words(f"{mailbox.name} {mailbox.address}".strip()) + b" :;"
    address = mailbox.address.encode("ascii")
    if not mailbox.name:
        return address
    name = _phrase(mailbox.name, quote=True)
    fits = len(name) + len(address) < _MAX_LINE - len("Reply-To:  <>")
    return name + (b" <" if fits else b"\r\n <") + address + b">"


def _phrase(text: str, *, quote: bool = False) -> bytes:
    """Text for people: as it is where short ASCII lines can carry it, else in encoded words."""
    text = " ".join(text.split())
    plain = quoted(text) if quote else text
    if not _PRINTABLE.fullmatch(plain) or "=?" in plain or len(plain) > _MAX_LINE - len("Subject: "):
        return _words(text)
    return plain.encode("ascii")


def _words(text: str) -> bytes:
    """Encoded words (RFC 2047), one a line, none of which splits a letter."""
    runs, run = [], b""
    for letter in text:
        octets = letter.encode("utf-8", "replace")
        if len(run) + len(octets) > _WORD_OCTETS:
            runs.append(run)
            run = b""
        run += octets
    return b"\r\n ".join(b"=?utf-8?b?" + pybase64.b64encode(octets) + b"?=" for octets in (*runs, run))


def _folded(name: str, value: str) -> bytes | None:
    """A field of ASCII words, folded between them; None for a value that is none."""
    text = " ".join(value.split())
    words = text.split(" ")
    if not _PRINTABLE.fullmatch(text) or max(map(len, words)) > _MAX_WORD:
        return None
    lines, line = [], f"{name}:"
    for word in words:
        # The first word stays with the name: a line of white space alone ends the header for some programs.
        if len(line) + 1 + len(word) > _MAX_LINE and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += " " + word
    return "\r\n".join([*lines, line]).encode("ascii")
