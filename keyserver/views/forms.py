"""What a person typed into a form, and what is wrong with it; knows no page and no rule of the house."""

from dataclasses import dataclass, field
from typing import Any

from flask import Response, make_response, render_template
from werkzeug.datastructures import MultiDict

from keyserver.errors import ThrottledError
from keyserver.views.errors import wait


@dataclass
class Form:
    """Values to show again and faults to show beside them, both by field name; passphrases are never kept."""

    posted: MultiDict[str, str] = field(default_factory=MultiDict, repr=False)
    values: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    throttled: ThrottledError | None = None

    def text(self, name: str, *, limit: int, fault: str) -> str:
        """One line, trimmed; nothing at all or over `limit` characters puts `fault` beside the field."""
        value = " ".join(self.posted.get(name, "").split())
        self.values[name] = value[:limit]
        if not value or len(value) > limit or not value.isprintable():
            self.faults[name] = fault
        return value

    def choice(self, name: str, *, among: tuple[str, ...]) -> str:
        """What was picked from a list; whatever is not on it counts as the value shown before."""
        if self.posted.get(name) in among:
            self.values[name] = self.posted[name]
        return self.values[name]

    def tick(self, name: str) -> bool:
        """Whether a box was ticked."""
        self.values[name] = self.posted.get(name, "")[:1]
        return bool(self.values[name])

    def secret(self, name: str, *, fault: str) -> str:
        """A passphrase exactly as typed, never shown again; nothing at all puts `fault` beside the field."""
        value = self.posted.get(name, "")
        if not value:
            self.faults[name] = fault
        return value

    def throttle(self, name: str, error: ThrottledError) -> None:
        """Tell beside the field how long to wait."""
        self.faults[name], self.throttled = wait(error), error


def show(template: str, form: Form, **context: Any) -> Response:
    """The page with this form: 200, or 422 when there are faults to mend, or 429 when time must pass."""
    answer = make_response(render_template(template, form=form, **context))
    if form.faults:
        answer.status_code = 422
    if form.throttled:
        answer.status_code = 429
        answer.headers["Retry-After"] = str(form.throttled.seconds)
    return answer
