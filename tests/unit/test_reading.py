"""A payload read piece by piece: as much of it as is wanted, never all of it at once."""

import json
import os
import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from envelope import EnvelopeError, PayloadReader, Role, b64u_decode, open_payload, read_link
from envelope.format import PRELUDE_SIZE, SEGMENT_SIZE, TAG_SIZE
from envelope.sealing import SealedEnvelope
from tests.unit.sealed import HEADER, SERVER, payload, sealed
from tests.unit.test_vectors import VECTORS

ID = UUID("0193a5c2-7a10-7000-8000-000000000001")
FILES = [os.urandom(700_000), b"small", os.urandom(900_000)]


class Store:
    """A payload somewhere else; counts what is read of it."""

    def __init__(self, held: bytes) -> None:
        self.held = held
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, length: int) -> bytes:
        self.reads.append((start, length))
        return self.held[start : start + length]

    def segments_read(self) -> set[int]:
        return {(start - PRELUDE_SIZE) // (SEGMENT_SIZE + TAG_SIZE) for start, _ in self.reads if start}


def with_files(files: list[bytes] = FILES) -> SealedEnvelope:
    """An envelope of a text and files, longer than many segments."""
    parts = [
        b"--b\r\nContent-Type: application/x; name=%d.bin\r\nContent-Transfer-Encoding: binary\r\n\r\n%s\r\n"
        % (number, data)
        for number, data in enumerate(files)
    ]
    mail = HEADER + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"Hello\r\n" * 999
    return sealed(mail + b"\r\n" + b"".join(parts) + b"--b--\r\n")


def reader(envelope: SealedEnvelope, store: Store) -> PayloadReader:
    return PayloadReader(
        store.read,
        size=len(store.held),
        key_share=envelope.key_share,
        envelope_secret=envelope.envelope_secret,
        policy=envelope.policy.canonical(),
    )


def outcome(vector: dict[str, Any]) -> object:
    """What reading every part of a vector comes to."""
    held = b64u_decode(vector["payload"])
    halves = {name: b64u_decode(vector[name]) for name in ("key_share", "envelope_secret")}
    try:
        found = PayloadReader(Store(held).read, size=len(held), policy=vector["policy"], **halves)
        digests = [sha256(b"".join(found.pieces(index))).hexdigest() for index in range(len(found.parts))]
    except EnvelopeError as error:
        return {"error": error.code}
    return dict(found.headers), digests


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector_reads_or_is_refused_as_it_says(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    expected = vector["expect"]

    if "content" in expected:
        content = expected["content"]
        expected = content["headers"], [part["sha256"] for part in content["parts"]]

    assert outcome(vector) == expected


def test_reader_gives_what_opening_gives() -> None:
    envelope = with_files()
    found = reader(envelope, Store(b"".join(payload(envelope))))
    opened = open_payload(
        payload(envelope), key_share=envelope.key_share, envelope_secret=envelope.envelope_secret
    )

    assert [(part.role, part.name, part.size) for part in found.parts] == [
        (part.role, part.name, len(part.data)) for part in opened.parts
    ]
    assert [b"".join(found.pieces(index)) for index in range(len(found.parts))] == [
        part.data for part in opened.parts
    ]
    assert found.header.message_id == envelope.message_id


def test_only_the_segments_that_a_part_needs_are_read() -> None:
    envelope = with_files()
    store = Store(b"".join(payload(envelope)))
    found = reader(envelope, store)
    last = store.segments_read() - {0}
    small = next(index for index, part in enumerate(found.parts) if part.size == len(b"small"))
    store.reads.clear()

    assert b"".join(found.pieces(small)) == b"small"
    assert len(store.segments_read()) == 1 and store.segments_read().isdisjoint({0} | last)


def test_large_part_is_never_in_memory_as_a_whole() -> None:
    size = 24_000_000
    envelope = with_files([bytes(size)])
    found = reader(envelope, Store(b"".join(payload(envelope))))
    large = next(index for index, part in enumerate(found.parts) if part.role is Role.ATTACHMENT)
    tracemalloc.start()

    read = sum(map(len, found.pieces(large)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert read == size
    assert peak < 6 * SEGMENT_SIZE


def damaged(held: bytes) -> Iterator[tuple[str, bytes]]:
    """The payload of many segments, damaged where it takes reading to notice."""
    full = SEGMENT_SIZE + TAG_SIZE
    cut = [held[:PRELUDE_SIZE]] + [held[at : at + full] for at in range(PRELUDE_SIZE, len(held), full)]
    yield "cut at a segment", b"".join(cut[:-1])
    yield "cut within a segment", held[:-20]
    yield "two segments exchanged", b"".join([*cut[:2], cut[3], cut[2], *cut[4:]])
    yield "a segment twice", b"".join([*cut[:3], *cut[2:]])
    yield "a segment missing", b"".join([*cut[:2], *cut[3:]])


@pytest.mark.parametrize("number", range(5))
def test_payload_that_was_cut_or_reordered_is_noticed(number: int) -> None:
    envelope = with_files()
    what, held = list(damaged(b"".join(payload(envelope))))[number]

    with pytest.raises(EnvelopeError) as refused:
        found = reader(envelope, Store(held))
        for index in range(len(found.parts)):
            for _ in found.pieces(index):
                pass

    assert refused.value.code == "payload-corrupt", what


@pytest.mark.parametrize("cut", [1, 2])
def test_payload_without_its_end_is_refused_before_a_part_is_read(cut: int) -> None:
    """Truncation is known at once, not at the part that is missing."""
    envelope = with_files()
    held = b"".join(payload(envelope)[:-cut])

    with pytest.raises(EnvelopeError) as refused:
        reader(envelope, Store(held))

    assert refused.value.code == "payload-corrupt"


def test_store_that_gives_less_than_it_has_is_noticed() -> None:
    envelope = with_files()
    store = Store(b"".join(payload(envelope)))
    found = reader(envelope, store)
    store.held = store.held[: PRELUDE_SIZE + SEGMENT_SIZE // 2]

    with pytest.raises(EnvelopeError) as refused:
        list(found.pieces(len(found.parts) - 1))

    assert refused.value.code == "payload-corrupt"


def test_copy_is_the_policy_and_the_payload() -> None:
    """S26: what the key server stores."""
    envelope = with_files()

    policy, _, rest = b"".join(envelope.copy()).partition(b"\n")

    assert policy.decode("ascii") == envelope.policy.canonical()
    assert rest == b"".join(payload(envelope)) == b"".join(envelope.payload())


def test_link_has_the_secret_in_its_fragment_alone() -> None:
    """S26-S27."""
    link = read_link(SERVER, message_id=ID, envelope_secret=bytes(32), recipient="jürgen@b.example")

    address, _, fragment = link.partition("#")
    secret, recipient = map(b64u_decode, fragment.split("."))

    assert address == f"https://keys.a.example/read/{ID}"
    assert (secret, recipient.decode()) == (bytes(32), "jürgen@b.example")


def test_link_to_no_origin_is_refused() -> None:
    with pytest.raises(EnvelopeError):
        read_link("https://a.example/x", message_id=ID, envelope_secret=bytes(32), recipient="bob@b.example")
