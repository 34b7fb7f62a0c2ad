"""What an envelope holds and how it is laid out as cleartext (FORMAT.md section 3); knows no mail."""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from envelope.errors import FormatError, LimitExceededError
from envelope.ids import Data

MAX_MANIFEST_SIZE = 1_048_576
MAX_PARTS = 4_096
#: Of all deflated parts together: the constant that opening may cost over the file's own size.
MAX_INFLATED_SIZE = 8_388_608

_LENGTH_SIZE = 4
#: Below this a part's own entry outweighs what deflating saves.
_WORTH_DEFLATING = 256


class Role(StrEnum):
    """What a reader does with a part."""

    TEXT = "text"
    HTML = "html"
    INLINE = "inline"
    ATTACHMENT = "attachment"
    SOURCE = "source"


_NAMED = {Role.INLINE, Role.ATTACHMENT}
_BODY = {Role.TEXT, Role.HTML}
_DEFLATED = {Role.TEXT, Role.HTML, Role.SOURCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part, decoded. `name` for inline and attachment, `id` for inline, `group` for text and html."""

    role: Role
    type: str
    data: Data
    name: str = ""
    id: str = ""
    group: int = 0

    def text(self) -> str:
        """The data of a text or html part, which is UTF-8 by the format."""
        return str(self.data, "utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The header fields a reader is shown and all parts, in the mail's order."""

    headers: Mapping[str, str]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A part as the manifest tells of it: without its data, but with the place of its stored bytes."""

    role: Role
    type: str
    name: str
    id: str
    group: int
    size: int
    start: int
    length: int
    is_deflated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The header fields a reader is shown and what parts there are."""

    headers: Mapping[str, str]
    parts: tuple[StoredPart, ...]


#: Gives a run of the cleartext in pieces: from where, how many bytes.
Read = Callable[[int, int], Iterable[Data]]


def pack(content: Content) -> list[Data]:
    """The cleartext in pieces: the manifest with its length, then each part's stored bytes.

    Raises LimitExceededError for more parts or a longer manifest than an opener accepts.
    """
    entries: list[dict[str, object]] = []
    stored: list[Data] = []
    spare = MAX_INFLATED_SIZE
    for part in content.parts:
        deflated = _deflated(part, spare)
        if deflated is not None:
            spare -= len(part.data)
        stored.append(part.data if deflated is None else deflated)
        encoding = "identity" if deflated is None else "deflate-raw"
        entries.append(_entry(part, length=len(stored[-1]), encoding=encoding))
    return [_manifest(content.headers, entries), *stored]


def read_manifest(read: Read, size: int) -> Manifest:
    """What a cleartext of `size` bytes holds and where.

    Raises FormatError, LimitExceededError, before any part is read or inflated.
    """
    length = int.from_bytes(b"".join(read(0, min(_LENGTH_SIZE, size))), "big")
    if length > MAX_MANIFEST_SIZE:
        raise LimitExceededError(f"manifest of {length} bytes")
    if length > size - _LENGTH_SIZE:
        raise FormatError("the manifest is longer than the cleartext")
    headers, entries = _parsed(b"".join(read(_LENGTH_SIZE, length)))
    at = _LENGTH_SIZE + length
    _check_sums(entries, size - at)
    return Manifest(headers=headers, parts=tuple(_placed(entries, at)))


def read_part(read: Read, part: StoredPart) -> Iterator[Data]:
    """A part's decoded bytes in pieces; a deflated part in one, inflated to its size and no further.

    Raises FormatError.
    """
    stored = read(part.start, part.length)
    if part.is_deflated:
        yield _inflated(stored, part.size)
    else:
        yield from stored


def _entry(part: Part, *, length: int, encoding: str) -> dict[str, object]:
    entry: dict[str, object] = {"role": part.role.value, "type": part.type}
    if part.role in _BODY:
        entry["group"] = part.group
    if part.role is Role.INLINE:
        entry["id"] = part.id
    if part.role in _NAMED:
        entry["name"] = part.name
    return entry | {"length": length, "size": len(part.data), "encoding": encoding}


def _deflated(part: Part, spare: int) -> bytes | None:
    """The part deflated, if that is allowed and pays."""
    if part.role not in _DEFLATED or not _WORTH_DEFLATING <= len(part.data) <= spare:
        return None
    deflate = zlib.compressobj(level=6, wbits=-zlib.MAX_WBITS)
    deflated = deflate.compress(part.data) + deflate.flush()
    return deflated if len(deflated) < len(part.data) * 0.9 else None


def _manifest(headers: Mapping[str, str], entries: list[dict[str, object]]) -> bytes:
    text = json.dumps({"headers": dict(headers), "parts": entries}, ensure_ascii=False, separators=(",", ":"))
    manifest = text.encode("utf-8", "replace")
    if len(entries) > MAX_PARTS or len(manifest) > MAX_MANIFEST_SIZE:
        raise LimitExceededError(f"{len(entries)} parts, manifest of {len(manifest)} bytes")
    return len(manifest).to_bytes(_LENGTH_SIZE, "big") + manifest


def _parsed(manifest: bytes) -> tuple[dict[str, str], list[dict[str, Any]]]:
    try:
        document = json.loads(manifest.decode("utf-8"), parse_constant=_refuse)
        headers, entries = document["headers"], document["parts"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError("the manifest is not JSON of this format") from error
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise FormatError("headers")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FormatError("parts")
    if len(entries) > MAX_PARTS:
        raise LimitExceededError(f"{len(entries)} parts")
    return headers, entries


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _check_sums(entries: list[dict[str, Any]], stored_size: int) -> None:
    for entry in entries:
        _check_entry(entry)
    inflated = sum(entry["size"] for entry in entries if entry["encoding"] == "deflate-raw")
    if inflated > MAX_INFLATED_SIZE:
        raise LimitExceededError(f"{inflated} bytes to inflate")
    if sum(entry["length"] for entry in entries) != stored_size:
        raise FormatError("the parts do not fill the cleartext")


def _check_entry(entry: dict[str, Any]) -> None:
    role, encoding = entry.get("role"), entry.get("encoding")
    if (
        role not in list(Role)
        or not isinstance(entry.get("type"), str)
        or encoding not in ("identity", "deflate-raw")
    ):
        raise FormatError("a part's role, type or encoding")
    for number in (entry.get("length"), entry.get("size"), entry.get("group", 0)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise FormatError("a part's length, size or group")
    if encoding == "identity" and entry["length"] != entry["size"]:
        raise FormatError("a part's length differs from its size")
    wanted = [entry.get("name")] if role in _NAMED else []
    if role == Role.INLINE:
        wanted.append(entry.get("id"))
    if not all(isinstance(text, str) and text for text in wanted):
        raise FormatError("a part's name or id")


def _placed(entries: list[dict[str, Any]], at: int) -> Iterator[StoredPart]:
    for entry in entries:
        role = Role(entry["role"])
        yield StoredPart(
            role=role,
            type=entry["type"],
            name=entry["name"] if role in _NAMED else "",
            id=entry["id"] if role is Role.INLINE else "",
            group=entry.get("group", 0),
            size=entry["size"],
            start=at,
            length=entry["length"],
            is_deflated=entry["encoding"] == "deflate-raw",
        )
        at += entry["length"]


def _inflated(stored: Iterable[Data], size: int) -> bytearray:
    inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    inflated = bytearray()
    try:
        for piece in stored:
            # What is left over of one piece would mean that more comes out than may.
            inflated += inflate.decompress(piece, size + 1 - len(inflated))
            if inflate.unconsumed_tail or inflate.unused_data or len(inflated) > size:
                raise FormatError("a part inflates to another size")
    except zlib.error as error:
        raise FormatError("a part does not inflate") from error
    if len(inflated) != size or not inflate.eof:
        raise FormatError("a part inflates to another size")
    return inflated
