"""The copy store, as a folder and as a bucket: all or nothing, a piece at a time."""

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from keyserver.copy_store import CHUNK, PART, CopyStore
from keyserver.errors import CopyMissingError, CopyStoreError
from tests.bucket import Bucket

MEGABYTE = 1024 * 1024
#: Writes and reads back so many megabytes, and prints how many its memory grew by meanwhile.
GROWTH = """
import resource, sys
from uuid import uuid4
from keyserver.copy_store import CopyStore
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
store, id, size = CopyStore(sys.argv[1]), uuid4(), int(sys.argv[2])
store.write(uuid4(), [b"x"])
before = peak()
store.write(id, (bytes(1024 * 1024) for _ in range(size)))
file = store.open(id)
assert sum(map(len, iter(lambda: file.read(65536), b''))) == size * 1024 * 1024
print(peak() - before)
"""


class TornError(Exception):
    """What a client that hung up in the middle looks like."""


def torn(*, after: int) -> Iterator[bytes]:
    yield from (bytes(MEGABYTE) for _ in range(after))
    raise TornError


def whole(store: CopyStore, copy_id: UUID) -> bytes:
    with store.open(copy_id) as file:
        return file.read()


@pytest.fixture
def store(copies_url: str) -> CopyStore:
    return CopyStore(copies_url)


def test_copy_of_34_megabytes_comes_back_whole(store: CopyStore) -> None:
    """S26, S27."""
    copy_id, chunks = uuid4(), [os.urandom(MEGABYTE) for _ in range(34)]

    size = store.write(copy_id, iter(chunks))

    assert size == 34 * MEGABYTE
    assert sha256(whole(store, copy_id)).digest() == sha256(b"".join(chunks)).digest()


def test_copy_is_never_held_in_memory(copies_url: str) -> None:
    command = [sys.executable, "-c", GROWTH, copies_url, "68"]

    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert grown < 34


@pytest.mark.parametrize("size", [0, 1, PART, CHUNK * 2])
def test_copy_of_any_size_is_whole(store: CopyStore, size: int) -> None:
    copy_id = uuid4()

    assert store.write(copy_id, [bytes(size)]) == size

    assert whole(store, copy_id) == bytes(size)


@pytest.mark.parametrize("after", [0, 1, 12])
def test_write_that_fails_leaves_nothing(copies_url: str, after: int, request: pytest.FixtureRequest) -> None:
    store, copy_id = CopyStore(copies_url), uuid4()

    with pytest.raises(TornError):
        store.write(copy_id, torn(after=after))

    with pytest.raises(CopyMissingError):
        store.open(copy_id).close()
    if copies_url.startswith("file:"):
        assert list(Path(copies_url.removeprefix("file://")).iterdir()) == []
    else:
        bucket: Bucket = request.getfixturevalue("bucket")
        assert (bucket.objects(copies_url), bucket.unfinished()) == (0, 0)


def test_write_that_fails_leaves_what_was_there(store: CopyStore) -> None:
    copy_id = uuid4()
    store.write(copy_id, [b"first"])

    with pytest.raises(TornError):
        store.write(copy_id, torn(after=7))

    assert whole(store, copy_id) == b"first"


def test_write_again_replaces(store: CopyStore) -> None:
    copy_id = uuid4()
    for text in (b"first", b"second"):
        store.write(copy_id, [text])

    assert whole(store, copy_id) == b"second"


def test_some_of_it_can_be_read(store: CopyStore) -> None:
    copy_id = uuid4()
    store.write(copy_id, [b"policy\n", b"payload"])

    assert store.read(copy_id, 7, 3) == b"pay"
    assert store.read(copy_id, 10, 100) == b"load"


def test_what_is_deleted_or_never_was_is_missing(store: CopyStore) -> None:
    kept, dropped, never = uuid4(), uuid4(), uuid4()
    for copy_id in (kept, dropped):
        store.write(copy_id, [b"payload"])

    for _ in range(2):
        store.delete(dropped, never)

    for copy_id in (dropped, never):
        with pytest.raises(CopyMissingError):
            store.open(copy_id).close()
        with pytest.raises(CopyMissingError):
            store.read(copy_id, 0, 1)
    assert whole(store, kept) == b"payload"


def test_delete_drops_what_a_crash_left_of_a_write(tmp_path: Path) -> None:
    copy_id = uuid4()
    (tmp_path / f"{copy_id}#1").write_bytes(b"half of it")

    CopyStore(tmp_path.as_uri()).delete(copy_id)

    assert list(tmp_path.iterdir()) == []


def test_usable_store_passes_the_check_and_keeps_nothing_of_it(
    copies_url: str, request: pytest.FixtureRequest
) -> None:
    CopyStore(copies_url).check()

    if copies_url.startswith("file:"):
        assert list(Path(copies_url.removeprefix("file://")).iterdir()) == []
    else:
        assert request.getfixturevalue("bucket").objects(copies_url) == 0


def refusals(store: CopyStore) -> list[CopyStoreError]:
    """What each way to use it says."""
    found = []
    for use in (
        lambda: store.check(),
        lambda: store.write(uuid4(), [b"x"]),
        lambda: store.read(uuid4(), 0, 1),
    ):
        with pytest.raises(CopyStoreError) as caught:
            use()
        found.append(caught.value)
    return found


def test_bucket_that_does_not_answer_is_no_refusal() -> None:
    for error in refusals(CopyStore("s3://id:hunter2@copies?endpoint=http://127.0.0.1:1")):
        assert not error.refused
        assert "127.0.0.1:1" in error.fault
        assert "hunter2" not in error.fault
        assert "\n" not in error.fault


def test_bucket_that_does_not_know_us_refuses(bucket: Bucket) -> None:
    bucket.ask("POST", "/moto-api/reset-auth", b"0")
    try:
        errors = refusals(CopyStore(bucket.url()))
    finally:
        bucket.ask("POST", "/moto-api/reset-auth", b"inf")

    assert all(error.refused for error in errors)
    assert not any("secret" in error.fault for error in errors)


def test_bucket_that_is_not_there_refuses(bucket: Bucket) -> None:
    with pytest.raises(CopyStoreError) as caught:
        CopyStore(bucket.url(bucket="elsewhere")).check()

    assert caught.value.refused


def test_folder_that_cannot_be_made_refuses() -> None:
    assert all(error.refused for error in refusals(CopyStore("file:///proc/nowhere")))


def test_store_does_not_show_its_secrets() -> None:
    assert "hunter2" not in repr(CopyStore("s3://id:hunter2@copies"))
