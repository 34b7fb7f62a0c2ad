"""Where copies of envelopes lie: a folder or an S3 bucket, streamed either way; knows no message and no key."""

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import obstore
from obstore.store import LocalStore, ObjectStore, S3Store

from keyserver.errors import CopyMissingError

#: What a stream hands out at a time, and what is held of a write that is under way.
CHUNK = 1024 * 1024
#: The least that a bucket takes as one part of several.
PART = 5 * 1024 * 1024


class CopyStore:
    """One object for each id. A write that fails leaves nothing behind."""

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self._folder = Path(unquote(parts.path)) if parts.scheme == "file" else None

    @cached_property
    def _store(self) -> ObjectStore:
        """Made when first used: only then the folder has to be there."""
        return LocalStore(self._folder, mkdir=True) if self._folder else _bucket(self._url)

    def __repr__(self) -> str:
        return "CopyStore()"

    def write(self, copy_id: UUID, chunks: Iterable[bytes]) -> int:
        """Store what `chunks` bring, as they come; returns its size in bytes. Durable when this returns.

        Whatever `chunks` raise, this raises, and nothing is stored then.
        """
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                size += len(chunk)
                yield chunk

        obstore.put(self._store, str(copy_id), counted(), chunk_size=PART, max_concurrency=2)
        if self._folder:
            _sync(self._folder / str(copy_id))
            _sync(self._folder)
        return size

    def stream(self, copy_id: UUID) -> Iterator[bytes]:
        """The whole object, piece by piece. Raises CopyMissingError at once."""
        try:
            found = obstore.get(self._store, str(copy_id))
        except FileNotFoundError:
            raise CopyMissingError from None
        return (bytes(chunk) for chunk in found.stream(min_chunk_size=CHUNK))

    def read(self, copy_id: UUID, start: int, length: int) -> bytes:
        """So many bytes from there on, fewer at the end. Raises CopyMissingError."""
        try:
            return bytes(obstore.get_range(self._store, str(copy_id), start=start, length=length))
        except FileNotFoundError:
            raise CopyMissingError from None

    def delete(self, copy_id: UUID) -> None:
        """Again is harmless."""
        try:
            obstore.delete(self._store, str(copy_id))
        except FileNotFoundError:
            return


def _bucket(url: str) -> ObjectStore:
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    endpoint = options.get("endpoint")
    return S3Store(
        parts.hostname or "",
        prefix=parts.path.strip("/") or None,
        access_key_id=unquote(parts.username or ""),
        secret_access_key=unquote(parts.password or ""),
        region=options.get("region", "us-east-1"),
        endpoint=endpoint,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http:"))},
    )


def _sync(path: Path) -> None:
    """Until a power cut can no longer undo it: whoever holds a link counts on the copy behind it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
