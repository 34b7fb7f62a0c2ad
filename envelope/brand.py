"""How an organisation looks to its recipients (S33, S52, S53); draws nothing itself."""

import html
import math
import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from envelope.errors import BrandError

MAX_NAME_LENGTH = 100
#: As it is written in HTML, where an ampersand takes five letters: it has to fit into a line.
MAX_LINK_LENGTH = 500
MAX_LOGO_SIZE = 16_384
#: WCAG 2.2, success criterion 1.4.3.
MIN_CONTRAST = 4.5
LIGHT_PAGE = "#ffffff"
DARK_PAGE = "#14161a"

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_MAGIC = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Logo:
    """A small picture, inlined into every envelope; no SVG, which could carry scripts."""

    type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Name, colour (`#rrggbb`), logo and where the logo links to: None for no link (S52)."""

    name: str
    colour: str
    logo: Logo | None = None
    link: str | None = None

    def check(self) -> None:
        """Raise BrandError, naming the first fault, unless pages can show this."""
        if not self.name.strip() or len(self.name) > MAX_NAME_LENGTH or not self.name.isprintable():
            raise BrandError(f"the name is one line of 1 to {MAX_NAME_LENGTH} characters")
        if not _COLOUR.fullmatch(self.colour):
            raise BrandError("the colour is written #rrggbb")
        if self.link is not None and not _is_web_address(self.link):
            raise BrandError("the link is a short http or https address in ASCII")
        if self.logo is not None:
            _check_logo(self.logo)


class Accents(NamedTuple):
    """The brand's colour so that it can be read on a light and on a dark page, and what can be read on it."""

    light: str
    on_light: str
    dark: str
    on_dark: str


def accents(colour: str) -> Accents:
    """The nearest tones of a colour with enough contrast to a white page and to a dark one."""
    light = _towards(colour, "#000000", page=LIGHT_PAGE)
    dark = _towards(colour, "#ffffff", page=DARK_PAGE)
    return Accents(light=light, on_light=LIGHT_PAGE, dark=dark, on_dark=DARK_PAGE)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _check_logo(logo: Logo) -> None:
    if logo.type not in _MAGIC:
        raise BrandError(f"the logo is one of {', '.join(_MAGIC)}")
    if len(logo.data) > MAX_LOGO_SIZE:
        raise BrandError(f"the logo has {len(logo.data)} bytes; {MAX_LOGO_SIZE} are allowed")
    if not _MAGIC[logo.type].match(logo.data):
        raise BrandError(f"the logo's bytes are not {logo.type}")


def _is_web_address(link: str) -> bool:
    if (
        len(html.escape(link)) > MAX_LINK_LENGTH
        or not link.isascii()
        or not link.isprintable()
        or " " in link
    ):
        return False
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _towards(colour: str, end: str, *, page: str) -> str:
    """The first tone on the way from `colour` to `end` that can be read on `page`."""
    tones = (_mixed(colour, end, step / 20) for step in range(21))
    return next(tone for tone in tones if contrast(tone, page) >= MIN_CONTRAST)


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else math.pow((channel + 0.055) / 1.055, 2.4)
