"""Mailbox fields of mails (RFC 5322 section 3.4) and the one spelling of an address; knows nobody."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from envelope.errors import AddressError
from envelope.fields import harmless, readable

#: Octets of a path without its angle brackets (RFC 5321 section 4.5.3.1.3).
MAX_LENGTH = 254

_LEXEME = re.compile(
    r'=\?[^?\s]*\?[bBqQ]\?[^?\s]*\?=|"(?:[^"\\]|\\.)*+"?|<[^<>]*+>?|\[[^\[\]]*+\]?|[,;:()\\]|\s+|[^\s"<\[,;:()\\]+',
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PLAIN_NAME = re.compile(r"[^\x00-\x1f()<>\[\]:;@\\,.\"]*")
_CLEAR_NAME = re.compile(r"[^\x00-\x1f()<>\[\]:;@\\,\"]*")
_ADDRESS = re.compile(
    r'(?:[^\s\x00-\x20\x7f"(),:;<>\[\]\\@]+|"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])+")@([^\s@"(),;<>\\]+)'
)
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)*[^\W_](?:[\w-]*[^\W_])?|\[[0-9A-Fa-f:.IPv]+\]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be "", and the address as it was written, "" if there is none.

    As text it is for reading: «Dr. Vogt» needs its quotes on the wire only, «Vogt, Lena» for people too.
    """

    name: str
    address: str

    def __str__(self) -> str:
        if not self.address or not self.name:
            return self.address or self.name
        name = self.name if _CLEAR_NAME.fullmatch(self.name) else quoted(self.name)
        return f"{name} <{self.address}>"


def normalise(address: str) -> str:
    """The one spelling of an address: trimmed, the domain in small letters.

    Raises AddressError for what cannot be delivered to.
    """
    trimmed = address.strip()
    fits = len(trimmed.encode("utf-8", "replace")) <= MAX_LENGTH and harmless(trimmed) == trimmed
    match = _ADDRESS.fullmatch(trimmed) if fits else None
    if not match or not _DOMAIN.fullmatch(match[1]):
        raise AddressError(f"not a mail address: {trimmed[:MAX_LENGTH]!r}")
    return trimmed[: match.start(1)] + match[1].lower()


def parse_mailboxes(values: Iterable[str]) -> list[Mailbox]:
    """The mailboxes of fields such as To, names decoded; groups are opened.

    Never raises: what is no address is a name.
    """
    found = (mailbox for value in values for mailbox in _mailboxes(value))
    return [mailbox for mailbox in found if mailbox.address or mailbox.name]


def first_address(values: Iterable[str]) -> Mailbox | None:
    """The first mailbox whose address can be delivered to, in its one spelling."""
    for mailbox in parse_mailboxes(values):
        try:
            return Mailbox(mailbox.name, normalise(mailbox.address))
        except AddressError:
            continue
    return None


def quoted(name: str) -> str:
    """A display name as it stands in front of an address (RFC 5322: phrase)."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def typed(address: str) -> str:
    """An address as reports name it: with its type, and in ASCII (RFC 6533 section 3)."""
    if address.isascii():
        return f"rfc822; {address}"
    return "utf-8; " + "".join(_seven_bit(char) for char in address)


def _seven_bit(char: str) -> str:
    return char if "!" <= char <= "~" and char not in "+=\\" else f"\\x{{{ord(char):X}}}"


def _mailboxes(value: str) -> Iterator[Mailbox]:
    lexemes: list[str] = []
    comments: list[str] = []
    depth = 0
    for lexeme in _LEXEME.findall(value):
        if lexeme in "()":
            depth = max(0, depth + (1 if lexeme == "(" else -1))
        elif depth:
            comments.append(lexeme)
        elif lexeme in ",;":
            yield _mailbox(lexemes, comments)
            lexemes, comments = [], []
        elif lexeme == ":":
            lexemes = []  # what stood there is a group's name
        else:
            lexemes.append(lexeme)
    yield _mailbox(lexemes, comments)


def _mailbox(lexemes: list[str], comments: list[str]) -> Mailbox:
    angle = next((lexeme for lexeme in lexemes if lexeme.startswith("<")), None)
    if angle is not None:
        # A source route may stand before the address (RFC 5322 section 4.4): it means nothing.
        address = angle.strip("<> \t").rpartition(":")[2]
        return Mailbox(_name([lexeme for lexeme in lexemes if not lexeme.startswith("<")]), address)
    text = "".join(lexemes).strip()
    if _ADDRESS.fullmatch(text):
        return Mailbox(_name(comments), text)  # `ada@a.example (Ada)`, the form of old
    before, _, last = text.rpartition(" ")
    return Mailbox(_name([before]), last) if "@" in last else Mailbox(_name(lexemes), "")


def _name(lexemes: list[str]) -> str:
    words = (
        _ESCAPED.sub(r"\1", lexeme[1:].removesuffix('"')) if lexeme.startswith('"') else lexeme
        for lexeme in lexemes
    )
    return harmless(readable("".join(words)))
