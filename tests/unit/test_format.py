"""Header and segments of the payload (FORMAT.md section 2); damage is what the vectors show."""

import pytest

from envelope import format, keys
from envelope.errors import FormatError, LimitExceededError
from envelope.format import Header
from envelope.options import Algorithm
from tests.unit.sealed import HEADER, MEDIUM, payload, sealed
from tests.unit.test_keys import ID, SECRET, SHARE

SMALL = Header(algorithm=Algorithm.AES_256, message_id=ID, policy_digest=b"p" * 32, segment_size=4096)
KEY = keys.message_key(SHARE, SECRET, header=SMALL.pack(), algorithm=SMALL.algorithm)


def reader(segments: bytes, size: int) -> format.Segments:
    payload = bytes(format.PRELUDE_SIZE) + segments
    return format.Segments(
        lambda start, length: payload[start : start + length], size=size, header=SMALL, key=KEY
    )


def test_header_reads_back() -> None:
    packed = SMALL.pack()

    assert len(packed) == format.HEADER_SIZE
    assert Header.parse(packed + b"more") == SMALL


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 8192, 20_000])
@pytest.mark.parametrize("cut", [1, 7, 4096, 5000, 20_000])
def test_cleartext_in_any_pieces_comes_back(size: int, cut: int) -> None:
    cleartext = bytes(number % 251 for number in range(size))
    pieces = [cleartext[at : at + cut] for at in range(0, size, cut)]

    segments = b"".join(map(bytes, format.encrypt(pieces, size=size, header=SMALL, key=KEY)))

    assert format.PRELUDE_SIZE + len(segments) == format.payload_size(size, 4096)
    read = reader(segments, size)
    assert b"".join(read.pieces(0, size)) == cleartext
    assert b"".join(read.pieces(size // 3, size // 2)) == cleartext[size // 3 :][: size // 2]


def test_payload_over_the_limit_is_refused_before_any_work() -> None:
    with pytest.raises(LimitExceededError):
        format.cleartext_size(format.MAX_PAYLOAD_SIZE + 1, format.SEGMENT_SIZE)
    with pytest.raises(LimitExceededError):
        next(format.encrypt([], size=format.MAX_PAYLOAD_SIZE, header=SMALL, key=KEY))


@pytest.mark.parametrize("size", [0, 95, 96, 96 + 16, 96 + 4112 + 16])
def test_payload_that_segments_cannot_fill_is_refused(size: int) -> None:
    with pytest.raises(FormatError):
        format.cleartext_size(size, 4096)


def test_sealer_writes_segments_of_256_kib_one_for_each_input() -> None:
    envelope = sealed(HEADER + b"Content-Type: application/x\r\n\r\n" + bytes(600_000))

    prelude, *segments = payload(envelope)

    assert len(prelude) == format.PRELUDE_SIZE
    assert [len(segment) for segment in segments[:-1]] == [262_144 + 16] * 2
    assert Header.parse(prelude).policy_digest == envelope.policy.digest()
    assert Header.parse(prelude).algorithm is MEDIUM.algorithm
