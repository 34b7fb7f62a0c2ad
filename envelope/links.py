"""Addresses at the key server that notices and files carry (FORMAT.md section 9); fetches none of them."""

import re
from uuid import UUID

from envelope.errors import FormatError
from envelope.ids import b64u_encode

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?")


def check_origin(server: str) -> str:
    """The text, if it is a server's origin, `https://host` without a path. Raises FormatError."""
    if not _ORIGIN.fullmatch(server):
        raise FormatError("the server is written https://host, without a path")
    return server


def read_link(server: str, *, message_id: UUID, envelope_secret: bytes, recipient: str) -> str:
    """Where a recipient reads the stored copy. Browsers send no fragment: the secret stays with them.

    Raises FormatError when `server` is no origin.
    """
    fragment = f"{b64u_encode(envelope_secret)}.{b64u_encode(recipient.encode('utf-8', 'replace'))}"
    return f"{check_origin(server)}/read/{message_id}#{fragment}"
