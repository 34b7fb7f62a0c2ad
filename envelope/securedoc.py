"""securedoc.html for one recipient and locale, and reading one back (FORMAT.md section 5); derives no key."""

import base64
import hashlib
import html
import json
import re
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import translations
from envelope.brand import Brand, Logo, accents
from envelope.errors import FormatError, LimitExceededError
from envelope.format import MAX_PAYLOAD_SIZE
from envelope.ids import b64u_decode, b64u_encode
from envelope.keys import HALF_SIZE
from envelope.links import check_origin
from envelope.options import Algorithm, Options, Policy
from envelope.sealing import SealedEnvelope, payload_digest
from envelope.wording import environment

#: Octets in a line, line break excluded (RFC 5322 section 2.1.1), with room for a tag around it.
MAX_LINE = 980
#: Octets of the page without its payload. A logo that does not fit is left out: file and notice shall add no
#: more than 96 KiB to the mail.
MAX_PAGE = 90_112
#: Octets of one name, address or subject on the file's outside, as HTML: a line has to hold it.
_MAX_SHOWN = 700
MAX_FILE_SIZE = MAX_PAYLOAD_SIZE * 7 // 5

_STATIC = Path(__file__).parents[1] / "static" / "dist"
_STRINGS_OF = "static/js/envelope/"
_SCRIPTS = {Algorithm.AES_256: "envelope.js", Algorithm.AES_192: "envelope-192.js"}
#: Tells the style sheet that scripts run here, before anything is shown; and takes it back where the page's
#: own script has not started by then, because a filter broke it and its hash does not fit any more.
_HEAD_SCRIPT = (
    '(h=>{h.className="js";setTimeout(()=>h.dataset.ready||(h.className=""),3e3)})(document.documentElement)'
)
_PAYLOAD_LINE = b"\r\n<!--payload-->\r\n"
#: The value begins on a line of its own: its lines leave no room beside them.
_INPUT = b'<input type="hidden" form="online" name="p" value="\r\n'
_INPUT_END = b'">\r\n'
_DATA = re.compile(
    rb'<script type="application/json" id="envelope">([^<]*)</script>'
    rb"|<input type=\"hidden\" id=\"envelope\" value='([^']*)'>"
)
#: The first files had no form.
_INPUTS = re.compile(rb'<input type="hidden" (?:form="online" )?name="p" value="([^"]*)">')
_WHITE_SPACE = b" \t\r\n\f"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SecuredocFile:
    """What a securedoc says and carries. Blank repr: the envelope secret is in it."""

    server: str
    recipient: str
    envelope_secret: bytes
    policy: str
    size: int
    locale: str
    remember: bool
    applet: bool
    payload: list[bytes]
    #: Whether the payload is as it was sent; if not, the file was altered on the way.
    is_intact: bool


def render_securedoc(
    sealed: SealedEnvelope,
    *,
    recipient: str,
    server: str,
    locale: str,
    brand: Brand,
    post_url: str | None = None,
    open_address: str | None = None,
) -> list[bytes]:
    """The file in chunks: ASCII, CRLF, lines under 998 octets. `server` is the key server's origin.

    `post_url` is the origin that Open Online posts to, the server's own if None (S43-S47); `open_address` is
    where the mail can be forwarded to. Raises BrandError; FormatError when an origin is none.
    """
    brand.check()
    head, tail = _page(
        sealed,
        recipient=recipient,
        server=check_origin(server),
        locale=locale,
        brand=brand,
        post_url=check_origin(post_url or server),
        open_address=open_address,
    )
    chunks = [head]
    for item in sealed.carrier:
        chunks += (_INPUT, item, _INPUT_END)
    return [*chunks, tail]


def read_securedoc(file: bytes) -> SecuredocFile:
    """What stands in a securedoc's bytes. Raises FormatError, LimitExceededError."""
    if len(file) > MAX_FILE_SIZE:
        raise LimitExceededError(f"a file of {len(file)} bytes")
    block = _DATA.search(file)
    if block is None:
        raise FormatError("not a securedoc: it has no data block")
    payload = [b64u_decode(value.translate(None, _WHITE_SPACE)) for value in _INPUTS.findall(file)]
    try:
        data = json.loads((block[1] or block[2] or b"").translate(None, b"\r\n"))
    except (ValueError, RecursionError) as error:
        raise FormatError("not a securedoc: its data block is no JSON") from error
    return securedoc_of(data, payload)


def securedoc_of(data: Any, payload: list[bytes]) -> SecuredocFile:
    """What a data block, parsed, says of the payload beside it. Raises FormatError."""
    try:
        return SecuredocFile(
            server=str(data["server"]),
            recipient=str(data["recipient"]),
            envelope_secret=b64u_decode(data["secret"], size=HALF_SIZE),
            policy=str(data["policy"]),
            size=int(data["size"]),
            locale=str(data["locale"]),
            remember=data.get("remember", False) is True,
            applet=data.get("applet", True) is True,
            payload=payload,
            is_intact=b64u_encode(payload_digest(payload)) == data["digest"],
        )
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FormatError("not a securedoc: its data block says other things") from error


