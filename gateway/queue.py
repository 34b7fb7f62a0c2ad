"""The mails on disk: taken in whole, changed in durable steps, locked one by one (QUEUE.md)."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from gateway import header_block
from gateway.control import Control
from gateway.durable import OWNER_ONLY, create_file, replacing, sync_folder
from gateway.errors import DamagedEntryError, EntryBusyError, NotInQueueError, QueueInUseError

MAIL, CONTROL, SEALED = "mail.eml", "control.json", "sealed"


class Entry:
    """One mail in the queue, in the hands of whoever has its lock."""

    def __init__(self, folder: Path, *, trash: Path) -> None:
        self.folder = folder
        self._trash = trash
        self.control = _read_control(folder)

    def save(self, control: Control) -> None:
        """Make a new state the one that a restart finds."""
        with replacing(self.folder / CONTROL) as file:
            file.write(control.dump())
        self.control = control

    def note(self, control: Control) -> None:
        """The same for progress that a power cut may undo: somebody gets a mail twice then."""
        with replacing(self.folder / CONTROL, sync=False) as file:
            file.write(control.dump())
        self.control = control

    def open_mail(self) -> BinaryIO:
        """The mail in clear, until `forget_mail`."""
        return (self.folder / MAIL).open("rb")

    def read_headers(self) -> bytes:
        """The mail's header block; it outlives the mail in clear."""
        with suppress(FileNotFoundError), self.open_sealed() as sealed:
            sealed.seek(0)
            return sealed.read(int(sealed.readline()))
        with self.open_mail() as mail:
            return header_block.read(mail)

    def store_sealed(self, dump: Callable[[BinaryIO], None], *, headers: bytes) -> None:
        """Keep what the notices are made of; `dump` writes the envelope. Durable when this returns."""
        with replacing(self.folder / SEALED) as file:
            file.write(b"%d\n" % len(headers) + headers)
            dump(file)

    def open_sealed(self) -> BinaryIO:
        """What `dump` wrote."""
        file = (self.folder / SEALED).open("rb")
        file.seek(int(file.readline()), os.SEEK_CUR)
        return file

    def forget_mail(self) -> None:
        """Remove the mail in clear; again is harmless. A power cut may undo it until the next `save`."""
        (self.folder / MAIL).unlink(missing_ok=True)

    def remove(self) -> None:
        """Take a mail that is done with out of the queue, in one step; what is left of it goes after that."""
        gone = self._trash / f"{self.control.id}.done"
        self.folder.rename(gone)
        shutil.rmtree(gone)


class Draft:
    """A mail on its way in. Before `commit` it is nothing: what a crash leaves, the next start sweeps."""

    def __init__(self, queue: "Queue", mail_id: UUID) -> None:
        self.id = mail_id
        self._queue = queue
        self._folder = queue.incoming / str(mail_id)
        self._folder.mkdir(mode=0o700)
        self.file = create_file(self._folder / MAIL)

    def replace_headers(self, old: bytes, new: bytes) -> None:
        """Write the mail anew with another header block than `old`, with which it begins."""
        copy = self._folder / "copy.eml"
        with create_file(copy) as file:
            file.write(new)
            self.file.seek(len(old))
            shutil.copyfileobj(self.file, file, 1024 * 1024)
        self.file.close()
        copy.rename(self._folder / MAIL)
        self.file = (self._folder / MAIL).open("r+b")

    def commit(self, controls: Sequence[Control]) -> None:
        """Make one entry for each of `controls`, all of this mail; durable when this returns.

        Raises OSError, and then nothing was accepted, or (when several were to be) only some: the caller
        answers with a temporary failure, and those are delivered twice.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        for control in controls:
            self._queue.add(control, mail=self._folder / MAIL)

    def discard(self) -> None:
        """Forget the draft, committed or not."""
        self.file.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class Queue:
    """All mails that were accepted and are not yet done with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.incoming = folder / "incoming"
        self._mails = folder / "mails"
        self._wake = folder / "wake"
        self._lock: int | None = None

    def open(self) -> None:
        """Take the queue for this process: raises QueueInUseError while another gateway has it."""
        for folder in (self._folder, self.incoming, self._mails):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        try:
            self._lock = _lock(self._folder)
        except EntryBusyError as error:
            raise QueueInUseError(f"{self._folder}: another gateway works on this queue") from error
        self._wake.touch(mode=OWNER_ONLY)
        # Never accepted, or done with, when the last gateway ended.
        for left in self.incoming.iterdir():
            shutil.rmtree(left)

    @property
    def owner(self) -> int:
        """The user whose gateway works on this queue."""
        return self._folder.stat().st_uid

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def draft(self, mail_id: UUID) -> Draft:
        return Draft(self, mail_id)

    def add(self, control: Control, *, mail: Path) -> None:
        """Make an entry of the mail in a file, which has been synced and stays; durable when this returns.
        An entry of this id that is there already stays as it is."""
        final = self._mails / str(control.id)
        if final.exists():
            return
        new = self.incoming / f"{control.id}.new"
        new.mkdir(mode=0o700)
        os.link(mail, new / MAIL)
        with replacing(new / CONTROL) as file:
            file.write(control.dump())
        new.rename(final)
        sync_folder(self._mails)

    def ids(self) -> Iterator[UUID]:
        """Every mail in the queue, oldest first."""
        names = sorted(path.name for path in self._mails.iterdir()) if self._mails.exists() else []
        return map(UUID, names)

    def look(self, mail_id: UUID) -> Control:
        """A mail's state, without its lock; raises NotInQueueError, DamagedEntryError."""
        return _read_control(self._mails / str(mail_id))

    @contextmanager
    def claim(self, mail_id: UUID) -> Iterator[Entry]:
        """Have a mail to oneself: raises NotInQueueError, EntryBusyError, DamagedEntryError."""
        folder = self._mails / str(mail_id)
        lock = _lock(folder)
        try:
            if not folder.exists():
                raise NotInQueueError(f"{mail_id} is not in the queue")
            yield Entry(folder, trash=self.incoming)
        finally:
            os.close(lock)

    def wake(self) -> None:
        """Tell the gateway that works on this queue that another command has changed something."""
        os.utime(self._wake)

    def woken(self) -> int:
        """A number that changes with every `wake`."""
        return self._wake.stat().st_mtime_ns


def _read_control(folder: Path) -> Control:
    try:
        return Control.load((folder / CONTROL).read_bytes())
    except FileNotFoundError as error:
        raise NotInQueueError(f"{folder.name} is not in the queue") from error
    except ValueError as error:
        raise DamagedEntryError(f"{folder / CONTROL} is damaged: {error}") from error


def _lock(folder: Path) -> int:
    """Lock a folder until the descriptor that this returns is closed, at the latest when the process dies."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError as error:
        raise NotInQueueError(f"{folder.name} is not in the queue") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise EntryBusyError(f"{folder.name} is being worked on") from error
    return fd
