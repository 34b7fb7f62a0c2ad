"""Mail that some mail server puts into a Maildir, handed on one by one; knows nothing of what is in it.

A mail is claimed by moving it from `new` to `cur`, so that any number of workers may share the folder, and
removed when it is done with. A worker that dies leaves its claim, which others take over after a while: no
mail is lost, and one is handed on twice at worst. What fails again and again is set aside, and the mails
behind it never wait for it.
"""

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from envelope.addresses import first_address
from envelope.fields import Header, read_header
from keyserver.inbound import MOST, UNAVAILABLE, Inbound, where

log = logging.getLogger(__name__)

#: How often an empty folder is looked into, and how long nothing is tried while the database is away.
IDLE = timedelta(seconds=1)
PAUSE = timedelta(seconds=20)
#: A claim this old is a dead worker's: no mail takes that long.
LEASE = timedelta(minutes=15)
TRIES = 3
#: Where mails go that could not be handled, for the operator to look at; of more than so many the oldest go.
FAILED, MOST_FAILED = ".failed", 100
_HEADER = 65_536
#: `<name that the mail server gave>;<tries>;<when, in seconds>:2,`
_CLAIM = re.compile(r"(?P<name>[^:]+?)(?:;(?P<tries>[0-9]{1,3});(?P<at>[0-9]{1,12}))?(?::.*)?")


class MailFolder:
    """A Maildir, and the thread that empties it."""

    def __init__(self, path: Path, inbound: Inbound) -> None:
        self._path, self._inbound = path, inbound
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbound")

    def start(self) -> None:
        """Make the folder where there is none yet, and go on with what is in it. Raises OSError."""
        for part in ("tmp", "new", "cur", FAILED):
            (self._path / part).mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the mail that is being handled."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def empty(self, *, now: datetime) -> bool:
        """Hand on what is there. False where that has to wait: database or copy store are away."""
        for path in self._waiting(now=now):
            if self._stopped.is_set():
                break
            claim = self._claim(path, now=now)
            if claim is not None and not self._handle(claim, now=now):
                return False
        return True

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                wait = IDLE if self.empty(now=datetime.now(UTC)) else PAUSE
            except OSError as error:
                log.error("the folder of inbound mail cannot be used: %s", error.strerror)
                wait = PAUSE
            self._stopped.wait(wait.total_seconds())

    def _waiting(self, *, now: datetime) -> Iterator[Path]:
        """What is new, and what a dead worker had claimed; the oldest first, as far as names say."""
        yield from sorted(self._path.joinpath("new").iterdir())
        for path in sorted(self._path.joinpath("cur").iterdir()):
            claim = _CLAIM.fullmatch(path.name)
            at = int(claim["at"] or 0) if claim else 0
            if at + LEASE.total_seconds() <= now.timestamp():
                yield path

    def _claim(self, path: Path, *, now: datetime) -> Path | None:
        """The mail under a name that is ours for a while; None where another worker was faster."""
        name, tries = _parts(path)
        if tries >= TRIES:
            self._set_aside(path)
            return None
        claim = self._path / "cur" / f"{name};{tries + 1};{int(now.timestamp())}:2,"
        try:
            return path.rename(claim)
        except FileNotFoundError:
            return None

    def _handle(self, path: Path, *, now: datetime) -> bool:
        try:
            self._take(path, now=now)
        except UNAVAILABLE as error:
            log.error("inbound mail left for later: %s", where(error))
            path.rename(self._path / "new" / _parts(path)[0])  # not the mail's fault: no try is counted
            return False
        except Exception as error:
            # Whatever is wrong with one mail must not keep the others.
            name, tries = _parts(path)
            log.error("inbound mail not handled name=%s try=%s: %s", name, tries, where(error))
            if tries >= TRIES:
                self._set_aside(path)
        else:
            path.unlink(missing_ok=True)
        return True

    def _take(self, path: Path, *, now: datetime) -> None:
        with path.open("rb") as file:
            if path.stat().st_size <= MOST:
                mail = file.read()
                self._inbound.take(mail, sender_of(read_header(mail)), now=now)
            else:
                header = read_header(file.read(_HEADER))
                self._inbound.take_too_large(header, sender_of(header), now=now)

    def _set_aside(self, path: Path) -> None:
        log.error("inbound mail set aside name=%s: look into %s", _parts(path)[0], FAILED)
        with suppress(FileNotFoundError):
            path.rename(self._path / FAILED / _parts(path)[0])
        failed = sorted((self._path / FAILED).iterdir(), key=lambda kept: kept.stat().st_mtime)
        for kept in failed[:-MOST_FAILED]:
            kept.unlink(missing_ok=True)


def sender_of(header: Header) -> str:
    """Who sent it, as the last mail server noted (RFC 5321 section 4.4); "" for nobody."""
    mailbox = first_address([header.first("return-path")])
    return mailbox.address if mailbox else ""


def _parts(path: Path) -> tuple[str, int]:
    """The name that the mail server gave, and how often it was tried."""
    claim = _CLAIM.fullmatch(path.name)
    return (claim["name"], int(claim["tries"] or 0)) if claim else (path.name, 0)
