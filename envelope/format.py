"""The payload byte by byte (FORMAT.md section 2): header and segments, strictly; knows no content."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from envelope.errors import FormatError, LimitExceededError, PayloadCorruptError, UnsupportedVersionError
from envelope.ids import Data
from envelope.keys import CHECK_SIZE, MessageKey
from envelope.options import Algorithm

MAGIC = b"SEALPOST"
VERSION = 1
HEADER_SIZE = 64
TAG_SIZE = 16
#: What the sealer writes: the measured best of all engines that open it.
SEGMENT_SIZE = 262_144
MIN_SEGMENT_SIZE = 4_096
MAX_SEGMENT_SIZE = 1_048_576
MAX_PAYLOAD_SIZE = 67_108_864
#: Header and key check: what stands before the first segment.
PRELUDE_SIZE = HEADER_SIZE + CHECK_SIZE

#: Gives a run of the payload: from where, how many bytes.
ReadPayload = Callable[[int, int], Data]

_ALGORITHMS = {algorithm.id: algorithm for algorithm in Algorithm}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The 64 bytes that every segment is bound to."""

    algorithm: Algorithm
    message_id: UUID
    policy_digest: bytes
    segment_size: int = SEGMENT_SIZE

    def pack(self) -> bytes:
        """The bytes as they stand in the payload."""
        return b"".join(
            (
                MAGIC,
                bytes((VERSION, self.algorithm.id, 0, 0)),
                self.segment_size.to_bytes(4, "big"),
                self.message_id.bytes,
                self.policy_digest,
            )
        )

    @classmethod
    def parse(cls, data: Data) -> "Header":
        """The header at the start of `data`.

        Raises FormatError, UnsupportedVersionError, LimitExceededError.
        """
        header = bytes(data[:HEADER_SIZE])
        if len(header) < HEADER_SIZE or header[:8] != MAGIC:
            raise FormatError("not an envelope")
        if header[8] != VERSION:
            raise UnsupportedVersionError(f"version {header[8]}")
        if header[9] not in _ALGORITHMS:
            raise UnsupportedVersionError(f"algorithm {header[9]}")
        segment_size = int.from_bytes(header[12:16], "big")
        if header[10:12] != b"\0\0":
            raise FormatError("reserved bytes")
        if segment_size > MAX_SEGMENT_SIZE:
            raise LimitExceededError(f"segments of {segment_size} bytes")
        if segment_size < MIN_SEGMENT_SIZE or segment_size.bit_count() != 1:
            raise FormatError("segment size")
        return cls(
            algorithm=_ALGORITHMS[header[9]],
            message_id=UUID(bytes=header[16:32]),
            policy_digest=header[32:64],
            segment_size=segment_size,
        )


def payload_size(cleartext_size: int, segment_size: int = SEGMENT_SIZE) -> int:
    """Bytes of the payload that seals `cleartext_size` bytes."""
    return PRELUDE_SIZE + cleartext_size + TAG_SIZE * -(-cleartext_size // segment_size)


def cleartext_size(payload_size: int, segment_size: int) -> int:
    """The inverse of `payload_size`, which proves the lengths. Raises FormatError, LimitExceededError."""
    if payload_size > MAX_PAYLOAD_SIZE:
        raise LimitExceededError(f"payload of {payload_size} bytes")
    sealed = payload_size - PRELUDE_SIZE
    full, rest = divmod(sealed, segment_size + TAG_SIZE)
    if sealed <= 0 or 0 < rest <= TAG_SIZE:
        raise FormatError("the segments do not fill the payload")
    return sealed - TAG_SIZE * (full + (rest > 0))


def encrypt(pieces: Iterable[Data], *, size: int, header: Header, key: MessageKey) -> Iterator[memoryview]:
    """The segments of the cleartext that `pieces` make up, `size` bytes in all.

    Each yielded view is good until the next is asked for: one buffer serves them all.
    Raises LimitExceededError.
    """
    if payload_size(size, header.segment_size) > MAX_PAYLOAD_SIZE:
        raise LimitExceededError(f"content of {size} bytes")
    cipher, associated = AESGCM(key.key), header.pack()
    buffer = memoryview(bytearray(header.segment_size + TAG_SIZE))
    last = (size - 1) // header.segment_size
    for number, cleartext in enumerate(_cut(pieces, header.segment_size)):
        sealed = buffer[: len(cleartext) + TAG_SIZE]
        cipher.encrypt_into(key.nonce(number, last=number == last), cleartext, associated, sealed)
        yield sealed


class Segments:
    """A cleartext of `size` bytes, of which each segment is read and decrypted when it is needed.

    `read` gives so many bytes of the payload from a place in it.
    """

    def __init__(self, read: ReadPayload, *, size: int, header: Header, key: MessageKey) -> None:
        self.size = size
        self._read, self._key = read, key
        self._segment_size, self._associated = header.segment_size, header.pack()
        self._cipher = AESGCM(key.key)
        self._last = (size - 1) // header.segment_size
        self._held: tuple[int, bytes] = (-1, b"")

    def pieces(self, start: int, length: int) -> Iterator[memoryview]:
        """So many bytes of the cleartext from `start`, within it: one piece for each segment they touch.

        Raises PayloadCorruptError for a segment that was altered, moved, cut off or added.
        """
        end = start + length
        while start < end:
            number, at = divmod(start, self._segment_size)
            piece = memoryview(self._opened(number))[at : at + end - start]
            start += len(piece)
            yield piece

    def check_end(self) -> None:
        """Raise PayloadCorruptError unless the last segment was sealed as the last: nothing is cut off."""
        self._opened(self._last)

    def _opened(self, number: int) -> bytes:
        """One segment; the one before it is forgotten."""
        if self._held[0] != number:
            self._held = (number, self._decrypted(number))
        return self._held[1]

    def _decrypted(self, number: int) -> bytes:
        start = PRELUDE_SIZE + number * (self._segment_size + TAG_SIZE)
        length = min(self._segment_size, self.size - number * self._segment_size) + TAG_SIZE
        nonce = self._key.nonce(number, last=number == self._last)
        try:
            return self._cipher.decrypt(nonce, self._read(start, length), self._associated)
        except InvalidTag as error:
            raise PayloadCorruptError(f"segment {number}") from error


def _cut(pieces: Iterable[Data], size: int) -> Iterator[memoryview]:
    """The same bytes in runs of `size`, the last one shorter; copies only what straddles two pieces."""
    carry = memoryview(bytearray(size))
    filled = 0
    for piece in pieces:
        view = memoryview(piece)
        at = 0
        while at < len(view):
            if not filled and len(view) - at >= size:
                yield view[at : at + size]
                at += size
                continue
            taken = min(size - filled, len(view) - at)
            carry[filled : filled + taken] = view[at : at + taken]
            filled, at = filled + taken, at + taken
            if filled == size:
                yield carry
                filled = 0
    if filled:
        yield carry[:filled]