def _page(
    sealed: SealedEnvelope,
    *,
    recipient: str,
    server: str,
    locale: str,
    brand: Brand,
    post_url: str,
    open_address: str | None,
) -> tuple[bytes, bytes]:
    """What stands before and behind the payload; without the logo where it would be too much."""
    script = _script(sealed.algorithm) if sealed.options.script else None
    policy = _shown(sealed.policy)
    values = {
        "lang": locale,
        "dir": translations.direction(locale),
        "csp": _content_security_policy(script, server=server, post_url=post_url),
        "style": _built("envelope.css"),
        "head_script": _HEAD_SCRIPT,
        "script": script and script.text,
        "data": _data(sealed, recipient=recipient, server=server, locale=locale),
        "brand": brand,
        "accents": accents(brand.colour),
        "policy": policy,
        "options": sealed.options,
        "remember": _may_remember(sealed.options),
        "recipient": _fitted(recipient),
        "whole_recipient": recipient,
        "secret": b64u_encode(sealed.envelope_secret),
        "digest": b64u_encode(sealed.digest),
        "sent": translations.moment(policy.sent, locale),
        "expires": policy.expires and translations.moment(policy.expires, locale),
        "subject": policy.subject,
        "server_host": urlsplit(server).netloc,
        "action": f"{post_url}/online",
        "open_address": open_address and _fitted(open_address),
    }
    template = environment(locale).get_template("securedoc.html")
    page = _lines(template.render(values, logo_uri=brand.logo and _logo_uri(brand.logo)))
    if brand.logo and len(page) > MAX_PAGE:
        page = _lines(template.render(values, logo_uri=None))
    head, line, tail = page.partition(_PAYLOAD_LINE)
    return head + line[:2], tail


def _may_remember(options: Options) -> bool:
    """Whether the page may keep the message's key: only a page that decrypts has one (S133)."""
    return options.may_be_remembered and options.script and options.applet


def _content_security_policy(script: "_Script | None", *, server: str, post_url: str) -> str:
    # A form's answer may lead on from where it was posted to the portal: browsers hold both against this.
    forms = f"form-action {' '.join(dict.fromkeys((post_url, server)))}; base-uri 'none'"
    if script is None:
        return f"default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data:; {forms}"
    # The mail's frame inherits this policy: inline style is what mails are made of, and pictures from the
    # internet must be possible here to be shown when asked for. Until then the frame's own policy forbids
    # them.
    return (
        f"default-src 'none'; script-src 'sha256-{_sha256(_HEAD_SCRIPT)}' 'sha256-{script.digest}'; "
        "style-src 'unsafe-inline'; img-src data: blob: https: http:; "
        f"connect-src {server}; {forms}"
    )


def _data(sealed: SealedEnvelope, *, recipient: str, server: str, locale: str) -> str:
    """The data block: JSON that neither HTML nor a mail system can take for something else."""
    data = {
        "server": server,
        "recipient": recipient,
        "secret": b64u_encode(sealed.envelope_secret),
        "policy": sealed.policy.canonical(),
        "digest": b64u_encode(sealed.digest),
        "size": sealed.size,
        "locale": locale,
        "remember": _may_remember(sealed.options),
        "applet": sealed.options.applet,
        "strings": _words(locale) if sealed.options.script else "",
    }
    text = json.dumps(data, ensure_ascii=True, separators=(",\n", ":"))
    # Besides what means something to HTML, slashes: mail filters look for addresses, and rewrite them.
    for character in "<>&'/":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return "\n".join(_broken(line) for line in text.split("\n"))


@cache
def _words(locale: str) -> str:
    """The script's words as the data block carries them, "" for English: every file has them, so deflated."""
    words = dict(translations.strings_of(locale, _STRINGS_OF))
    text = json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()
    deflate = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return b64u_encode(deflate.compress(text) + deflate.flush()) if words else ""


#: Anywhere but where the next line would begin like a mailbox's separator.
_RUN = re.compile(r".{1,900}(?!From )")


def _broken(line: str) -> str:
    return line if len(line) <= MAX_LINE else "\n".join(_RUN.findall(line))


def _shown(policy: Policy) -> Policy:
    """The policy for the page to show: each text short enough for a line."""
    return replace(
        policy,
        sender=_fitted(policy.sender),
        sender_name=_fitted(policy.sender_name),
        recipients=tuple(map(_fitted, policy.recipients)),
        subject=policy.subject and _fitted(policy.subject),
    )


def _fitted(text: str) -> str:
    """The text, cut where it would not fit into one line of HTML."""
    room = _MAX_SHOWN
    for at, character in enumerate(text):
        room -= len(html.escape(character).encode("ascii", "xmlcharrefreplace"))
        if room < 0:
            return text[:at] + "…"
    return text


def _lines(page: str) -> bytes:
    """ASCII with CRLF. Lines that are too long are broken where white space means nothing."""
    encoded = page.encode("ascii", "xmlcharrefreplace")
    lines = (line if len(line) <= MAX_LINE else _wrapped(line) for line in encoded.split(b"\n"))
    return b"\r\n".join(lines)


def _wrapped(line: bytes) -> bytes:
    pieces = []
    while len(line) > MAX_LINE:
        at = max(line.rfind(b" ", 1, MAX_LINE), line.rfind(b">", 1, MAX_LINE))
        if at < 0:
            raise FormatError("a line of the page cannot be broken")
        pieces.append(line[:at])
        line = line[at:].lstrip(b" ")
    return b"\r\n".join((*pieces, line))


class _Script(NamedTuple):
    text: str
    digest: str


@cache
def _script(algorithm: Algorithm) -> _Script:
    text = _built(_SCRIPTS[algorithm])
    return _Script(text, _sha256(text))


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("ascii")).digest()).decode("ascii")


@cache
def _built(name: str) -> str:
    return (_STATIC / name).read_text("ascii")


def _logo_uri(logo: Logo) -> str:
    encoded = base64.b64encode(logo.data).decode("ascii")
    # Browsers take line breaks out of an address (WHATWG URL, section 4.4).
    return f"data:{logo.type};base64," + "\n".join(re.findall(".{1,900}", encoded))
