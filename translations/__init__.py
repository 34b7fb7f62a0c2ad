"""The locales, which to use for whom, catalogs, times and names; knows nothing of what it translates."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from babel.units import format_unit

FOLDER = Path(__file__).parent
SOURCE_LOCALE = "en"

#: Every locale of pages, mails, envelopes and notices (S80), in the order of a language menu.
LOCALES = ("en", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "zh")

#: Where the family name stands first, and what stands between it and the given one.
_FAMILY_FIRST = {"ja": " ", "ko": "", "zh": ""}

_UNITS = ("byte", "kilobyte", "megabyte")


def negotiate(preferences: Iterable[str]) -> str:
    """The first of the wanted languages that we have, English if none.

    `preferences` are language tags, best first (RFC 5646: ``pt-BR``, ``zh_Hant_TW``, ``de``); what is no
    language tag is passed over. A tag matches by its language alone.
    """
    for preference in preferences:
        try:
            language = Locale.parse(preference.replace("-", "_")).language
        except (ValueError, UnknownLocaleError):
            continue
        if language in LOCALES:
            return language
    return SOURCE_LOCALE


def menu() -> list[tuple[str, str]]:
    """Each locale with its name in its own language, for a language menu."""
    names = {locale: Locale.parse(locale).get_display_name(locale) or locale for locale in LOCALES}
    return [(locale, name.capitalize()) for locale, name in names.items()]


def direction(locale: str) -> str:
    """``ltr`` or ``rtl``, for the ``dir`` attribute of a page."""
    return Locale.parse(locale).text_direction


def moment(at: datetime, locale: str, *, length: Literal["medium", "long"] = "long") -> str:
    """Day and minute as people write them, in UTC and saying so: nobody knows where the reader is."""
    day = format_date(at.astimezone(UTC), length, locale=locale)
    minute = format_time(at, "short", tzinfo=UTC, locale=locale)
    pattern = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return pattern.replace("{0}", f"{minute} UTC").replace("{1}", day)


def size(octets: int, locale: str) -> str:
    """A number of bytes, to be read by people: 1.2 MB."""
    value, unit = float(octets), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    pattern = "0.#" if value < 10 and unit else "0"
    return format_unit(value, f"digital-{_UNITS[unit]}", length="short", format=pattern, locale=locale)


def family_first(locale: str) -> bool:
    """Whether forms ask for the family name before the given one."""
    return locale in _FAMILY_FIRST


def full_name(first_name: str, last_name: str, locale: str) -> str:
    """A person's name as the locale says it: Chinese, Japanese and Korean names begin with the family's."""
    if family_first(locale) and not (first_name + last_name).isascii():
        return f"{last_name}{_FAMILY_FIRST[locale]}{first_name}"
    return f"{first_name} {last_name}"


@cache
def catalog(locale: str) -> Catalog:
    """The catalog of one of `LOCALES` as it stands in its .po file; an empty one for the source language."""
    if locale == SOURCE_LOCALE:
        return Catalog(locale=locale)
    with (FOLDER / locale / "LC_MESSAGES" / "messages.po").open("rb") as po:
        return read_po(po, locale=locale)


@cache
def load(locale: str) -> Translations:
    """What gettext needs for one of `LOCALES`: `load(locale).gettext("…")`, or for Jinja's i18n extension."""
    compiled = BytesIO()
    write_mo(compiled, catalog(locale))
    compiled.seek(0)
    return Translations(compiled)


@cache
def strings_of(locale: str, folder: str) -> Mapping[str, str]:
    """The translated strings that source files under `folder` use, by their ids (`string_id`).

    This is how a script gets its words: the extractor wrote into each catalog where a string stands
    (``#: static/js/envelope/…``), so nobody keeps a second list. Empty for the source language.
    """
    return {
        string_id(message.id): message.string
        for message in catalog(locale)
        if isinstance(message.id, str)
        and isinstance(message.string, str)
        and message.id
        and any(path.startswith(folder) for path, _ in message.locations)
    }


def string_id(original: str) -> str:
    """A short id of an English original, as every file carries them: FNV-1a of its code points, in hex."""
    found = 0x811C9DC5
    for letter in original:
        found = (found ^ ord(letter)) * 0x01000193 % 2**32
    return f"{found:x}"
