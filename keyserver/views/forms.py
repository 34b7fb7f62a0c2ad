"""What a person typed into a form, and what is wrong with it; knows no page and decides no rule of the house."""

from dataclasses import dataclass, field
from typing import Self

from werkzeug.datastructures import MultiDict


@dataclass
class Form:
    """Values to show again and faults to show beside them, both by field name; passphrases are never kept."""

    posted: MultiDict[str, str] = field(default_factory=MultiDict, repr=False)
    values: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    @classmethod
    def showing(cls, **values: str) -> Self:
        """A form that nobody has filled in yet."""
        return cls(values=values)

    def text(self, name: str, *, limit: int, fault: str) -> str:
        """One line as typed, on one line, trimmed; empty or over `limit` characters puts `fault` beside the field."""
        value = " ".join(self.posted.get(name, "").split())
        self.values[name] = value[:limit]
        if not value or len(value) > limit or not value.isprintable():
            self.faults[name] = fault
        return value

    def choice(self, name: str) -> str:
        """What was picked from a list; whoever asks checks that it was on it."""
        return self.values.setdefault(name, self.posted.get(name, ""))

    def tick(self, name: str) -> bool:
        """Whether a box was ticked."""
        self.values[name] = self.posted.get(name, "")
        return bool(self.values[name])

    def secret(self, name: str, *, fault: str) -> str:
        """A passphrase exactly as typed, never to be shown again; nothing at all puts `fault` beside the field."""
        value = self.posted.get(name, "")
        if not value:
            self.faults[name] = fault
        return value
