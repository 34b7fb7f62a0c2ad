"""Seals and opens in one step, for tests; asserts nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from envelope import Content, Level, Options, Part, Role, SealedEnvelope, b64u_decode, open_payload, seal
from envelope.brand import Brand

NOW = datetime(2026, 11, 23, 18, 0, 0, tzinfo=UTC)
SERVER = "https://keys.a.example"
BRAND = Brand(name="Bank A", colour="#0a5c8f")
MEDIUM = Options(level=Level.MEDIUM)

HEADER = b"From: Ada <ada@a.example>\r\nTo: Bob <bob@b.example>\r\nSubject: Hello\r\n"


def sealed(
    mail: bytes, options: Options = MEDIUM, *, recipients: Sequence[str] = ("bob@b.example",), **more: Any
) -> SealedEnvelope:
    """The mail as the gateway would seal it."""
    return seal(mail, options, **{"sender": "smtp@a.example", "recipients": recipients, "now": NOW} | more)


def payload(envelope: SealedEnvelope) -> list[bytes]:
    """The bytes that the carrier carries."""
    return [b64u_decode(item.replace(b"\r\n", b"")) for item in envelope.carrier]


def opened(envelope: SealedEnvelope) -> Content:
    """The content again."""
    return open_payload(
        payload(envelope),
        key_share=envelope.key_share,
        envelope_secret=envelope.envelope_secret,
        policy=envelope.policy.canonical(),
    )


def content_of(mail: bytes, **more: Any) -> Content:
    """What a recipient gets of a mail."""
    return opened(sealed(mail, **more))


def parts_of(mail: bytes, role: Role) -> list[Part]:
    """The parts of one role."""
    return [part for part in content_of(mail).parts if part.role is role]


def text_of(mail: bytes) -> str:
    """All text parts, one after another."""
    return "".join(part.text() for part in parts_of(mail, Role.TEXT))


def files_of(mail: bytes) -> dict[str, bytes]:
    """The attachments by name."""
    return {part.name: bytes(part.data) for part in parts_of(mail, Role.ATTACHMENT)}
