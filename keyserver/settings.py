"""Every setting of the key server, read once from an environment; holds values, does nothing with them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from envelope.errors import EnvelopeError
from envelope.ids import b64u_decode
from keyserver.errors import SettingsError

PREFIX = "SEALPOST_"
#: Values for a machine that somebody develops on; production refuses each of them.
DEVELOPMENT_SECRET_KEY = b"development only: everybody knows this secret key"
DEVELOPMENT_KEK = b"development only, everybody knows"[:32]
#: OWASP's Argon2id settings, memory in KiB by passes; weaker than all of them is refused in production.
OWASP_ARGON2 = {1: 47_104, 2: 19_456, 3: 12_288, 4: 9_216, 5: 7_168}

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator decides. A field's environment variable is ``SEALPOST_`` and its name in capitals.

    Secrets may also stand in a file that ``SEALPOST_<NAME>_FILE`` names.
    """

    #: Where everybody reaches this server: scheme and host, no path, no slash at the end.
    base_url: str
    #: ``sqlite:////var/lib/sealpost/keys.sqlite`` or ``postgresql://user:secret@host/name``; also as _FILE.
    database_url: str = field(repr=False)
    #: At least 32 characters of chance; keys of sessions and mailed codes come from it; also as _FILE.
    secret_key: bytes = field(repr=False)
    #: Wrapping keys by version, as ``1:<base64url of 32 bytes>``, separated by white space; the highest
    #: wraps, all unwrap. ``sealpost kek rotate`` moves to a new one. Also as _FILE.
    keks: Mapping[int, bytes] = field(repr=False)
    #: Where mail leaves: ``smtp://host:25`` (in clear: a relay on this machine),
    #: ``smtp+tls://user:secret@host:587`` (STARTTLS, verified), ``smtps://host:465``, or ``maildir:/path``:
    #: a Maildir per address. Also as _FILE.
    mail_url: str = field(repr=False)
    #: The address that the server's own mail comes from.
    mail_from: str
    #: Where envelopes lie that are opened by a link or online, still encrypted: ``file:///var/lib/sealpost/copies``
    #: or a bucket, ``s3://id:secret@bucket/prefix?region=eu-1&endpoint=https://s3.a.example``. Also as _FILE.
    copies_url: str = field(repr=False)
    #: ``true`` (also when unset) or ``false``. Production has no defaults for the fields above.
    production: bool = True
    #: Address and port that ``sealpost run`` listens on.
    listen: str = "127.0.0.1:8600"
    #: Requests handled at the same time by one process.
    threads: int = 8
    #: How many reverse proxies stand in front; that many entries of X-Forwarded-For and -Proto are believed.
    trusted_proxies: int = 0
    #: Argon2id: memory in KiB, passes, lanes.
    passphrase_memory_kib: int = 47_104
    passphrase_time_cost: int = 1
    passphrase_parallelism: int = 1
    #: Passphrases judged at the same time; others wait, and are sent away after `passphrase_wait` (seconds).
    passphrase_workers: int = 2
    passphrase_wait: timedelta = timedelta(seconds=5)
    #: How long a sign-in lasts (seconds); closing the browser ends it earlier.
    session_lifetime: timedelta = timedelta(hours=12)
    #: How long a remembered device stays remembered without use (seconds).
    device_lifetime: timedelta = timedelta(days=90)
    #: Where recipients forward a notice to that they cannot open, and get a link back; none: not offered.
    open_address: str | None = None
    #: How the worker gets that mail: ``maildir:/path``, which any mail server fills, or ``smtp://127.0.0.1:2526``,
    #: where it listens itself.
    inbound_url: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check everything. Raises SettingsError with every fault found."""
        return _Reader(environ).settings()

    @property
    def secure(self) -> bool:
        """Whether browsers reach us over HTTPS: cookies are then marked Secure."""
        return self.base_url.startswith("https:")

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one named purpose, from the secret key (HKDF-SHA-256, RFC 5869)."""
        return HKDF(SHA256(), 32, salt=None, info=f"sealpost/1 {purpose}".encode()).derive(self.secret_key)


