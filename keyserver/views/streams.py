"""Long answers to slow readers: how many may be under way, so that others are served; knows none's content.

The embedded server keeps a thread for each answer of which a few megabytes are still to be sent (serving.py).
"""

from collections.abc import Iterator
from threading import BoundedSemaphore

from keyserver.errors import BusyError


class Streams:
    """So many at a time."""

    def __init__(self, most: int) -> None:
        self._free = BoundedSemaphore(most)

    def of(self, pieces: Iterator[bytes]) -> "Stream":
        """An answer made of these pieces. Raises BusyError."""
        if not self._free.acquire(blocking=False):
            raise BusyError
        return Stream(pieces, self._free)


class Stream:
    """Gives its place free when the server closes it, which it does whatever happens (PEP 3333)."""

    def __init__(self, pieces: Iterator[bytes], free: BoundedSemaphore) -> None:
        self._pieces = pieces
        self._free: BoundedSemaphore | None = free

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Again is harmless."""
        free, self._free = self._free, None
        if free is not None:
            free.release()
