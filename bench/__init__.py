"""What is measured, against what: ratios within one run, never seconds, so that a slow machine is no fault.

A room of this package has `run() -> Iterable[Row]`; `python -m bench` finds it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a ratio and the most it may be. `note` says what stood behind it."""

    what: str
    ratio: float
    limit: float
    note: str = ""

    @property
    def is_within(self) -> bool:
        """Whether the ratio is at most the limit."""
        return self.ratio <= self.limit
