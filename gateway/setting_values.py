"""What each kind of value in gateway.toml may look like; each refusal is a ValueError with a sentence."""

import re
import sys
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from envelope.addresses import normalise
from envelope.brand import MAX_LOGO_SIZE, Brand, Logo
from envelope.errors import BrandError, EnvelopeError, FormatError
from envelope.links import check_origin
from envelope.options import Algorithm, Level
from gateway.control import Carrier
from gateway.policy import CLEAR, Action, Pattern, Treatment
from translations import LOCALES

MB = 1_000_000
#: S21: more is refused.
MOST_SIZE = 25 * MB
#: S20, S22: recommended, so the default; more is warned about.
GOOD_SIZE = 10 * MB
#: What most mail systems still take; a notice that is larger goes without the file in it.
GOOD_TO_ATTACH = 20 * MB
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PROFILE_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)

Network = IPv4Network | IPv6Network

_ANY_COLOUR = "#000000"
_SIZE = re.compile(r"(\d{1,12})\s*(MB|kB|B)?")
_UNITS = {"MB": MB, "kB": 1000, "B": 1, None: 1}
_DURATION = re.compile(r"(\d{1,9})\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_HOSTNAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*", re.IGNORECASE)
_HOST_PORT = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where to listen, or whom to call."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def megabytes(size: int) -> str:
    return f"{size / MB:g} MB"


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text in quotes")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def size(value: Any) -> int:
    """Bytes, or a text as "25 MB"; at most 25 MB (S21)."""
    found = _SIZE.fullmatch(str(value).strip())
    if isinstance(value, bool) or found is None or int(found[1]) == 0:
        raise ValueError('must be a number of bytes or a size as "10 MB"')
    count = int(found[1]) * _UNITS[found[2]]
    if count > MOST_SIZE:
        raise ValueError(f"must not be over {megabytes(MOST_SIZE)}")
    return count


def duration(value: Any) -> timedelta:
    """Seconds, or a text as "30d", "12h", "15m", "90s"; at most ten years."""
    found = _DURATION.fullmatch(f"{value}s" if type(value) is int else str(value).strip())
    if found is None or int(found[1]) == 0:
        raise ValueError('must be a number of seconds or a time as "30d", "12h", "15m"')
    span = int(found[1]) * _SECONDS[found[2]]
    if span > 3653 * 86400:
        raise ValueError("must not be over ten years")
    return timedelta(seconds=span)


def workers(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 64:
        raise ValueError("must be a number from 1 to 64")
    return value


def hostname(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 253 or not _HOSTNAME.fullmatch(value):
        raise ValueError('must be this machine\'s name, as "mx1.example.org"')
    return value


def host_port(value: Any) -> HostPort:
    found = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found["port"]) > 65535:
        raise ValueError('must be a host and a port, as "127.0.0.1:25" or "[::1]:25"')
    return HostPort(found["six"] or found["host"], int(found["port"]))


def networks(value: Any) -> tuple[Network, ...]:
    rows = [value] if isinstance(value, str) else value
    try:
        return tuple(ip_network(row) for row in rows)
    except (TypeError, ValueError) as error:
        raise ValueError('must be a list of networks, as ["127.0.0.0/8", "10.1.0.0/16"]') from error


def within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an IP address lies in one of the networks."""
    peer = ip_address(address)
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in network for network in networks)


def path(value: Any, *, folder: Path) -> Path:
    return folder / text(value)


def origin(value: Any) -> str:
    """The key server's origin; plain http only where nobody else can listen."""
    found = _origin(value)
    if is_overheard(found):
        raise ValueError("must begin with https: plain http is for this machine alone")
    return found


def payload_transport(value: Any, *, server: str) -> str:
    """The origin that files post their payload to (S43-S47): the key server over "https", which is how its
    own address begins unless it is on this machine, the same over "http", or an address of its own."""
    if value == "https":
        return server
    if value != "http":
        return _origin(value)
    url = urlsplit(server)
    if url.scheme == "https" and url.port not in {None, 443}:
        raise ValueError('cannot be "http" when keyserver.url names a port: write "http://", host and port')
    return f"http://{url.netloc.removesuffix(':443')}" if url.scheme == "https" else server


def is_overheard(origin: str) -> bool:
    """Whether others can listen to what goes there."""
    url = urlsplit(origin)
    return url.scheme == "http" and not _is_loopback(url.hostname or "")


def _origin(value: Any) -> str:
    try:
        return check_origin(text(value).rstrip("/"))
    except FormatError as error:
        raise ValueError('must be an address without a path, as "https://keys.example.org"') from error


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def proxy(value: Any) -> str:
    url = urlsplit(text(value))
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError('must be a proxy\'s address, as "http://proxy.example.org:3128"')
    return url.geturl()


def address(value: Any) -> str:
    try:
        return normalise(text(value))
    except EnvelopeError as error:
        raise ValueError('must be a mail address, as "admin@example.org"') from error


def locale(value: Any) -> str:
    if value not in LOCALES:
        raise ValueError(f"must be one of {', '.join(LOCALES)}")
    return str(value)


def level(value: Any) -> Level:
    try:
        return Level(value)
    except ValueError as error:
        raise ValueError(f"must be one of {', '.join(Level)}") from error


def carrier(value: Any) -> Carrier:
    try:
        return Carrier(value)
    except ValueError as error:
        raise ValueError(f"must be one of {', '.join(Carrier)}") from error


def link_above(value: Any) -> int:
    """A size, or "never"."""
    return sys.maxsize if value == "never" else size(value)


def algorithm(value: Any) -> Algorithm:
    algorithms = {str(each.value): each for each in Algorithm}
    if value not in algorithms:
        raise ValueError(f"must be one of {', '.join(algorithms)}")
    return algorithms[value]


def brand_name(value: Any) -> str:
    return _checked(Brand(name=text(value), colour=_ANY_COLOUR)).name


def colour(value: Any) -> str:
    return _checked(Brand(name="-", colour=text(value))).colour


def link(value: Any) -> str | None:
    return _checked(Brand(name="-", colour=_ANY_COLOUR, link=text(value))).link


def logo(value: Any, *, folder: Path) -> Logo | None:
    """The picture in a file; its name says which kind it is."""
    file = path(value, folder=folder)
    try:
        with file.open("rb") as picture:
            data = picture.read(MAX_LOGO_SIZE + 1)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error
    kind = guess_type(file.name)[0] or "unknown"
    return _checked(Brand(name="-", colour=_ANY_COLOUR, logo=Logo(kind, data))).logo


def _checked(brand: Brand) -> Brand:
    try:
        brand.check()
    except BrandError as error:
        raise ValueError(str(error)) from error
    return brand


def patterns(value: Any) -> tuple[Pattern, ...]:
    rows = [value] if isinstance(value, str) else value
    if not isinstance(rows, list) or not rows or not all(isinstance(row, str) and "@" in row for row in rows):
        raise ValueError('must be an address or a pattern as "*@example.org", or a list of them')
    return tuple(map(Pattern, rows))


def profile(value: Any, *, profiles: Container[str]) -> Treatment:
    if not isinstance(value, str) or value not in profiles:
        raise ValueError(f'"{value}" is none of the profiles')
    return Treatment(Action.SEAL, value)


def action(value: Any) -> Treatment:
    if value != Action.CLEAR:
        raise ValueError('must be "clear"')
    return CLEAR


def treatment(value: Any, *, profiles: Container[str]) -> Treatment:
    """A profile's name, or "clear"."""
    return CLEAR if value == Action.CLEAR else profile(value, profiles=profiles)
