"""The locales, which of them to use for whom, and the catalogs; knows nothing of what it translates."""

from collections.abc import Iterable, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

FOLDER = Path(__file__).parent
SOURCE_LOCALE = "en"

#: Every locale of pages, mails, envelopes and notices (S80), in the order of a language menu.
LOCALES = ("en", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "zh")


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
    return [(locale, (Locale.parse(locale).get_display_name(locale) or locale).capitalize()) for locale in LOCALES]


def direction(locale: str) -> str:
    """``ltr`` or ``rtl``, for the ``dir`` attribute of a page."""
    return Locale.parse(locale).text_direction


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
    """The translated strings that source files under `folder` use, by their English original.

    This is how a script gets its words: the extractor wrote into each catalog where a string stands
    (``#: static/js/envelope/…``), so nobody keeps a second list. Empty for the source language.
    """
    return {
        message.id: message.string
        for message in catalog(locale)
        if isinstance(message.id, str)
        and isinstance(message.string, str)
        and message.id
        and any(path.startswith(folder) for path, _ in message.locations)
    }