class _Reader:
    """One pass over an environment, gathering faults."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []

    def settings(self) -> Settings:
        production = self._read("production", _boolean, default=True)
        develop = _Defaults() if not production else _NoDefaults()
        found = Settings(
            production=production,
            base_url=self._read("base_url", _base_url, default=develop.base_url),
            database_url=self._read("database_url", _text, secret=True, default=develop.database_url),
            secret_key=self._read("secret_key", _secret_key, secret=True, default=develop.secret_key),
            keks=self._read("keks", _keks, secret=True, default=develop.keks),
            mail_url=self._read("mail_url", _mail_url, secret=True, default=develop.mail_url),
            mail_from=self._read("mail_from", _address, default=develop.mail_from),
            copies_url=self._read("copies_url", _copies_url, secret=True, default=develop.copies_url),
            listen=self._read("listen", _listen, default=Settings.listen),
            threads=self._read("threads", _number(1, 1024), default=Settings.threads),
            trusted_proxies=self._read("trusted_proxies", _number(0, 8), default=Settings.trusted_proxies),
            passphrase_memory_kib=self._read(
                "passphrase_memory_kib", _number(64, 4_194_304), default=Settings.passphrase_memory_kib
            ),
            passphrase_time_cost=self._read(
                "passphrase_time_cost", _number(1, 64), default=Settings.passphrase_time_cost
            ),
            passphrase_parallelism=self._read(
                "passphrase_parallelism", _number(1, 16), default=Settings.passphrase_parallelism
            ),
            passphrase_workers=self._read(
                "passphrase_workers", _number(1, 256), default=Settings.passphrase_workers
            ),
            passphrase_wait=self._read("passphrase_wait", _seconds, default=Settings.passphrase_wait),
            session_lifetime=self._read("session_lifetime", _seconds, default=Settings.session_lifetime),
            device_lifetime=self._read("device_lifetime", _seconds, default=Settings.device_lifetime),
            open_address=self._optional("open_address", _address),
            inbound_url=self._optional("inbound_url", _inbound_url),
        )
        self._refuse_unknown()
        if found.inbound_url is not None and found.open_address is None:
            self._faults.append("SEALPOST_INBOUND_URL needs SEALPOST_OPEN_ADDRESS: for whom mail comes in")
        if production and not self._faults:
            self._faults += _development_values(found)
        if self._faults:
            raise SettingsError(self._faults)
        return found

    def _read(self, name: str, parse: Callable[[str], T], *, default: T | None, secret: bool = False) -> T:
        """The parsed value; after a fault anything, because `settings` then raises."""
        variable = PREFIX + name.upper()
        try:
            text = self._raw(variable, secret=secret)
            if text is not None:
                return parse(text)
            if default is None:
                raise ValueError("is not set")
        except (ValueError, OSError) as fault:
            self._faults.append(f"{variable} {fault}")
        return default  # type: ignore[return-value]  # None only after a fault

    def _optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        if self._environ.get(PREFIX + name.upper()) is None:
            return None
        return self._read(name, parse, default=None)

    def _raw(self, variable: str, *, secret: bool) -> str | None:
        text, path = self._environ.get(variable), self._environ.get(f"{variable}_FILE") if secret else None
        if text is not None and path is not None:
            raise ValueError(f"stands beside {variable}_FILE: only one of the two")
        if path is None:
            return text
        try:
            return Path(path).read_text("utf-8").strip()
        except UnicodeDecodeError:
            raise ValueError(f"cannot be read from {path}: not UTF-8") from None
        except OSError as fault:
            raise ValueError(f"cannot be read from {path}: {fault.strerror}") from None

    def _refuse_unknown(self) -> None:
        """A misspelt setting that is silently ignored is a setting that is not what the operator thinks."""
        secrets = ("database_url", "secret_key", "keks", "mail_url", "copies_url")
        known = {PREFIX + name.upper() for name in Settings.__dataclass_fields__}
        known |= {f"{PREFIX}{name.upper()}_FILE" for name in secrets}
        unknown = sorted(name for name in self._environ if name.startswith(PREFIX) and name not in known)
        self._faults += [f"{name} is no setting of this program" for name in unknown]


@dataclass(frozen=True)
class _Defaults:
    base_url: str = "http://127.0.0.1:8600"
    database_url: str = "sqlite:///var/sealpost.sqlite"
    secret_key: bytes = DEVELOPMENT_SECRET_KEY
    keks: Mapping[int, bytes] = field(default_factory=lambda: {1: DEVELOPMENT_KEK})
    mail_url: str = "maildir:var/mail"
    mail_from: str = "sealpost@localhost.localdomain"
    copies_url: str = field(default_factory=lambda: Path("var/copies").absolute().as_uri())


class _NoDefaults:
    base_url = database_url = secret_key = keks = mail_url = mail_from = copies_url = None


def _development_values(settings: Settings) -> list[str]:
    """What is fine on a developer's machine and nowhere else."""
    faults = []
    if not settings.secure and not _is_loopback(settings.base_url):
        faults.append("SEALPOST_BASE_URL must begin with https://: passphrases are typed there")
    if settings.secret_key == DEVELOPMENT_SECRET_KEY:
        faults.append("SEALPOST_SECRET_KEY is the one from the source code")
    if DEVELOPMENT_KEK in settings.keks.values():
        faults.append("SEALPOST_KEKS holds the one from the source code")
    if settings.mail_url.startswith("maildir:"):
        faults.append("SEALPOST_MAIL_URL must be a mail server: nobody is reached by a folder")
    if settings.passphrase_memory_kib < OWASP_ARGON2[min(settings.passphrase_time_cost, max(OWASP_ARGON2))]:
        faults.append("SEALPOST_PASSPHRASE_MEMORY_KIB is below what OWASP asks for with that time cost")
    return faults


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _text(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=_number(1, 315_360_000)(text))


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or text != f"{parts.scheme}://{parts.netloc}"
    ):
        raise ValueError("must be scheme and host alone, like https://keys.a.example")
    return text


