"""From a mail to an envelope that is ready to be rendered, any number of times; sends nothing."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from struct import Struct
from typing import BinaryIO
from uuid import UUID

from envelope import content, format, keys
from envelope.addresses import Mailbox, normalise
from envelope.errors import AddressError, FormatError, MailError
from envelope.ids import Data, b64u_bytes, b64u_decode, b64u_encode, uuid7
from envelope.mail import Mail, read_mail
from envelope.options import Algorithm, Options, Policy

#: Letters in a line of the carrier: 738 bytes each, so that lines of one segment join without a seam.
LINE_LENGTH = 984
#: Characters of the subject and of names that the file's outside shows.
MAX_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SealedEnvelope:
    """One sealed mail. `key_share` goes to the key server; `envelope_secret` into the file; blank repr.

    `carrier`: the payload as the file carries it, base64url in lines, one item for each hidden input.
    `digest`: over the payload's inputs (FORMAT.md section 5). `size`: of the cleartext, in bytes.
    """

    message_id: UUID
    options: Options
    policy: Policy
    key_share: bytes
    envelope_secret: bytes
    digest: bytes
    size: int
    carrier: list[bytes] = field(default_factory=list)

    @property
    def algorithm(self) -> Algorithm:
        """The cipher of the payload."""
        return self.options.algorithm

    @property
    def possession_sha256(self) -> bytes:
        """What the key server keeps of the possession proof."""
        return hashlib.sha256(keys.possession_proof(self.envelope_secret, self.message_id)).digest()

    def payload(self) -> Iterator[bytes]:
        """The payload itself, one item for each hidden input."""
        return (b64u_decode(item.translate(None, b"\r\n")) for item in self.carrier)

    def copy(self) -> Iterator[bytes]:
        """What the key server keeps where a copy is stored (FORMAT.md section 8), in pieces."""
        yield self.policy.canonical().encode("ascii") + b"\n"
        yield from self.payload()

    def dump(self, file: BinaryIO) -> None:
        """Write all but the key share, to be rendered later; whoever reads it can open nothing."""
        fields = {
            "message_id": str(self.message_id),
            "options": self.options.dump(),
            "policy": self.policy.canonical(),
            "envelope_secret": b64u_encode(self.envelope_secret),
            "digest": b64u_encode(self.digest),
            "size": self.size,
            "carrier": [len(item) for item in self.carrier],
        }
        file.write(json.dumps(fields).encode("ascii") + b"\n")
        file.writelines(self.carrier)

    @classmethod
    def load(cls, file: BinaryIO) -> "SealedEnvelope":
        """What `dump` wrote; its key share is empty. Raises FormatError."""
        try:
            fields = json.loads(file.readline())
            carrier = [file.read(length) for length in fields["carrier"]]
            if [len(item) for item in carrier] != fields["carrier"]:
                raise FormatError("the dump was cut off")
            return cls(
                message_id=UUID(fields["message_id"]),
                options=Options.load(fields["options"]),
                policy=Policy.parse(fields["policy"]),
                key_share=b"",
                envelope_secret=b64u_decode(fields["envelope_secret"], size=keys.HALF_SIZE),
                digest=b64u_decode(fields["digest"], size=32),
                size=fields["size"],
                carrier=carrier,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError("not a sealed envelope's dump") from error


def seal(
    mail: bytes,
    options: Options,
    *,
    sender: str,
    recipients: Sequence[str],
    now: datetime,
    subject: str | None = None,
    message_id: UUID | None = None,
) -> SealedEnvelope:
    """Seal a mail, whatever its bytes.

    `sender` is the sender where the mail's From names none; `recipients` are all who get it; only those
    whom To and Cc name are put into the policy (D10). `subject` stands in for the mail's.
    Raises MailError, AddressError, LimitExceededError.
    """
    read = read_mail(mail, subject=subject)
    policy = _policy(read, options, sender=sender, recipients=recipients, now=now)
    pieces = content.pack(read.content)
    size = sum(map(len, pieces))
    header = format.Header(
        algorithm=options.algorithm, message_id=message_id or uuid7(), policy_digest=policy.digest()
    )
    key_share, envelope_secret = keys.new_half(), keys.new_half()
    key = keys.message_key(key_share, envelope_secret, header=header.pack(), algorithm=header.algorithm)
    carrier, digest = _carried(
        header.pack() + key.check, format.encrypt(pieces, size=size, header=header, key=key)
    )
    return SealedEnvelope(
        message_id=header.message_id,
        options=options,
        policy=policy,
        key_share=key_share,
        envelope_secret=envelope_secret,
        digest=digest,
        size=size,
        carrier=carrier,
    )


def payload_digest(inputs: Iterable[Data]) -> bytes:
    """The digest of the digests of the payload's inputs (FORMAT.md section 5)."""
    return hashlib.sha256(b"".join(hashlib.sha256(item).digest() for item in inputs)).digest()


def _policy(read: Mail, options: Options, *, sender: str, recipients: Sequence[str], now: datetime) -> Policy:
    author = read.sender or _fallback(sender)
    if not recipients:
        raise MailError("a mail without recipients")
    sent = now.astimezone(UTC).replace(microsecond=0)
    return Policy(
        sender=author.address,
        sender_name=author.name[:MAX_SHOWN],
        recipients=_visible(read.visible, recipients),
        level=options.level,
        sent=sent,
        expires=None if options.expires_after is None else sent + options.expires_after,
        subject=read.content.headers.get("subject", "")[:MAX_SHOWN] if options.show_subject else None,
    )


def _fallback(sender: str) -> Mailbox:
    try:
        return Mailbox("", normalise(sender))
    except AddressError as error:
        raise MailError("a mail without a sender") from error


def _visible(named: list[Mailbox], recipients: Sequence[str]) -> tuple[str, ...]:
    """The recipients that To and Cc name, in that order, as the SMTP envelope spells them."""
    spelled = {normalise(recipient).lower(): normalise(recipient) for recipient in recipients}
    found = (spelled.get(mailbox.address.lower()) for mailbox in named)
    return tuple(dict.fromkeys(address for address in found if address))


def _carried(prelude: bytes, segments: Iterable[Data]) -> tuple[list[bytes], bytes]:
    """The hidden inputs' values and the digest over them, each segment used while it is there."""
    carrier: list[bytes] = []

    def carried() -> Iterator[Data]:
        for item in chain((prelude,), segments):
            carrier.append(_lines(item))
            yield item

    return carrier, payload_digest(carried())


def _lines(data: Data) -> bytes:
    encoded = b64u_bytes(data)
    return b"\r\n".join(_cutter(len(encoded)).unpack(encoded))


@lru_cache(maxsize=8)
def _cutter(length: int) -> Struct:
    """Cuts so many letters into lines: struct does in one call what would be hundreds of slices."""
    full, rest = divmod(length, LINE_LENGTH)
    return Struct(f"{LINE_LENGTH}s" * full + (f"{rest}s" if rest else ""))
