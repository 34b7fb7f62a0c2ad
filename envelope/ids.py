"""Ids and the text form of bytes; must not know what they stand for."""

import secrets
import time
from uuid import UUID

import pybase64

from envelope.errors import FormatError

Data = bytes | bytearray | memoryview

_URL_SAFE = b"-_"


def uuid7() -> UUID:
    """A new time-ordered id (RFC 9562 section 5.7): milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    high = milliseconds << 16 | 0x7000 | random >> 62
    return UUID(int=high << 64 | 0b10 << 62 | random & (1 << 62) - 1)


def b64u_encode(data: Data) -> str:
    """Base64url without padding (RFC 4648 section 5)."""
    return b64u_bytes(data).decode("ascii")


def b64u_bytes(data: Data) -> bytes:
    """As `b64u_encode`, without the way through `str`."""
    encoded: bytes = pybase64.b64encode(data, altchars=_URL_SAFE)
    return encoded.rstrip(b"=")


def b64u_decode(text: str | bytes, *, size: int | None = None) -> bytes:
    """The bytes of strict base64url: no padding, no white space, no spare bits, and `size` bytes if given.

    Raises FormatError.
    """
    octets = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if b"+" in octets or b"/" in octets:
        raise FormatError("base64, but not base64url")
    try:
        padded = octets + b"=" * (-len(octets) % 4)
        decoded: bytes = pybase64.b64decode(padded, altchars=_URL_SAFE, validate=True)
    except ValueError as error:
        raise FormatError("not base64url") from error
    if size is not None and len(decoded) != size:
        raise FormatError(f"{size} bytes expected, not {len(decoded)}")
    # One text per value, so that an id or a proof cannot be written in two ways.
    if b64u_bytes(decoded) != octets:
        raise FormatError("not canonical base64url")
    return decoded
