"""Locales, times and names as the twelve languages want them (S73-S80)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from translations import LOCALES, direction, full_name, menu, moment, negotiate, size


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (["pt-BR", "en"], "pt"),
        (["zh_Hant_TW"], "zh"),
        (["tlh", "sv", "nl"], "nl"),
        (["*", "", "x" * 300, "de-AT"], "de"),
        (["sv"], "en"),
        ([], "en"),
    ],
)
def test_first_language_that_we_have_is_taken(wanted: list[str], got: str) -> None:
    assert negotiate(wanted) == got


def test_menu_names_each_language_by_itself() -> None:
    """S80."""
    assert len(LOCALES) == len(menu()) == 12
    assert {"Deutsch", "Français", "日本語", "Русский"} <= {name for _, name in menu()}
    assert {direction(locale) for locale in LOCALES} == {"ltr"}


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("en", "November 23, 2026, 8:05\u202fPM UTC"),
        ("de", "23. November 2026, 20:05 UTC"),
        ("ja", "2026年11月23日 20:05 UTC"),
    ],
)
def test_moment_is_said_in_utc_to_the_minute(locale: str, written: str) -> None:
    at = datetime(2026, 11, 23, 21, 5, 59, tzinfo=timezone(timedelta(hours=1)))

    assert moment(at, locale) == written
    assert moment(at.astimezone(UTC), locale) == written


@pytest.mark.parametrize(
    ("octets", "locale", "written"),
    [
        (0, "en", "0 byte"),
        (999, "pl", "999 B"),
        (1_500, "de", "1,5 kB"),
        (123_456, "ja", "123 KB"),
        (25_400_000, "fr", "25\u202fMo"),
    ],
)
def test_size_is_said_in_a_unit_that_people_know(octets: int, locale: str, written: str) -> None:
    assert size(octets, locale) == written


@pytest.mark.parametrize(
    ("locale", "first", "last", "name"),
    [
        ("en", "Nora", "Lind", "Nora Lind"),
        ("ja", "陽子", "佐藤", "佐藤 陽子"),
        ("ko", "민수", "김", "김민수"),
        ("zh", "Nora", "Lind", "Nora Lind"),
    ],
)
def test_name_is_in_the_order_of_its_language(locale: str, first: str, last: str, name: str) -> None:
    assert full_name(first, last, locale) == name
