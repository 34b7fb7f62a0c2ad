"""This package's templates and times in one locale; knows neither securedoc nor notice."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel.dates import format_date, format_time, get_datetime_format
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

import translations

_FOLDER = Path(__file__).parent / "templates"


@cache
def environment(locale: str) -> Environment:
    """Templates that speak one of the twelve locales; what goes into HTML is escaped."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=select_autoescape(["html"]),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # The i18n extension gives the environment this method, which its type does not know.
    made.install_gettext_translations(translations.load(locale), newstyle=True)  # type: ignore[attr-defined]
    return made


def moment(at: datetime, locale: str) -> str:
    """Day and minute as people write them, in UTC and saying so: nobody knows where the reader is."""
    day = format_date(at, "long", locale=locale)
    minute = format_time(at, "short", tzinfo=UTC, locale=locale)
    pattern = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return pattern.replace("{0}", f"{minute} UTC").replace("{1}", day)
