"""Who gets a mail how, by the rules."""

import pytest

from gateway.policy import CLEAR, Action, Pattern, Policy, Rule, Treatment

STANDARD, STRICT = Treatment(Action.SEAL, "standard"), Treatment(Action.SEAL, "strict")
POLICY = Policy(
    (
        Rule(treatment=CLEAR, senders=(Pattern("news@bank.example"),)),
        Rule(treatment=STRICT, subject_tag="[secure]"),
        Rule(treatment=STANDARD, recipients=(Pattern("*@hospital.example"), Pattern("dr@b.example"))),
    ),
    default=CLEAR,
)


@pytest.mark.parametrize(
    ("pattern", "address", "matches"),
    [
        ("*@hospital.example", "Bob@Hospital.example", True),
        ("*@hospital.example", "bob@x.hospital.example", False),
        ("*@*.hospital.example", "bob@x.hospital.example", True),
        ("bob@b.example", "bob@b.example", True),
        ("b.b@b.example", "bob@b.example", False),
        ("*@b.example", "bob@b.example.evil.example", False),
    ],
)
def test_pattern_matches_whole_addresses(pattern: str, address: str, matches: bool) -> None:
    assert Pattern(pattern).matches(address) is matches


def test_recipients_are_grouped_by_what_the_rules_say_of_each() -> None:
    """S29: different mail, different profile."""
    decision = POLICY.decide(
        ["a@x.example", "b@hospital.example", "dr@b.example"], sender="ada@bank.example", subjects=["Hello"]
    )

    assert decision.groups == {CLEAR: ("a@x.example",), STANDARD: ("b@hospital.example", "dr@b.example")}


def test_first_rule_that_matches_wins() -> None:
    decision = POLICY.decide(["b@hospital.example"], sender="ada@bank.example", subjects=["Re: [SECURE] x"])

    assert decision.groups == {STRICT: ("b@hospital.example",)}
    assert decision.tags == ("[secure]",)


def test_any_of_several_subjects_may_carry_the_tag() -> None:
    decision = POLICY.decide(["a@x.example"], sender="ada@bank.example", subjects=["Hello", "[secure]"])

    assert decision.groups == {STRICT: ("a@x.example",)}


def test_clear_rule_exempts_its_sender() -> None:
    decision = POLICY.decide(["b@hospital.example"], sender="news@bank.example", subjects=["[secure]"])

    assert decision.groups == {CLEAR: ("b@hospital.example",)}


def test_treatment_without_a_profile_cannot_seal() -> None:
    with pytest.raises(ValueError, match="profile"):
        Treatment(Action.SEAL)
