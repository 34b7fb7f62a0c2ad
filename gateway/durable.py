"""Puts bytes on disk so that a power cut leaves the old state or the new one, never half of one."""

import os
from collections.abc import Iterable
from pathlib import Path

OWNER_ONLY = 0o600


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries durable: new, renamed, removed names."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Replace `path`, for its owner's eyes alone, in one step. Raises OSError, having changed nothing."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(fd, "wb") as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(fd)
    new.rename(path)
    sync_folder(path.parent)
