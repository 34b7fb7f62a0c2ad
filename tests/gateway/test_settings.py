"""gateway.toml: what it may say, and how its faults are told."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from envelope.options import Algorithm, Level
from gateway.errors import SettingsError
from gateway.policy import CLEAR, Action, Treatment
from gateway.settings import Settings

SAMPLE = Path(__file__).parents[2] / "gateway" / "gateway.sample.toml"

Faults = Callable[..., list[str]]


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    """The faults of the sample after some replacements in it."""

    def of(*changes: tuple[str, str]) -> list[str]:
        text = SAMPLE.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        with pytest.raises(SettingsError) as error:
            Settings.parse(text, folder=tmp_path)
        return list(error.value.faults)

    return of


def test_sample_says_all_of_a_profile() -> None:
    """S28, S34, S39, S48-S50, S55, S57."""
    settings = Settings.load(SAMPLE)

    strict = settings.profiles["strict"]
    assert (strict.level, strict.algorithm, strict.locale) == (Level.HIGH, Algorithm.AES_256, "en")
    assert (strict.expires_after, strict.queue_timeout) == (timedelta(days=30), timedelta(hours=4))
    assert settings.policy.rules[0].treatment == Treatment(Action.SEAL, "strict")
    assert settings.policy.default == CLEAR


def test_paths_count_from_the_settings_own_folder(tmp_path: Path) -> None:
    text = SAMPLE.read_text().replace('"/var/spool/sealpost"', '"spool"')

    assert Settings.parse(text, folder=tmp_path).queue == tmp_path / "spool"


def test_every_fault_is_told_at_once_with_its_line(faults: Faults) -> None:
    told = faults(
        ("workers = 4 ", "wrokers = 4 "),
        ('level = "high"', 'level = "higher"'),
        ('relay = "127.0.0.1:10025"', "relay = 25"),
        ('profile = "standard"', 'profile = "standrad"'),
    )

    assert sorted(told) == [
        'gateway.relay (line 8): must be a host and a port, as "127.0.0.1:25" or "[::1]:25"',
        "gateway.wrokers (line 14): is not a setting",
        "profiles.strict.level (line 39): must be one of high, medium, none",
        'rules[2].profile (line 53): "standrad" is none of the profiles',
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('max_size = "10 MB"', 'max_size = "26 MB"', "gateway.max_size"),
        ('max_size = "10 MB"', "max_size = 0", "gateway.max_size"),
        ('hostname = "mx1.bank.example"', 'hostname = "a b"', "gateway.hostname"),
        ('allow = ["127.0.0.0/8", "::1/128"]', 'allow = ["127.0.0.1/8"]', "gateway.allow"),
        ('url = "https://keys.bank.example"', 'url = "http://keys.bank.example"', "keyserver.url"),
        ('url = "https://keys.bank.example"', 'url = "https://keys.bank.example/path"', "keyserver.url"),
        ('address = "postmaster@bank.example"', 'address = "postmaster"', "administrator.address"),
        ('algorithm = "AES-256"', 'algorithm = "DES"', "profiles.standard.algorithm"),
        (
            'locale = "en"                        # en',
            'locale = "tlh"                        # en',
            "profiles.standard.locale",
        ),
        ('queue_timeout = "4h"', 'queue_timeout = "4 fortnights"', "profiles.standard.queue_timeout"),
        ('brand.colour = "#0a5c8f"', 'brand.colour = "blue"', "profiles.standard.brand.colour"),
        ('# brand.logo = "logo.png"', 'brand.logo = "missing.png"', "profiles.standard.brand.logo"),
        ("[profiles.strict]", "[profiles.clear]", "profiles.clear"),
        ('subject_tag = "[secure]"', "", "rules[1]"),
        ('action = "clear"', 'action = "drop"', "rules[3].action"),
        ('action = "clear"\n\n[policy]', 'action = "clear"\nprofile = "strict"\n[policy]', "rules[3]"),
        ('default = "clear"', "", "policy.default"),
        ("[administrator]", "[admin]", "administrator"),
    ],
)
def test_fault_names_its_key(old: str, new: str, fault: str, faults: Faults) -> None:
    """S21: more than 25 MB is refused, among others."""
    assert any(told.startswith((f"{fault} ", f"{fault}:")) for told in faults((old, new)))


def test_text_that_is_no_toml_is_told_with_its_line(faults: Faults) -> None:
    assert "line 5" in faults(('listen = "127.0.0.1:2525"', "listen = "))[0]


def test_settings_without_a_profile_are_refused(tmp_path: Path) -> None:
    """S16."""
    text = SAMPLE.read_text().replace("profiles.", "profile.")

    with pytest.raises(SettingsError, match="at least one profile"):
        Settings.parse(text, folder=tmp_path)


def test_size_over_ten_megabytes_is_warned_about(tmp_path: Path) -> None:
    """S20, S22."""
    text = SAMPLE.read_text()

    assert Settings.parse(text, folder=tmp_path).warnings == ()
    large = Settings.parse(text.replace('"10 MB"', '"25 MB"'), folder=tmp_path)
    assert (large.max_size, len(large.warnings)) == (25_000_000, 1)


def test_logo_is_read_and_known_by_its_bytes(tmp_path: Path, faults: Faults) -> None:
    """S33, S52, S53."""
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (tmp_path / "fake.png").write_bytes(b"<svg>")
    text = SAMPLE.read_text().replace('# brand.logo = "logo.png" ', 'brand.logo = "logo.png" ')

    brand = Settings.parse(text, folder=tmp_path).profiles["standard"].brand
    assert brand.logo is not None
    assert brand.logo.type == "image/png"
    assert "image/png" in faults(('# brand.logo = "logo.png"', 'brand.logo = "fake.png"'))[0]


def test_settings_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.load(tmp_path / "missing.toml")
