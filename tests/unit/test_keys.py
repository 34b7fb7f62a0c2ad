"""Deriving a message key and the possession proof from the two halves (FORMAT.md section 1)."""

import hashlib
import hmac
from uuid import UUID

import pytest

from envelope import keys
from envelope.errors import WrongKeyError
from envelope.options import Algorithm

SHARE, SECRET, HEADER = b"s" * 32, b"e" * 32, b"h" * 64
ID = UUID("019ab1c0-0000-7000-8000-000000000001")


def hkdf(ikm: bytes, salt: bytes, info: bytes, *, length: int) -> bytes:
    """RFC 5869, written from the text, to hold the library's against."""
    prk = hmac.digest(salt or bytes(32), ikm, "sha256")
    okm = block = b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(prk, block + info + bytes([number]), "sha256")
        okm += block
    return okm[:length]


@pytest.mark.parametrize(("algorithm", "size"), [(Algorithm.AES_256, 32), (Algorithm.AES_192, 24)])
def test_message_key_is_derived_as_the_format_says(algorithm: Algorithm, size: int) -> None:
    """S57: AES 192 or AES 256."""
    okm = hkdf(SHARE, SECRET, b"sealpost/1 message key" + HEADER, length=size + 39)

    key = keys.message_key(SHARE, SECRET, header=HEADER, algorithm=algorithm)

    assert (key.key, key.nonce_prefix, key.check) == (okm[:size], okm[size : size + 7], okm[size + 7 :])


def test_possession_proof_is_derived_as_the_format_says() -> None:
    proof = keys.possession_proof(SECRET, ID)

    assert proof == hkdf(SECRET, b"", b"sealpost/1 possession" + ID.bytes, length=32)


def test_nonce_holds_number_and_end() -> None:
    key = keys.MessageKey(b"", b"prefix7", b"")

    assert key.nonce(258, last=False) == b"prefix7\0\0\x01\x02\0"
    assert key.nonce(258, last=True) == b"prefix7\0\0\x01\x02\x01"


def test_halves_of_another_length_are_refused() -> None:
    with pytest.raises(WrongKeyError):
        keys.message_key(SHARE[:31], SECRET, header=HEADER, algorithm=Algorithm.AES_256)


def test_message_key_shows_nothing_of_itself() -> None:
    key = keys.message_key(SHARE, SECRET, header=HEADER, algorithm=Algorithm.AES_256)

    assert key.key.hex() not in repr(key) and repr(key.key) not in repr(key)


def test_halves_are_new_each_time() -> None:
    assert len({hashlib.sha256(keys.new_half()).digest() for _ in range(100)}) == 100
