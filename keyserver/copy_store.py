"""Where copies of envelopes lie: a folder or an S3 bucket, streamed either way; knows no message and no key.

A process that dies within a write leaves the piece of an object that nobody can see: in a folder `delete`
drops it too, in a bucket a rule of the bucket's own has to (README).
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID, uuid4

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore, S3Store

from keyserver.errors import CopyMissingError, CopyStoreError

if TYPE_CHECKING:  # at run time the library has no such name
    from obstore.store import RetryConfig

#: What is fetched from a bucket at a time.
CHUNK = 2 * 1024 * 1024
#: The least that a bucket takes as one part of several; so much is held of a write, twice.
PART = 5 * 1024 * 1024
#: How long a bucket that does not answer is asked again before that is said.
RETRY: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


class CopyStore:
    """One object for each id. A write that fails leaves nothing behind.

    All raise CopyStoreError where the folder or bucket cannot be used.
    """

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
        fault: Exception | None = None

        def counted() -> Iterator[bytes]:
            nonlocal size, fault
            try:
                for chunk in chunks:
                    size += len(chunk)
                    yield chunk
            except Exception as error:
                fault = error
                raise

        try:
            obstore.put(self._store, str(copy_id), counted(), chunk_size=PART, max_concurrency=1)
            self._settle(copy_id)
        except (BaseError, OSError) as error:
            if fault is not None:
                raise fault from None
            _refuse(error)
        return size

    def open(self, copy_id: UUID) -> BinaryIO:
        """A file with the whole object, to be sent to somebody slow. Raises CopyMissingError.

        What lies in a bucket is fetched first, into a file without a name: a request to the bucket must not
        last as long as a phone needs for its download.
        """
        with _missing_or_unusable(), ExitStack() as until_returned:
            if self._folder:
                return (self._folder / str(copy_id)).open("rb")
            size = obstore.head(self._store, str(copy_id))["size"]
            file = until_returned.enter_context(TemporaryFile())
            for start in range(0, size, CHUNK):
                file.write(self.read(copy_id, start, CHUNK))
            file.seek(0)
            until_returned.pop_all()
            return cast("BinaryIO", file)

    def read(self, copy_id: UUID, start: int, length: int) -> bytes:
        """So many bytes from there on, fewer at the end. Raises CopyMissingError."""
        with _missing_or_unusable():
            return bytes(obstore.get_range(self._store, str(copy_id), start=start, length=length))

    def delete(self, *copy_ids: UUID) -> None:
        """Again is harmless. A bucket drops many at one request."""
        try:
            if self._folder:
                for copy_id in copy_ids:
                    for path in (self._folder / str(copy_id), *self._folder.glob(f"{copy_id}#*")):
                        path.unlink(missing_ok=True)
            elif copy_ids:
                obstore.delete(self._store, [str(copy_id) for copy_id in copy_ids])
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            _refuse(error)

    def check(self) -> None:
        """Write and delete something, to see whether that can be done. Raises CopyStoreError."""
        probe = uuid4()
        self.write(probe, [b"Sealpost was here"])
        self.delete(probe)

    def _settle(self, copy_id: UUID) -> None:
        """Until a power cut can no longer undo it: whoever holds a link counts on the copy behind it."""
        if self._folder:
            for path in (self._folder / str(copy_id), self._folder):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


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
        retry_config=RETRY,
    )


@contextmanager
def _missing_or_unusable() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise CopyMissingError from None
    except (BaseError, OSError) as error:
        _refuse(error)


def _refuse(error: BaseError | OSError) -> NoReturn:
    """In one line: what follows in the library's text is for its developers."""
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError | OSError)
    raise CopyStoreError(str(error).partition("\n")[0], refused=refused) from error
