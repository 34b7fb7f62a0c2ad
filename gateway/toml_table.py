"""Reads a TOML file's tables key by key and collects every fault with its place; knows no setting."""

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from gateway.errors import SettingsError

T = TypeVar("T")
Path = tuple[str | int, ...]

REQUIRED: Any = object()


class Document:
    """One TOML text; `root` is its outermost table, `faults` fill up while tables are read."""

    def __init__(self, text: str) -> None:
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError([f"not a TOML file: {error}"]) from error
        self.root = Table(self, data, ())
        self.faults: list[str] = []
        self._lines = dict(reversed(list(_places(text))))
        self.root = Table(self, data, ())

    def fault(self, path: Path, what: str) -> None:
        line = self._lines.get(path)
        place = "".join(f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
        self.faults.append(f"{place} (line {line}): {what}" if line else f"{place}: {what}")


class Table:
    """One table; every key is taken once, and what nobody took is a fault."""

    def __init__(self, document: Document, data: dict[str, Any], path: Path) -> None:
        self._document = document
        self._left = dict(data)
        self.path = path

    def take(self, key: str, read: Callable[[Any], T], default: T = REQUIRED) -> T:
        """The value of `key`, as `read` makes it; `read` raises ValueError with a sentence that says what
        would be right. A faulty value yields `default` too, so that reading can go on: the faults are
        raised in the end, before anything uses it."""
        if key not in self._left:
            if default is REQUIRED:
                self.fault("is missing", key)
            return default
        try:
            return read(self._left.pop(key))
        except ValueError as error:
            self.fault(str(error), key)
            return default

    def table(self, key: str, *, required: bool = True) -> "Table":
        """The table under `key`; an empty one, and a fault if it is `required`, when there is none."""
        value = self._left.pop(key, None)
        if value is None and required:
            self.fault("is missing", key)
        elif value is not None and not isinstance(value, dict):
            self.fault("must be a table", key)
        return Table(self._document, value if isinstance(value, dict) else {}, (*self.path, key))

    def tables(self, key: str) -> list["Table"]:
        """The array of tables under `key`, in order."""
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.fault(f"must be an array of tables: [[{key}]]", key)
            return []
        return [Table(self._document, row, (*self.path, key, index)) for index, row in enumerate(value)]

    def named(self) -> Iterator[tuple[str, "Table"]]:
        """Every key of this table with the table under it: for tables whose keys are names."""
        for name in list(self._left):
            yield name, self.table(name)

    def has(self, key: str) -> bool:
        return key in self._left

    @property
    def faults(self) -> int:
        """How many faults the whole document has so far."""
        return len(self._document.faults)

    def fault(self, what: str, key: str | None = None) -> None:
        self._document.fault(self.path if key is None else (*self.path, key), what)

    def finish(self) -> None:
        """Report every key that nobody took."""
        for key in self._left:
            self.fault("is not a setting", key)
        self._left.clear()


_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]#]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_WORD = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def _places(text: str) -> Iterator[tuple[Path, int]]:
    """Where keys and tables stand, by lines, not by grammar: what it misses only costs a line number."""
    table: Path = ()
    rows: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _words(header[2])
            if header[1] == "[[":
                rows[table] = rows.get(table, -1) + 1
                table = (*table, rows[table])
            yield table, number
        elif key := _KEY.match(line):
            path = (*table, *_words(key[1]))
            for end in range(len(table) + 1, len(path) + 1):
                yield path[:end], number


def _words(dotted: str) -> Path:
    return tuple(word.strip("\"'") for word in _WORD.findall(dotted))