def _secret_key(text: str) -> bytes:
    if len(text) < 32:
        raise ValueError("must have at least 32 characters")
    return text.encode()


def _keks(text: str) -> dict[int, bytes]:
    keks: dict[int, bytes] = {}
    for entry in text.split():
        version, colon, key = entry.partition(":")
        if not colon or not re.fullmatch(r"[1-9][0-9]{0,8}", version) or int(version) in keks:
            raise ValueError("must be entries like 1:<base64url of 32 bytes>, each version once")
        try:
            keks[int(version)] = b64u_decode(key, size=32)
        except EnvelopeError:
            raise ValueError(f"version {version} is not the base64url of 32 bytes") from None
    if not keks:
        raise ValueError("holds no key")
    return keks


def _mail_url(text: str) -> str:
    parts = urlsplit(text)
    by_folder = parts.scheme == "maildir" and bool(parts.path)
    by_server = parts.scheme in ("smtp", "smtp+tls", "smtps") and bool(parts.hostname)
    if not (by_folder or by_server):
        raise ValueError("must be smtp://host:port, smtp+tls://…, smtps://… or maildir:/path")
    return text


def _copies_url(text: str) -> str:
    parts = urlsplit(text)
    by_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    by_bucket = parts.scheme == "s3" and bool(parts.hostname)
    if not (by_folder or by_bucket):
        raise ValueError("must be file:///path or s3://bucket/prefix?region=…&endpoint=…")
    return text


def _inbound_url(text: str) -> str:
    parts = urlsplit(text)
    if not (parts.scheme == "maildir" and parts.path) and not (parts.scheme == "smtp" and parts.port):
        raise ValueError("must be maildir:/path or smtp://address:port")
    return text


def _address(text: str) -> str:
    if not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", text):
        raise ValueError("must be a mail address")
    return text


def _listen(text: str) -> str:
    if not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\s]+):[0-9]{1,5}", text):
        raise ValueError("must be address:port")
    return text
