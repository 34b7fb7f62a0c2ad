"""gateway.toml, read once into frozen values, every fault reported at once; acts on nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType

from gateway import setting_values as values
from gateway.errors import SettingsError
from gateway.policy import CLEAR, Policy, Rule
from gateway.profiles import Profile, read_profile
from gateway.setting_values import HostPort, Network
from gateway.toml_table import Document, Table
from translations import SOURCE_LOCALE


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When to try again: after `first`, then twice as long each time, never longer than `most`."""

    first: timedelta = timedelta(minutes=1)
    most: timedelta = timedelta(hours=1)
    #: How long a mail may wait for the next hop, once it is ready to go there.
    give_up: timedelta = timedelta(days=5)

    def delay(self, attempts: int) -> timedelta:
        return min(self.most, self.first * (1 << min(attempts - 1, 20)))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyServer:
    """How to reach the key server (S34). `url` is its origin; `proxy` a proxy's URL (S25); `open_address`
    where recipients may forward what they cannot open."""

    url: str
    secret_file: Path
    ca_file: Path | None = None
    proxy: str | None = None
    open_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of gateway.toml."""

    listen: HostPort
    hostname: str
    queue: Path
    relay: HostPort
    max_size: int
    allow: tuple[Network, ...]
    #: Whose override headers count (D6).
    headers_from: tuple[Network, ...]
    retry: Retry
    workers: int
    #: Of bounces of mail that no profile is in charge of.
    locale: str
    keyserver: KeyServer
    administrator: str
    profiles: Mapping[str, Profile]
    policy: Policy

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Raises SettingsError with every fault; relative paths count from the file's own folder."""
        try:
            text = path.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise SettingsError([f"{path}: cannot be read: {error}"]) from error
        try:
            return cls.parse(text, folder=path.parent)
        except SettingsError as error:
            raise SettingsError([f"{path}: {fault}" for fault in error.faults]) from error

    @classmethod
    def parse(cls, text: str, *, folder: Path) -> "Settings":
        """The same from a text."""
        document = Document(text)
        settings = _settings(document.root, folder=folder)
        document.root.finish()
        if document.faults:
            raise SettingsError(document.faults)
        return settings

    @property
    def warnings(self) -> tuple[str, ...]:
        """What works but is worth a second look."""
        size = f"gateway.max_size: more than {values.megabytes(values.GOOD_SIZE)} may slow the gateway"
        http = "payload_transport: whoever listens on the way sees who opens which message"
        return (
            *([size] if self.max_size > values.GOOD_SIZE else []),
            *(
                f"profiles.{name}.{http}"
                for name, profile in self.profiles.items()
                if values.is_overheard(profile.post_url)
            ),
        )


def _settings(root: Table, *, folder: Path) -> Settings:
    gateway = root.table("gateway")
    administrator = root.table("administrator")
    keyserver = _keyserver(root.table("keyserver"), folder=folder)
    profiles = _profiles(root, folder=folder, keyserver=keyserver)
    allow: tuple[Network, ...] = gateway.take("allow", values.networks, values.LOOPBACK)
    settings = Settings(
        listen=gateway.take("listen", values.host_port, HostPort("127.0.0.1", 2525)),
        hostname=gateway.take("hostname", values.hostname),
        queue=gateway.take("queue", partial(values.path, folder=folder)),
        relay=gateway.take("relay", values.host_port),
        max_size=gateway.take("max_size", values.size, values.GOOD_SIZE),
        allow=allow,
        headers_from=gateway.take("headers_from", values.networks, allow),
        retry=_retry(gateway),
        workers=gateway.take("workers", values.workers, 4),
        locale=gateway.take("locale", values.locale, SOURCE_LOCALE),
        keyserver=keyserver,
        administrator=administrator.take("address", values.address),
        profiles=MappingProxyType(profiles),
        policy=_policy(root, profiles=profiles),
    )
    gateway.finish()
    administrator.finish()
    return settings


def _retry(gateway: Table) -> Retry:
    standard = Retry()
    return Retry(
        first=gateway.take("retry_first", values.duration, standard.first),
        most=gateway.take("retry_most", values.duration, standard.most),
        give_up=gateway.take("give_up", values.duration, standard.give_up),
    )


def _keyserver(table: Table, *, folder: Path) -> KeyServer:
    path = partial(values.path, folder=folder)
    keyserver = KeyServer(
        url=table.take("url", values.origin),
        secret_file=table.take("secret_file", path),
        ca_file=table.take("ca_file", path, None),
        proxy=table.take("proxy", values.proxy, None),
        open_address=table.take("open_address", values.address, None),
    )
    table.finish()
    return keyserver


def _profiles(root: Table, *, folder: Path, keyserver: KeyServer) -> dict[str, Profile]:
    # An address that is faulty has been told: profiles are read on as if there were another.
    server = keyserver.url if isinstance(keyserver.url, str) else "https://localhost"
    tables = root.table("profiles").named()
    found = {name: read_profile(table, name, folder=folder, server=server) for name, table in tables}
    if not found:
        root.fault("needs at least one profile: [profiles.NAME]", "profiles")
    return found


def _policy(root: Table, *, profiles: Mapping[str, Profile]) -> Policy:
    table = root.table("policy")
    treatment = partial(values.treatment, profiles=profiles)
    policy = Policy(
        rules=tuple(_rule(rule, profiles=profiles) for rule in root.tables("rules")),
        default=table.take("default", treatment),
    )
    table.finish()
    return policy


def _rule(table: Table, *, profiles: Mapping[str, Profile]) -> Rule:
    if table.has("profile") == table.has("action"):
        table.fault('needs either profile = "NAME" or action = "clear"')
    if not any(map(table.has, ("recipient", "sender", "subject_tag"))):
        table.fault(
            "needs a condition: recipient, sender, subject_tag; for all other mail there is policy.default"
        )
    rule = Rule(
        treatment=table.take("action", values.action, CLEAR),
        recipients=table.take("recipient", values.patterns, ()),
        senders=table.take("sender", values.patterns, ()),
        subject_tag=table.take("subject_tag", values.text, None),
    )
    if table.has("profile"):
        rule = replace(
            rule, treatment=table.take("profile", partial(values.profile, profiles=profiles), CLEAR)
        )
    table.finish()
    return rule
