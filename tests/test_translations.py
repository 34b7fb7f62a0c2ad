"""The template is what the sources say, and every catalog says all of it (S74-S80)."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from translations import FOLDER, LOCALES, SOURCE_LOCALE

ROOT = FOLDER.parent
TRANSLATED = [locale for locale in LOCALES if locale != SOURCE_LOCALE]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
#: What a tired person who got a secure message need not know about.
JARGON = re.compile(r"\b(keys?|payload|token|ciphertext|mime)\b", re.IGNORECASE)


def catalog(path: Path, locale: str | None = None) -> Catalog:
    with path.open("rb") as po:
        return read_po(po, locale=locale, abort_invalid=True)


def messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def forms(text: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def where(message: Message) -> set[str]:
    return {path for path, _ in message.locations}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What the sources say now, found as `make translations` finds it."""
    pot = tmp_path_factory.mktemp("translations") / "messages.pot"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        CommandLineInterface().run(["pybabel", "-q", "extract", "-F", "pyproject.toml", "-o", str(pot), "."])
    return catalog(pot)


def test_template_is_current(extracted: Catalog) -> None:
    template = catalog(FOLDER / "messages.pot")

    said = {message.id: where(message) for message in messages(extracted)}
    assert {message.id: where(message) for message in messages(template)} == said, "run `make translations`"


def test_extractor_reads_python_templates_and_scripts(extracted: Catalog) -> None:
    found = {path.rsplit(".", 1)[1] for message in messages(extracted) for path in where(message)}

    assert found == {"py", "html", "txt", "js"}


def test_source_strings_are_whole_plain_words(extracted: Catalog) -> None:
    texts = [text for message in messages(extracted) for text in forms(message.id)]

    assert [text for text in texts if "<" in text or ">" in text] == [], "no markup in a message"
    assert [text for text in texts if JARGON.search(text)] == [], "not words for a recipient"
    assert [text for text in texts if text != text.strip() or "\n" in text] == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_catalog_is_complete(locale: str, extracted: Catalog) -> None:
    found = catalog(FOLDER / locale / "LC_MESSAGES" / "messages.po", locale)

    assert {m.id for m in messages(extracted)} - {m.id for m in messages(found)} == set(), "missing"
    assert {m.id for m in messages(found)} - {m.id for m in messages(extracted)} == set(), "no longer said"
    assert [m.id for m in messages(found) if not all(forms(m.string))] == [], "empty"
    assert [m.id for m in messages(found) if m.fuzzy] == [], "fuzzy"


@pytest.mark.parametrize("locale", TRANSLATED)
def test_script_strings_stand_where_the_script_uses_them(locale: str, extracted: Catalog) -> None:
    """The envelope takes its words by the place that the extractor wrote down."""
    found = catalog(FOLDER / locale / "LC_MESSAGES" / "messages.po", locale)

    said = {m.id: where(m) for m in messages(extracted) if any(path.endswith(".js") for path in where(m))}
    assert {m.id: where(m) for m in messages(found) if m.id in said} == said


@pytest.mark.parametrize("locale", TRANSLATED)
def test_plurals_have_every_form(locale: str) -> None:
    found = catalog(FOLDER / locale / "LC_MESSAGES" / "messages.po", locale)

    assert found.num_plurals == Catalog(locale=locale).num_plurals
    plurals = [message for message in messages(found) if not isinstance(message.id, str)]
    assert [m.id for m in plurals if len(forms(m.string)) != found.num_plurals] == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_placeholders_survive_translation(locale: str) -> None:
    found = catalog(FOLDER / locale / "LC_MESSAGES" / "messages.po", locale)

    assert [message.id for message in messages(found) if misplaced(message)] == []


def misplaced(message: Message) -> bool:
    """Whether a translation lacks a placeholder, has one too many, or a percent sign that is none.

    A plural form may leave the number out (`One try left`), the last one may not.
    """
    originals, translated = forms(message.id), forms(message.string)
    wanted = [Counter(PLACEHOLDER.findall(text)) for text in originals]
    got = [Counter(PLACEHOLDER.findall(text)) for text in translated]
    stray = any("%" in PLACEHOLDER.sub("", text).replace("%%", "") for text in translated)
    return stray or got[-1] != wanted[-1] or any(not form <= wanted[-1] for form in got)


@pytest.mark.parametrize(
    ("original", "translation"),
    [
        ("From %(name)s", "Von %(nam)s"),
        ("From %(name)s", "Von"),
        ("From %(name)s", "Von %(name) s"),
        ("From %(name)s", "Von %(name)s und %(name)s"),
        (("%(n)s file", "%(n)s files"), ("%(n)s Datei", "Dateien")),
    ],
)
def test_misplaced_placeholder_is_found(original: str, translation: str) -> None:
    assert misplaced(Message(original, translation))
    assert not misplaced(Message(original, original))
