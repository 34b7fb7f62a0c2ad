"""The two halves of a message key and what is derived from them (FORMAT.md section 1); encrypts nothing."""

import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from envelope.errors import WrongKeyError
from envelope.options import Algorithm

HALF_SIZE = 32
CHECK_SIZE = 32
PROOF_SIZE = 32
_PREFIX_SIZE = 7


@dataclass(frozen=True, slots=True, repr=False)
class MessageKey:
    """The key of one payload. Blank repr: it must not end up in a log."""

    key: bytes
    nonce_prefix: bytes
    check: bytes

    def nonce(self, number: int, *, last: bool) -> bytes:
        """The nonce of one segment: the STREAM construction, so that order and end are sealed in."""
        return self.nonce_prefix + number.to_bytes(4, "big") + bytes([last])

    def confirm(self, check: bytes) -> None:
        """Raise WrongKeyError unless `check` is this key's: the payload was sealed with it."""
        if not hmac.compare_digest(self.check, check):
            raise WrongKeyError("the key share or the envelope secret belongs to another envelope")


def new_half() -> bytes:
    """A fresh key share or envelope secret."""
    return secrets.token_bytes(HALF_SIZE)


def message_key(
    key_share: bytes, envelope_secret: bytes, *, header: bytes, algorithm: Algorithm
) -> MessageKey:
    """Join the two halves for the payload that starts with `header`.

    Raises WrongKeyError for halves of another length: no envelope was ever sealed with them.
    """
    if len(key_share) != HALF_SIZE or len(envelope_secret) != HALF_SIZE:
        raise WrongKeyError(f"a key share and an envelope secret are {HALF_SIZE} bytes each")
    size = algorithm.key_size
    okm = HKDF(
        algorithm=SHA256(),
        length=size + _PREFIX_SIZE + CHECK_SIZE,
        salt=envelope_secret,
        info=b"sealpost/1 message key" + header,
    ).derive(key_share)
    return MessageKey(okm[:size], okm[size : size + _PREFIX_SIZE], okm[size + _PREFIX_SIZE :])


def possession_proof(envelope_secret: bytes, message_id: UUID) -> bytes:
    """What whoever holds the file can show the key server; the server keeps its SHA-256 only."""
    info = b"sealpost/1 possession" + message_id.bytes
    return HKDF(algorithm=SHA256(), length=PROOF_SIZE, salt=None, info=info).derive(envelope_secret)
