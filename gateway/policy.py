"""Decides what happens to a mail for each recipient, from the rules alone; touches no mail and no network."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What to do with a mail. There is no third way, and no default: what is neither fails closed."""

    SEAL = "seal"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What the policy wants for one recipient; `profile` is a profile's name, for `SEAL` only."""

    action: Action
    profile: str | None = None

    def __post_init__(self) -> None:
        if (self.action is Action.SEAL) != (self.profile is not None):
            raise ValueError("a profile goes with sealing, and with nothing else")


CLEAR = Treatment(Action.CLEAR)


@dataclass(frozen=True, slots=True)
class Pattern:
    """An address, or one in which `*` stands for any text: `*@hospital.example`. Case means nothing."""

    text: str

    def matches(self, address: str) -> bool:
        parts = map(re.escape, self.text.casefold().split("*"))
        return re.fullmatch(".*".join(parts), address.casefold(), re.DOTALL) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the rules. All conditions that it has must hold; of several patterns, any one."""

    treatment: Treatment
    recipients: tuple[Pattern, ...] = ()
    senders: tuple[Pattern, ...] = ()
    subject_tag: str | None = None

    def fits_mail(self, sender: str, subjects: Iterable[str]) -> bool:
        """Whether the conditions hold that look at the mail itself; a mail may have several subjects."""
        tag = self.subject_tag
        return (not self.senders or _any(self.senders, sender)) and (
            tag is None or any(tag.casefold() in subject.casefold() for subject in subjects)
        )

    def fits_recipient(self, recipient: str) -> bool:
        return not self.recipients or _any(self.recipients, recipient)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules, first match wins, and what holds where none matches."""

    rules: tuple[Rule, ...]
    default: Treatment

    def decide(self, recipients: Sequence[str], *, sender: str, subjects: Sequence[str]) -> "Decision":
        """One treatment for each recipient, and the tags that this mail was marked with. `sender` is the
        address that the recipient sees, "" if there is none."""
        fitting = [rule for rule in self.rules if rule.fits_mail(sender, subjects)]
        groups: dict[Treatment, list[str]] = {}
        for recipient in recipients:
            rules = (rule.treatment for rule in fitting if rule.fits_recipient(recipient))
            groups.setdefault(next(rules, self.default), []).append(recipient)
        tags = dict.fromkeys(rule.subject_tag for rule in fitting if rule.subject_tag)
        return Decision(
            groups={treatment: tuple(group) for treatment, group in groups.items()}, tags=tuple(tags)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The recipients of one mail by treatment, and the subject tags to strip from all of its copies."""

    groups: dict[Treatment, tuple[str, ...]]
    tags: tuple[str, ...]


def _any(patterns: Iterable[Pattern], address: str) -> bool:
    return any(pattern.matches(address) for pattern in patterns)
