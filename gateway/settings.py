"""gateway.toml, read once into frozen values, every fault reported at once; acts on nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType

from envelope.brand import Brand
from envelope.options import Algorithm, Level, Options
from gateway import setting_values as values
from gateway.errors import SettingsError
from gateway.policy import CLEAR, Action, Policy, Rule
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
    """How to reach the key server (S34). `url` is its origin; `proxy` a proxy's URL (S25)."""

    url: str
    secret_file: Path
    ca_file: Path | None = None
    proxy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One encryption profile (S28, S39)."""

    name: str
    level: Level
    algorithm: Algorithm
    locale: str
    show_subject: bool
    expires_after: timedelta | None
    queue_timeout: timedelta
    brand: Brand

    def options(self) -> Options:
        return Options(
            level=self.level,
            algorithm=self.algorithm,
            show_subject=self.show_subject,
            expires_after=self.expires_after,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of gateway.toml."""

    listen: HostPort
    hostname: str
    queue: Path
    relay: HostPort
    max_size: int
    allow: tuple[Network, ...]
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
        if self.max_size > values.GOOD_SIZE:
            return (f"gateway.max_size: more than {values.megabytes(values.GOOD_SIZE)} may slow the gateway",)
        return ()


def _settings(root: Table, *, folder: Path) -> Settings:
    gateway = root.table("gateway")
    administrator = root.table("administrator")
    profiles = {name: _profile(table, name, folder=folder) for name, table in root.table("profiles").named()}
    if not profiles:
        root.fault("needs at least one profile: [profiles.NAME]", "profiles")
    settings = Settings(
        listen=gateway.take("listen", values.host_port, HostPort("127.0.0.1", 2525)),
        hostname=gateway.take("hostname", values.hostname),
        queue=gateway.take("queue", partial(values.path, folder=folder)),
        relay=gateway.take("relay", values.host_port),
        max_size=gateway.take("max_size", values.size, values.GOOD_SIZE),
        allow=gateway.take("allow", values.networks, values.LOOPBACK),
        retry=_retry(gateway),
        workers=gateway.take("workers", values.workers, 4),
        locale=gateway.take("locale", values.locale, SOURCE_LOCALE),
        keyserver=_keyserver(root.table("keyserver"), folder=folder),
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
    )
    table.finish()
    return keyserver


def _profile(table: Table, name: str, *, folder: Path) -> Profile:
    if not values.PROFILE_NAME.fullmatch(name) or name == Action.CLEAR:
        table.fault(
            'a profile\'s name is 1 to 64 letters, digits, dots, hyphens, underscores, and not "clear"'
        )
    profile = Profile(
        name=name,
        level=table.take("level", values.level),
        algorithm=table.take("algorithm", values.algorithm, Algorithm.AES_256),
        locale=table.take("locale", values.locale, SOURCE_LOCALE),
        show_subject=table.take("show_subject", values.flag, False),
        expires_after=table.take("expires_after", values.duration, None),
        queue_timeout=table.take("queue_timeout", values.duration, timedelta(hours=4)),
        brand=_brand(table.table("brand"), folder=folder),
    )
    table.finish()
    return profile


def _brand(table: Table, *, folder: Path) -> Brand:
    faults = table.faults
    name = table.take("name", values.brand_name)
    colour = table.take("colour", values.colour)
    logo = table.take("logo", partial(values.logo, folder=folder), None)
    link = table.take("link", values.link, None)
    table.finish()
    if table.faults > faults:  # then nothing of these settings is used
        return Brand(name="-", colour="#000000")
    return Brand(name=name, colour=colour, logo=logo, link=link)


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
