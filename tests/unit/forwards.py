"""Forwards a notice as mail programs do, byte by byte, for tests; asserts nothing."""

import base64
import binascii
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from envelope import SealedEnvelope, compose_notice, read_link, render_securedoc
from keyserver import accounts, messages
from tests.factories import make_account, make_keyring, make_registration
from tests.unit.mails import multipart, part
from tests.unit.sealed import BRAND, SERVER

MAIL = b"From: Ada <ada@a.example>\r\nTo: bob@b.example\r\nSubject: Hello\r\n\r\nWhat it says\r\n"
TO_US = (
    b"Return-Path: <bob@b.example>\r\nFrom: Bob <bob@b.example>\r\nTo: open@keys.test\r\nSubject: Fwd: x\r\n"
)
NOTE = part("text/plain; charset=utf-8", b"Please open this for me.")


def securedoc_of(envelope: SealedEnvelope, recipient: str = "bob@b.example", server: str = SERVER) -> bytes:
    """The file as it left the gateway."""
    return b"".join(render_securedoc(envelope, recipient=recipient, server=server, locale="en", brand=BRAND))


def notice_of(envelope: SealedEnvelope, recipient: str = "bob@b.example", server: str = SERVER) -> bytes:
    """The mail that carries it."""
    file = render_securedoc(envelope, recipient=recipient, server=server, locale="en", brand=BRAND)
    names = {"recipient": recipient, "server": server, "locale": "en", "brand": BRAND}
    return b"".join(compose_notice(MAIL, file, sealed=envelope, subject=None, **names))


def link_of(envelope: SealedEnvelope, recipient: str = "bob@b.example", server: str = SERVER) -> str:
    """The link that stands in a notice whose envelope is kept at the server."""
    message_id: UUID = envelope.message_id
    secret = envelope.envelope_secret
    return read_link(server, message_id=message_id, envelope_secret=secret, recipient=recipient)


def attached(file: bytes, type: str = "text/html", *, name: str = "securedoc.html") -> bytes:
    """A new mail with the file attached, in base64, as Outlook and Gmail do."""
    return _forward(
        part(
            f'{type}; name="{name}"',
            base64.encodebytes(file).replace(b"\n", b"\r\n"),
            "Content-Transfer-Encoding: base64",
            f'Content-Disposition: attachment; filename="{name}"',
        )
    )


def forwarded_whole(notice: bytes) -> bytes:
    """The notice as message/rfc822, as Thunderbird and mutt do."""
    return _forward(part("message/rfc822", notice, "Content-Disposition: attachment; filename=Secure.eml"))


def _apple(file: bytes) -> bytes:
    """Apple Mail sends a page among texts as one of them, in quoted-printable."""
    shown = part(
        "text/html; charset=windows-1252; x-unix-mode=0644; name=securedoc.html",
        binascii.b2a_qp(file, istext=False).replace(b"\n", b"\r\n"),
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Disposition: inline; filename=securedoc.html",
    )
    inner = multipart(
        "mixed", part("text/html", b"<p>Begin forwarded message:"), shown, boundary="i", header=b""
    )
    return multipart("alternative", NOTE, inner, header=TO_US)


def _encoded_whole(notice: bytes) -> bytes:
    """RFC 2046 forbids base64 here; Exchange and scanners do it."""
    return _forward(part("message/rfc822", base64.encodebytes(notice), "Content-Transfer-Encoding: base64"))


def zipped(file: bytes, name: str = "securedoc.html") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as files:
        files.writestr(name, file)
    return archive.getvalue()


def _forward(attachment: bytes) -> bytes:
    return multipart("mixed", NOTE, attachment, header=TO_US)


_DATA = re.compile(rb'<script type="application/json" id="envelope">')
_INPUT = re.compile(rb'<input type="hidden" ([^>]*?)name="(\w+)" value="([^"]*)">')
_SCRIPT = re.compile(rb"<script.*?</script>", re.DOTALL)


def _rewritten(file: bytes) -> bytes:
    """What a program that reads and writes HTML leaves of it."""
    page = _DATA.sub(b"<SCRIPT ID=envelope TYPE='application/json'>", file)
    return _INPUT.sub(rb"<INPUT class=x name='\2' \1 TYPE=hidden\r\n value='\3' />", page)


