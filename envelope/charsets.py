"""Bytes of a declared charset to text, as mails are in the wild; never raises."""

import codecs
import re
from typing import NamedTuple

from envelope.ids import Data


class Decoded(NamedTuple):
    """Text, free of surrogates; `exact` says that nothing was guessed or replaced on the way."""

    text: str
    exact: bool


#: Charsets of mail by the names that `codecs.lookup` gives them. Python has more, not all charsets.
_CHARSETS = frozenset(
    (
        *("ascii", "utf-8", "utf-7", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
        *(f"iso8859-{number}" for number in range(1, 17)),
        *(f"cp125{number}" for number in range(9)),
        *("koi8-r", "koi8-u", "mac-roman", "tis-620"),
        *("cp437", "cp850", "cp852", "cp855", "cp858", "cp866", "cp874"),
        *("iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_3", "iso2022_jp_ext"),
        *("shift_jis", "cp932", "shift_jisx0213", "shift_jis_2004", "euc_jp", "euc_jis_2004"),
        *("gb2312", "gbk", "gb18030", "hz", "big5", "cp950", "big5hkscs"),
        *("iso2022_kr", "euc_kr", "cp949", "johab"),
    )
)

#: What programs write when they declare the left one.
_SUPERSETS = {
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
    "euc_jp": "euc_jis_2004",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
}

#: Names that Python does not know, or knows as something narrower.
_ALIASES = {
    "ks_c_5601-1987": "euc_kr",
    "ks_c_5601": "euc_kr",
    "x-sjis": "shift_jis",
    "x-gbk": "gbk",
    "x-euc-jp": "euc_jp",
    "x-mac-roman": "mac-roman",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "iso-8859-8-i": "iso8859-8",
}

_NAME = re.compile(r"[A-Za-z0-9_.:+-]{1,40}")
_C1 = re.compile(rb"[\x80-\x9f]")


def decode(data: Data, charset: str | None) -> Decoded:
    """The text of `data`: by its charset, by what is usually meant by that, else by the best guess."""
    octets = bytes(data)
    declared = _codec(charset)
    if declared is None or declared in ("ascii", "utf-8"):
        return _undeclared(octets)
    if declared == "iso8859-1" and not _C1.search(octets):
        return Decoded(octets.decode("latin-1"), exact=True)
    meant = _SUPERSETS.get(declared)
    # Windows' letters stand where ISO 8859-1 has control characters, which nobody writes.
    candidates = [meant, declared] if declared == "iso8859-1" else [declared, meant]
    for codec in filter(None, candidates):
        text = _strict(octets, codec)
        if text is not None:
            return Decoded(text.removeprefix("\ufeff"), exact=True)
    text = _strict(octets, "utf-8")
    return _inexact(octets.decode(meant or declared, "replace") if text is None else text)


def _undeclared(octets: bytes) -> Decoded:
    """Nothing usable declared, or UTF-8 itself: UTF-8 proves itself, everything else is a guess."""
    if b"\x1b$" in octets:
        japanese = _strict(octets, "iso2022_jp_ext")
        if japanese is not None:
            return Decoded(japanese, exact=True)
    text = _strict(octets, "utf-8")
    if text is not None:
        return Decoded(text.removeprefix("\ufeff"), exact=True)
    return _inexact(octets.decode("cp1252", "replace"))


def _codec(charset: str | None) -> str | None:
    name = _ALIASES.get((charset or "").lower(), charset or "")
    if not _NAME.fullmatch(name):
        return None
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        return None
    return codec if codec in _CHARSETS else None


def _strict(octets: bytes, codec: str) -> str | None:
    try:
        text = octets.decode(codec)
        text.encode("utf-8")  # UTF-7 and UTF-16 can smuggle half a surrogate pair
    except UnicodeError:
        return None
    return text


def _inexact(text: str) -> Decoded:
    return Decoded(text.encode("utf-8", "replace").decode("utf-8").removeprefix("\ufeff"), exact=False)
