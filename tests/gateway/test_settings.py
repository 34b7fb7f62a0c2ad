"""gateway.toml: what it may say, and how its faults are told."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from envelope.options import Algorithm, Level, Options
from gateway.control import Carrier
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
    assert strict.options == Options(level=Level.HIGH, expires_after=timedelta(days=30))
    assert (strict.options.algorithm, strict.locale) == (Algorithm.AES_256, "en")
    assert strict.queue_timeout == timedelta(hours=4)
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
        "gateway.wrokers (line 15): is not a setting",
        "profiles.strict.level (line 52): must be one of high, medium, proven, none",
        'rules[2].profile (line 73): "standrad" is none of the profiles',
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
        ("mailed_code = false", 'mailed_code = "no"', "profiles.standard.mailed_code"),
        ('carrier = "attachment"', 'carrier = "pigeon"', "profiles.standard.carrier"),
        ('link_above = "20 MB"', 'link_above = "26 MB"', "profiles.standard.link_above"),
        ('payload_transport = "https"', 'payload_transport = "ftp"', "profiles.standard.payload_transport"),
        (
            'payload_transport = "https"',
            'payload_transport = "https://a.example/path"',
            "profiles.standard.payload_transport",
        ),
        ("headers_from = [", 'headers_from = ["here", ', "gateway.headers_from"),
        ('# open_address = "open@bank.example"', 'open_address = "open"', "keyserver.open_address"),
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


def test_sample_tells_every_setting_of_a_profile_as_it_is_without() -> None:
    """S28, S54, S59: the standard profile says what holds where a profile says nothing."""
    settings = Settings.load(SAMPLE)

    said = settings.profiles["standard"]
    silent = replace(settings.profiles["strict"], name="standard", options=Options(level=Level.MEDIUM))
    assert said == silent


@pytest.mark.parametrize(
    ("old", "new", "option", "value"),
    [
        ('level = "medium"', 'level = "proven"', "level", Level.PROVEN),
        ("mailed_code = false", "mailed_code = true", "mailed_code", True),
        ("receipt = false", "receipt = true", "receipt", True),
        ("applet = true", "applet = false", "applet", False),
        ("script = true", "script = false", "script", False),
        ("remember = false", "remember = true", "remember", True),
        ("open_online = true", "open_online = false", "online", False),
    ],
)
def test_setting_of_a_profile_becomes_an_option_of_its_envelopes(
    old: str, new: str, option: str, value: object, tmp_path: Path
) -> None:
    """S50, S54, S59, S132, S133."""
    text = SAMPLE.read_text().replace("payload_transport", "# payload_transport").replace(old, new)

    assert getattr(Settings.parse(text, folder=tmp_path).profiles["standard"].options, option) == value


@pytest.mark.parametrize(
    ("changes", "key", "fault"),
    [
        ({"mailed_code": "true", "level": '"high"'}, "mailed_code", "goes with level medium only"),
        ({"mailed_code": "true", "level": '"proven"'}, "mailed_code", "goes with level medium only"),
        ({"remember": "true", "level": '"high"'}, "remember", "wants the passphrase each time"),
        ({"remember": "true", "algorithm": '"AES-192"'}, "remember", "can keep no key"),
        ({"remember": "true", "script": "false"}, "remember", "has nothing to remember"),
        ({"open_online": "false", "script": "false"}, "open_online", "nobody could open the file"),
        ({"open_online": "false", "applet": "false"}, "open_online", "nobody could open the file"),
        (
            {"open_online": "false", "payload_transport": '"http"'},
            "payload_transport",
            "means nothing with open_online = false",
        ),
        ({"level": '"none"', "payload_transport": '"http"'}, "payload_transport", "must be https"),
    ],
)
def test_profile_that_contradicts_itself_is_a_fault_with_its_line(
    changes: dict[str, str], key: str, fault: str, tmp_path: Path
) -> None:
    """S43, S48, S59, S132, S133."""
    text = SAMPLE.read_text()
    if "payload_transport" not in changes:
        text = text.replace("payload_transport", "# payload_transport")
    for name, value in changes.items():
        text = re.sub(rf"^{name} = \S+", f"{name} = {value}", text, count=1, flags=re.MULTILINE)

    with pytest.raises(SettingsError) as error:
        Settings.parse(text, folder=tmp_path)

    (told,) = error.value.faults
    line = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(f"{key} ="))
    assert told.startswith(f"profiles.standard.{key} (line {line}): ")
    assert fault in told


@pytest.mark.parametrize(
    ("server", "transport", "post_url"),
    [
        ("https://keys.bank.example", "https", "https://keys.bank.example"),
        ("https://keys.bank.example", "http", "http://keys.bank.example"),
        ("https://keys.bank.example:443", "http", "http://keys.bank.example"),
        ("https://keys.bank.example:8443", "http://keys.bank.example:8080", "http://keys.bank.example:8080"),
        ("https://keys.bank.example", "https://upload.bank.example/", "https://upload.bank.example"),
        ("http://127.0.0.1:8600", "https", "http://127.0.0.1:8600"),
        ("http://127.0.0.1:8600", "http", "http://127.0.0.1:8600"),
    ],
)
def test_open_online_posts_where_the_profile_says(
    server: str, transport: str, post_url: str, tmp_path: Path
) -> None:
    """S43, S44, S46, S47."""
    text = SAMPLE.read_text().replace("https://keys.bank.example", server)
    text = text.replace('payload_transport = "https"', f'payload_transport = "{transport}"')

    assert Settings.parse(text, folder=tmp_path).profiles["standard"].post_url == post_url


def test_transport_over_http_cannot_guess_a_port(faults: Faults) -> None:
    """S44."""
    told = faults(
        ("https://keys.bank.example", "https://keys.bank.example:8443"),
        ('payload_transport = "https"', 'payload_transport = "http"'),
    )

    assert "when keyserver.url names a port" in told[0]


def test_transport_over_http_is_warned_about(tmp_path: Path) -> None:
    """S44, S45."""
    text = SAMPLE.read_text().replace('payload_transport = "https"', 'payload_transport = "http"')

    assert "profiles.standard.payload_transport" in Settings.parse(text, folder=tmp_path).warnings[0]


@pytest.mark.parametrize(
    ("carrier", "link_above", "size", "goes_by"),
    [
        ("attachment", "20 MB", 20_000_000, Carrier.ATTACHMENT),
        ("attachment", "20 MB", 20_000_001, Carrier.LINK),
        ("both", "1 MB", 1_000_001, Carrier.LINK),
        ("both", "1 MB", 1, Carrier.BOTH),
        ("link", "1 MB", 1, Carrier.LINK),
        ("attachment", "never", 34_000_000, Carrier.ATTACHMENT),
    ],
)
def test_carrier_is_the_profiles_until_the_notice_is_too_large(
    carrier: str, link_above: str, size: int, goes_by: Carrier, tmp_path: Path
) -> None:
    """S26, S27."""
    text = SAMPLE.read_text().replace('carrier = "attachment"', f'carrier = "{carrier}"')
    text = text.replace('link_above = "20 MB"', f'link_above = "{link_above}"')

    assert Settings.parse(text, folder=tmp_path).profiles["standard"].carrier_of(size) is goes_by


def test_headers_count_from_all_clients_unless_said_otherwise(tmp_path: Path) -> None:
    """D6."""
    text = re.sub(r"^headers_from.*\n", "", SAMPLE.read_text(), flags=re.MULTILINE)

    settings = Settings.parse(text, folder=tmp_path)
    assert settings.headers_from == settings.allow


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