#: How a notice and its file come back, by the program that does it.
FORWARDS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "Outlook, file attached": lambda _notice, file: attached(file),
    "Outlook, mail attached": lambda notice, _file: forwarded_whole(notice),
    "Outlook on the web, as octets": lambda _notice, file: attached(file, "application/octet-stream"),
    "Gmail": lambda _notice, file: multipart(
        "mixed",
        multipart("alternative", NOTE, part("text/html", b"<p>Fwd"), boundary="n", header=b""),
        attached(file),
        header=TO_US,
    ),
    "Gmail, mail attached": lambda notice, _file: multipart(
        "mixed",
        NOTE,
        part('message/rfc822; name="Secure message.eml"', notice, "Content-Disposition: attachment"),
        header=TO_US,
    ),
    "Apple Mail": lambda _notice, file: _apple(file),
    "Thunderbird, as attachment": lambda notice, _file: forwarded_whole(notice),
    "Thunderbird, inline": lambda _notice, file: _forward(
        part(
            "text/html; charset=UTF-8; name=securedoc.html",
            file,
            "Content-Disposition: attachment; filename=securedoc.html",
            "Content-Transfer-Encoding: 7bit",
        )
    ),
    "mutt": lambda notice, _file: multipart(
        "mixed", NOTE, part("message/rfc822", notice, "Content-Disposition: inline"), header=TO_US
    ),
    "mutt, bounced": lambda notice, _file: b"Resent-To: open@keys.test\r\n" + notice,
    "renamed": lambda _notice, file: attached(file, "application/x-download", name="open me.txt"),
    "as plain text": lambda _notice, file: attached(file, "text/plain"),
    "with a wrong picture type": lambda _notice, file: attached(file, "image/png", name="securedoc.png"),
    "mail in base64": lambda notice, _file: _encoded_whole(notice),
    "mail as octets": lambda notice, _file: attached(notice, "application/octet-stream", name="forwarded"),
    "mail in a mail in a mail": lambda notice, _file: forwarded_whole(
        forwarded_whole(forwarded_whole(notice))
    ),
    "file in a mail": lambda _notice, file: forwarded_whole(attached(file)),
    "as the body": lambda _notice, file: TO_US + b"Content-Type: text/html\r\n\r\n" + file,
    "within a body": lambda _notice, file: TO_US + b"Content-Type: text/html\r\n\r\n<p>See:</p>" + file,
    "in UTF-16": lambda _notice, file: attached(file.decode("ascii").encode("utf-16")),
    "in UTF-16 without a mark": lambda _notice, file: attached(file.decode("ascii").encode("utf-16-be")),
    "in UTF-32": lambda _notice, file: attached(file.decode("ascii").encode("utf-32")),
    "in UTF-7": lambda _notice, file: attached(
        file.decode("ascii").encode("utf-7"), "text/html; charset=utf-7"
    ),
    "with a byte order mark": lambda _notice, file: attached(b"\xef\xbb\xbf" + file),
    "with lines in CR": lambda _notice, file: attached(file.replace(b"\r\n", b"\r")),
    "with lines in LF": lambda _notice, file: attached(file.replace(b"\r\n", b"\n")),
    "indented": lambda _notice, file: attached(file.replace(b"\r\n", b" \r\n\t ")),
    "written anew": lambda _notice, file: attached(_rewritten(file)),
    "without its scripts": lambda _notice, file: attached(_SCRIPT.sub(b"", file)),
    "with a banner": lambda _notice, file: attached(
        file.replace(b"<body>", b"<body><div>EXTERNAL MAIL <b>!</b></div>")
    ),
    "in a ZIP file": lambda _notice, file: attached(zipped(file), "application/zip", name="securedoc.zip"),
    "mail in a ZIP file": lambda notice, _file: attached(
        zipped(notice, "Secure.eml"), "application/zip", name="x.zip"
    ),
}


def make_known(
    db: Session, envelope: SealedEnvelope, *recipients: str, now: datetime, **changes: object
) -> None:
    """Register a sealed envelope as Bank A's gateway would; `changes`: of further fields, by name."""
    account = accounts.named(db, "Bank A") or make_account(db, now=now)
    registration = make_registration(*recipients, level=envelope.options.level, **changes).registration
    known = replace(
        registration,
        id=envelope.message_id,
        key_share=envelope.key_share,
        possession_sha256=envelope.possession_sha256,
        policy_sha256=envelope.policy.digest(),
    )
    messages.register(db, account, known, now=now, keyring=make_keyring())
