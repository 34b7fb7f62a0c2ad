"""Seals mails into envelopes and opens them again; knows no web, no database and no network.

FORMAT.md has the envelope byte by byte. The verbs of this package are the names below.
"""

from envelope.content import Content, Part, Role
from envelope.errors import EnvelopeError
from envelope.ids import b64u_decode, b64u_encode, uuid7
from envelope.keys import possession_proof
from envelope.links import read_link
from envelope.notice import compose_notice
from envelope.opening import open_payload
from envelope.options import Algorithm, Level, Options, Policy
from envelope.reading import PayloadReader
from envelope.sealing import SealedEnvelope, seal
from envelope.securedoc import SecuredocFile, read_securedoc, render_securedoc

__all__ = [
    "Algorithm",
    "Content",
    "EnvelopeError",
    "Level",
    "Options",
    "Part",
    "PayloadReader",
    "Policy",
    "Role",
    "SealedEnvelope",
    "SecuredocFile",
    "b64u_decode",
    "b64u_encode",
    "compose_notice",
    "open_payload",
    "possession_proof",
    "read_link",
    "read_securedoc",
    "render_securedoc",
    "seal",
    "uuid7",
]
