"""What a sender allows and asks of one envelope, and its policy (FORMAT.md section 4); enforces nothing."""

import hashlib
import json
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any

from envelope.errors import FormatError, OptionsError


class Level(StrEnum):
    """What the recipient has to show before the key share is released (S48-S50)."""

    HIGH = "high"  # the passphrase, each time
    MEDIUM = "medium"  # a remembered device or live session will do
    PROVEN = "proven"  # no passphrase, but a code mailed to the address
    NONE = "none"  # no passphrase, nothing to show but the file


class Algorithm(Enum):
    """The cipher of the payload (S57), by the name that settings and people use."""

    AES_256 = "AES-256"
    AES_192 = "AES-192"

    @property
    def id(self) -> int:
        """Its byte in the header."""
        return {Algorithm.AES_256: 1, Algorithm.AES_192: 2}[self]

    @property
    def key_size(self) -> int:
        """Bytes of a key."""
        return {Algorithm.AES_256: 32, Algorithm.AES_192: 24}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the profile and the mail's headers say about one envelope. `expires_after` counts from sealing."""

    level: Level
    algorithm: Algorithm = Algorithm.AES_256
    show_subject: bool = False
    expires_after: timedelta | None = None
    #: At level medium a code mailed to the address may stand in for the passphrase.
    mailed_code: bool = False
    #: Whether the recipient may have the key server decrypt it (Open Online, open by forwarding).
    online: bool = True
    #: Whether the page decrypts (S59); if not, the key server does (S60, S129).
    applet: bool = True
    #: Whether the file carries a script at all (S132); if not, the key server decrypts.
    script: bool = True
    #: Whether the recipient may keep this message's key on their computer (S133); see `may_be_remembered`.
    remember: bool = False
    #: Whether the sender is told of each recipient's first opening (S54).
    receipt: bool = False

    def __post_init__(self) -> None:
        """Raises OptionsError for an envelope that nobody could open."""
        if not self.online and not (self.script and self.applet):
            raise OptionsError("a file that only the key server can open, where opening there is forbidden")

    @property
    def may_be_remembered(self) -> bool:
        """S133, except where the passphrase is wanted each time (S48), and for AES-192.

        A browser keeps a key that it does not hand out; Chromium has no such keys of 192 bits.
        """
        return self.remember and self.level is not Level.HIGH and self.algorithm is Algorithm.AES_256

    def dump(self) -> dict[str, Any]:
        """As JSON can hold it."""
        life = self.expires_after
        fields = {option.name: getattr(self, option.name) for option in dataclass_fields(self)}
        return fields | {
            "level": self.level.value,
            "algorithm": self.algorithm.value,
            "expires_after": None if life is None else life.total_seconds(),
        }

    @classmethod
    def load(cls, fields: dict[str, Any]) -> "Options":
        """What `dump` wrote. Raises ValueError, KeyError, TypeError."""
        life = fields["expires_after"]
        return cls(
            **fields
            | {
                "level": Level(fields["level"]),
                "algorithm": Algorithm(fields["algorithm"]),
                "expires_after": None if life is None else timedelta(seconds=life),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the file says openly, bound to the payload by its digest. Times are UTC, whole seconds."""

    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    level: Level
    sent: datetime
    expires: datetime | None
    subject: str | None

    def canonical(self) -> str:
        """The one text of this policy: what the file carries and the digest is taken of."""
        fields = {
            "expires": None if self.expires is None else utc_text(self.expires),
            "level": self.level.value,
            "recipients": self.recipients,
            "sender": self.sender,
            "sender_name": self.sender_name,
            "sent": utc_text(self.sent),
            "subject": self.subject,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    def digest(self) -> bytes:
        """SHA-256 of the canonical text, 32 bytes."""
        return policy_digest(self.canonical())

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """The policy that a file carries. Raises FormatError."""
        try:
            fields = json.loads(text)
            return cls._checked(fields)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FormatError("not a policy") from error

    @classmethod
    def _checked(cls, fields: dict[str, Any]) -> "Policy":
        expires, subject = fields["expires"], fields["subject"]
        texts = [
            fields["sender"],
            fields["sender_name"],
            *fields["recipients"],
            "" if subject is None else subject,
        ]
        if not isinstance(fields["recipients"], list) or not all(isinstance(text, str) for text in texts):
            raise TypeError
        return cls(
            sender=fields["sender"],
            sender_name=fields["sender_name"],
            recipients=tuple(fields["recipients"]),
            level=Level(fields["level"]),
            sent=_utc_time(fields["sent"]),
            expires=None if expires is None else _utc_time(expires),
            subject=subject,
        )


def policy_digest(canonical: str) -> bytes:
    """SHA-256 of a policy's text as it stands, before anything in it is believed."""
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()


def utc_text(moment: datetime) -> str:
    """`2026-11-23T18:00:00Z`: how times are written in files and on the wire."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc_time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
