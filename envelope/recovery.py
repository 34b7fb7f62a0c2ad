"""Envelopes in a mail that somebody made by forwarding a notice, however their mail program wrapped it.

Looks at every part, whatever it is called and declared to be, at mails within the mail, and into a ZIP file
that holds the file or the mail. Not read are containers of one vendor alone (TNEF, .msg, .oft) and files that
are locked with a password. The mail is a stranger's: depth, number and size are bounded before work.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

from envelope import transfer
from envelope.fields import Header, read_header
from envelope.found_links import FoundLink, find_links
from envelope.ids import Data
from envelope.mime import Leaf, TooManyPartsError, read_structure
from envelope.salvage import salvage
from envelope.securedoc import MAX_FILE_SIZE, SecuredocFile

#: More than a person forwards in one mail.
MAX_FOUND = 5
#: Mails in mails, and parts in all of them.
MAX_DEPTH = 8
MAX_PARTS = 400
#: Octets that are looked at, of all parts together; a part in a mail in a mail counts each time.
MAX_OCTETS = 4 * MAX_FILE_SIZE

_MAILS = frozenset(("message/rfc822", "message/global", "message/partial"))
_FIELD = re.compile(rb"(?:>?From |[!-9;-~]{2,60}:[ \t])")
_MAIL_MARK = re.compile(rb"^MIME-Version:", re.IGNORECASE | re.MULTILINE)
_MARK_WITHIN = 65_536

_ZIP = b"PK\x03\x04"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE, _MAX_COMMENT = 22, 65_535
_MAX_ENTRIES, _MAX_DIRECTORY = 10, 16_384
#: What the standard library says of archives that are none, cut, locked or of a kind that it does not know.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, RuntimeError, EOFError)
_PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(slots=True, repr=False)
class Recovered:
    """What was found: files first, then links. Blank repr: envelope secrets are in it."""

    header: Header
    files: list[SecuredocFile] = field(default_factory=list)
    links: list[FoundLink] = field(default_factory=list)


@dataclass(slots=True)
class _Budget:
    """What may still be looked at."""

    octets: int = MAX_OCTETS
    parts: int = MAX_PARTS

    def allows(self, octets: int) -> bool:
        self.octets -= octets
        self.parts -= 1
        return self.octets >= 0 and self.parts >= 0


def recover(mail: bytes) -> Recovered:
    """The first envelopes in a mail of any bytes whatever. Never raises."""
    found, budget = Recovered(read_header(mail)), _Budget()
    waiting = [(mail, 0)]
    while waiting and len(found.files) < MAX_FOUND:
        inner, depth = waiting.pop(0)
        for octets, leaf in _parts(inner, budget):
            for candidate, is_mail in _unpacked(octets, leaf, budget):
                if not is_mail:
                    _look(candidate, leaf, found)
                elif depth < MAX_DEPTH:
                    waiting.append((bytes(candidate), depth + 1))
    found.files, found.links = found.files[:MAX_FOUND], found.links[:MAX_FOUND]
    return found


def _parts(mail: bytes, budget: _Budget) -> Iterator[tuple[Data, Leaf]]:
    try:
        leaves = read_structure(mail).leaves
    except TooManyPartsError:
        return
    for leaf in leaves:
        if not budget.allows(leaf.span[1] - leaf.span[0]):
            return
        yield transfer.decode(mail, leaf.span, leaf.encoding).data, leaf


def _is_mail(octets: Data, leaf: Leaf) -> bool:
    """Whether a part is a mail: by its type, its name, or what it looks like."""
    if leaf.type in _MAILS or leaf.filename.lower().endswith(".eml"):
        return True
    start = bytes(octets[:_MARK_WITHIN])
    return bool(_FIELD.match(start) and _MAIL_MARK.search(start))


def _look(octets: Data, leaf: Leaf, found: Recovered) -> None:
    file = salvage(octets, leaf.charset)
    if file is not None:
        found.files.append(file)
    elif leaf.type.startswith("text/"):
        found.links += [link for link in find_links(bytes(octets)) if link not in found.links]


def _unpacked(octets: Data, leaf: Leaf, budget: _Budget) -> Iterator[tuple[Data, bool]]:
    """The part itself, or the files in it if it is a ZIP file of a few; and whether each is a mail."""
    if bytes(octets[:4]) != _ZIP:
        yield octets, _is_mail(octets, leaf)
        return
    archive = bytes(octets)
    if not _is_small(archive):
        return
    try:
        with zipfile.ZipFile(BytesIO(archive)) as files:
            for entry in files.infolist()[:_MAX_ENTRIES]:
                name = entry.filename.lower()
                fits = entry.compress_type in _PLAIN_METHODS and budget.allows(entry.file_size)
                if fits and name.endswith((".html", ".htm", ".eml")):
                    with files.open(entry) as file:
                        yield file.read(MAX_FILE_SIZE), name.endswith(".eml")
    except _UNREADABLE:
        return


def _is_small(archive: bytes) -> bool:
    """Whether the archive's own directory says that it is short: reading a long one would be the work."""
    at = archive.rfind(_ZIP_END, max(0, len(archive) - _ZIP_END_SIZE - _MAX_COMMENT))
    if at < 0 or len(archive) < at + _ZIP_END_SIZE:
        return False
    entries, size = struct.unpack_from("<HI", archive, at + 10)
    return bool(entries <= _MAX_ENTRIES and size <= _MAX_DIRECTORY)
