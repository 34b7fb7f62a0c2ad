"""Puts bytes on disk so that a power cut leaves the old state or the new one, never half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

OWNER_ONLY = 0o600


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries durable: new, renamed, removed names."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def create_file(path: Path) -> BinaryIO:
    """A new file, for its owner's eyes alone, to write and read. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "r+b")


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` in one step when the block is left.

    An error in the block, or of the disk, leaves `path` as it was. Without `sync` a power cut may do so,
    too, until the folder is synced for another reason.
    """
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with create_file(new) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    if sync:
        sync_folder(path.parent)
