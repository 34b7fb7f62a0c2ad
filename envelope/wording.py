"""This package's templates in one locale; knows neither securedoc nor notice."""

from functools import cache
from pathlib import Path

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
