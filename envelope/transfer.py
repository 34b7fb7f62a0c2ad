"""Undoing content transfer encodings (RFC 2045 section 6) within a mail's bytes; never raises."""

import binascii
import re
from typing import NamedTuple

import pybase64

from envelope.ids import Data


class Transferred(NamedTuple):
    """Decoded bytes; `exact` is false when some of the encoded ones meant nothing."""

    data: Data
    exact: bool


IDENTITY = frozenset(("", "7bit", "8bit", "binary"))
KNOWN = IDENTITY | {"base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue", "uue"}

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_BASE64_UNIT = re.compile(rb"[A-Za-z0-9+/]+")
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*(?:\r?\n|\r|\Z))")
_UU = re.compile(rb"^begin [0-7]{3,4}[^\r\n]*\r?\n(.*?)^(?:`|[ ]?)\r?\n?end", re.DOTALL | re.MULTILINE)


def decode(mail: bytes, span: tuple[int, int], encoding: str) -> Transferred:
    """The bytes of `mail` from `span[0]` to `span[1]` without their transfer encoding, a known one.

    Identity gives a view, so that nothing is copied.
    """
    if encoding in IDENTITY:
        return Transferred(memoryview(mail)[slice(*span)], exact=True)
    if encoding == "base64":
        return _base64(mail, span)
    if encoding == "quoted-printable":
        encoded = mail[slice(*span)]
        return Transferred(binascii.a2b_qp(encoded), exact=not _BAD_ESCAPE.search(encoded))
    return _uuencode(mail[slice(*span)])


def loose_base64(encoded: bytes) -> bytes:
    """All that can be read out of damaged base64: unit by unit, each up to its padding."""
    units = _BASE64_UNIT.findall(_NOT_BASE64.sub(b"", encoded))
    whole = (unit if len(unit) % 4 != 1 else unit[:-1] for unit in units)
    return b"".join(pybase64.b64decode(unit + b"=" * (-len(unit) % 4)) for unit in whole)


def _base64(mail: bytes, span: tuple[int, int]) -> Transferred:
    encoded = memoryview(mail)[slice(*span)]
    try:
        decoded: bytes = pybase64.b64decode(encoded)
    except ValueError:
        pass
    else:
        # pybase64 passes over what is no base64: only over white space, if the lengths say so.
        foreign = len(encoded) - -(-len(decoded) // 3) * 4
        if foreign == _regular_breaks(mail, span, decoded) or foreign == _white_space(mail, span):
            return Transferred(decoded, exact=True)
    loose = loose_base64(bytes(encoded))
    return Transferred(loose, exact=_is_unpadded(bytes(encoded), loose))


def _regular_breaks(mail: bytes, span: tuple[int, int], decoded: bytes) -> int:
    """How many bytes the line breaks make up if all lines are as long as the first: spares counting them."""
    first = mail.find(b"\r\n", *span) - span[0]
    if first <= 0:
        return -1
    lines = -(-(-(-len(decoded) // 3) * 4) // first)
    return 2 * (lines if mail[span[1] - 2 : span[1]] == b"\r\n" else lines - 1)


def _white_space(mail: bytes, span: tuple[int, int]) -> int:
    return sum(mail.count(space, *span) for space in (b"\n", b"\r", b" ", b"\t"))


def _is_unpadded(encoded: bytes, decoded: bytes) -> bool:
    """Whether only the padding is missing, which loses nothing."""
    letters = b"".join(encoded.split())
    return letters == pybase64.b64encode(decoded).rstrip(b"=")


def _uuencode(encoded: bytes) -> Transferred:
    found = _UU.search(encoded)
    if not found:
        return Transferred(encoded, exact=False)
    try:
        decoded = b"".join(binascii.a2b_uu(line) for line in found[1].splitlines())
    except binascii.Error:
        return Transferred(encoded, exact=False)
    around = encoded[: found.start()] + encoded[found.end() :]
    return Transferred(decoded, exact=not around.strip())
