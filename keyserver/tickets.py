"""A visit to Open Online, carried by the browser from form to form, sealed; stores nothing and opens nothing.

So the whole way works without cookies and storage: in a mail preview's sandbox there are none. The ticket
stands in hidden fields alone, never in an address, and is good for minutes.
"""

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from envelope.errors import FormatError
from envelope.ids import b64u_decode, b64u_encode
from keyserver.errors import VisitOverError

PURPOSE = "online ticket"
NONCE = 12
#: Characters; more than any ticket of ours has.
LONGEST = 8_192
_BOUND = b"sealpost/1 online ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was shown in this visit, by whom; void when that person's `epoch` has changed since."""

    subject: str
    epoch: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Which copy of which message, for whom, and how far the visit has come."""

    copy_id: UUID
    message_id: UUID
    recipient: str
    envelope_secret: bytes = field(repr=False)
    until: datetime
    locale: str
    #: The code that was mailed last.
    flow: UUID | None = None
    #: The address that a code was typed for.
    proven: Proof | None = None
    #: The id of the person whose passphrase was typed.
    typed: Proof | None = None
    #: Whether the message was opened in this visit: what follows is no further opening.
    opened: bool = False

    def __repr__(self) -> str:
        return f"Ticket(copy {self.copy_id})"

    def seal(self, key: bytes) -> str:
        """As it stands in a form."""
        nonce = os.urandom(NONCE)
        return b64u_encode(nonce + AESGCM(key).encrypt(nonce, json.dumps(self._dump()).encode(), _BOUND))

    @classmethod
    def unseal(cls, text: str, key: bytes, *, now: datetime) -> "Ticket":
        """What `seal` made under the same key. Raises VisitOverError for all else, and when it is too old."""
        try:
            if len(text) > LONGEST:
                raise FormatError("longer than a ticket")
            sealed = b64u_decode(text)
            opened = AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], _BOUND)
        except (FormatError, InvalidTag, ValueError):
            raise VisitOverError from None
        ticket = cls._load(json.loads(opened))
        if ticket.until <= now:
            raise VisitOverError
        return ticket

    def _dump(self) -> dict[str, Any]:
        proofs = {"proven": self.proven, "typed": self.typed}
        return {
            "copy": self.copy_id.hex,
            "message": self.message_id.hex,
            "recipient": self.recipient,
            "secret": b64u_encode(self.envelope_secret),
            "until": self.until.timestamp(),
            "locale": self.locale,
            "flow": self.flow.hex if self.flow else None,
            "opened": self.opened,
            **{name: [proof.subject, proof.epoch] if proof else None for name, proof in proofs.items()},
        }

    @classmethod
    def _load(cls, values: dict[str, Any]) -> "Ticket":
        proofs = {
            name: Proof(subject=values[name][0], epoch=values[name][1]) if values[name] else None
            for name in ("proven", "typed")
        }
        return cls(
            copy_id=UUID(values["copy"]),
            message_id=UUID(values["message"]),
            recipient=values["recipient"],
            envelope_secret=b64u_decode(values["secret"], size=32),
            until=datetime.fromtimestamp(values["until"], UTC),
            locale=values["locale"],
            flow=UUID(values["flow"]) if values["flow"] else None,
            opened=values["opened"],
            **proofs,
        )
