"""Encryption profiles as gateway.toml has them (S28-S69), held against themselves; seals nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from envelope.brand import Brand
from envelope.options import Algorithm, Level, Options
from gateway import setting_values as values
from gateway.control import Carrier
from gateway.policy import Action
from gateway.toml_table import Table
from translations import SOURCE_LOCALE

#: What is true or false, and what it is when a profile does not say.
_FLAGS = {
    "show_subject": False,
    "receipt": False,
    "mailed_code": False,
    "open_online": True,
    "applet": True,
    "script": True,
    "remember": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One encryption profile (S28, S39)."""

    name: str
    options: Options
    locale: str
    queue_timeout: timedelta
    brand: Brand
    #: How its notices carry the envelope (S26, S27), and over which size by link alone.
    carrier: Carrier
    link_above: int
    #: The origin that Open Online posts to (S43-S47).
    post_url: str

    def carrier_of(self, size: int) -> Carrier:
        """How an envelope goes whose notice would have this many bytes with the file in it."""
        return Carrier.LINK if size > self.link_above else self.carrier


def read_profile(table: Table, name: str, *, folder: Path, server: str) -> Profile:
    """The profile in a table; `server` is the key server's origin."""
    if not values.PROFILE_NAME.fullmatch(name) or name == Action.CLEAR:
        table.fault(
            'a profile\'s name is 1 to 64 letters, digits, dots, hyphens, underscores, and not "clear"'
        )
    faults, sets_transport = table.faults, table.has("payload_transport")
    asked = {name: table.take(name, values.flag, default) for name, default in _FLAGS.items()}
    transport = partial(values.payload_transport, server=server)
    profile = Profile(
        name=name,
        options=Options(
            level=table.take("level", values.level),
            algorithm=table.take("algorithm", values.algorithm, Algorithm.AES_256),
            expires_after=table.take("expires_after", values.duration, None),
            show_subject=asked["show_subject"],
            receipt=asked["receipt"],
        ),
        locale=table.take("locale", values.locale, SOURCE_LOCALE),
        queue_timeout=table.take("queue_timeout", values.duration, timedelta(hours=4)),
        brand=_brand(table.table("brand"), folder=folder),
        carrier=table.take("carrier", values.carrier, Carrier.ATTACHMENT),
        link_above=table.take("link_above", values.link_above, values.GOOD_TO_ATTACH),
        post_url=table.take("payload_transport", transport, server),
    )
    table.finish()
    if table.faults == faults:  # else nothing of these settings is used
        profile = replace(profile, options=_with_doors(table, profile.options, asked))
        if sets_transport:
            _hold_against_transport(table, profile)
    return profile


def _with_doors(table: Table, options: Options, asked: Mapping[str, bool]) -> Options:
    """The options with what the profile says of ways to open; what contradicts itself is a fault."""
    online, decrypts = asked["open_online"], asked["applet"] and asked["script"]
    if asked["mailed_code"] and options.level is not Level.MEDIUM:
        table.fault(
            "goes with level medium only: high wants the passphrase each time, proven asks for a code "
            "without it, none asks for nothing",
            "mailed_code",
        )
    if asked["remember"] and options.level is Level.HIGH:
        table.fault("cannot be with level high, which wants the passphrase each time", "remember")
    if asked["remember"] and options.algorithm is Algorithm.AES_192:
        table.fault("cannot be with AES-192, of which Chrome and Edge can keep no key", "remember")
    if asked["remember"] and not decrypts:
        table.fault(
            "cannot be with applet or script false: then the file has nothing to remember", "remember"
        )
    if not online and not decrypts:
        table.fault(
            "cannot be false with applet or script false: then nobody could open the file", "open_online"
        )
        return options
    return replace(
        options,
        mailed_code=asked["mailed_code"],
        online=online,
        applet=asked["applet"],
        script=asked["script"],
        remember=asked["remember"],
    )


def _hold_against_transport(table: Table, profile: Profile) -> None:
    if not profile.options.online:
        table.fault("means nothing with open_online = false", "payload_transport")
    if values.is_overheard(profile.post_url) and profile.options.level is Level.NONE:
        table.fault(
            "must be https with level none: whoever listened on the way could open the message",
            "payload_transport",
        )


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
