"""Secrets that programs present: made here, stored as hashes only; knows not what a token is good for."""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from envelope.ids import b64u_encode, uuid7

_SHAPE = re.compile(r"(sealpost-[a-z]+)\.([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Token:
    """`<kind>.<id of its row>.<256 bits>`; by its kind (`sealpost-…`) scanners of leaked secrets know one."""

    kind: str
    id: UUID
    secret: str = field(repr=False)

    @classmethod
    def mint(cls, kind: str, *, id: UUID | None = None) -> "Token":
        """A new token; of a row that exists when `id` is given."""
        return cls(kind, id or uuid7(), b64u_encode(secrets.token_bytes(32)))

    @classmethod
    def parse(cls, text: str) -> "Token | None":
        """The token that somebody presents, or None if it is none."""
        found = _SHAPE.fullmatch(text)
        return cls(found[1], UUID(found[2]), found[3]) if found else None

    @property
    def text(self) -> str:
        """What its holder presents."""
        return f"{self.kind}.{self.id.hex}.{self.secret}"

    @property
    def sha256(self) -> bytes:
        """What is stored. A fast hash does: 256 random bits cannot be guessed."""
        return sha256(self.secret.encode()).digest()

    def matches(self, stored: bytes) -> bool:
        """Compare with the stored hash, in constant time."""
        return hmac.compare_digest(self.sha256, stored)
