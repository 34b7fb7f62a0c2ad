"""Settings: read from an environment, every fault at once, no development values in production."""

from pathlib import Path

import pytest

from envelope.ids import b64u_encode
from keyserver.errors import SettingsError
from keyserver.settings import Settings

GOOD = {
    "SEALPOST_BASE_URL": "https://keys.a.example",
    "SEALPOST_DATABASE_URL": "postgresql://sealpost:hunter2@db.a.example/sealpost",
    "SEALPOST_SECRET_KEY": "correct horse battery staple, and then some more",
    "SEALPOST_KEKS": f"1:{b64u_encode(bytes(32))} 2:{b64u_encode(bytes([7]) * 32)}",
    "SEALPOST_MAIL_URL": "smtp+tls://user:hunter2@mail.a.example:587",
    "SEALPOST_MAIL_FROM": "sealpost@a.example",
    "SEALPOST_COPIES_URL": "s3://id:hunter2@envelopes/bank?region=eu-central-1",
}


def faults(**changes: str | None) -> list[str]:
    environ = {**GOOD, **{f"SEALPOST_{name.upper()}": value for name, value in changes.items()}}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({name: value for name, value in environ.items() if value is not None})
    return caught.value.faults


def test_good_environment_is_read() -> None:
    settings = Settings.from_environ({**GOOD, "SEALPOST_SESSION_LIFETIME": "3600", "PATH": "/bin"})

    assert settings.production
    assert settings.secure
    assert settings.keks == {1: bytes(32), 2: bytes([7]) * 32}
    assert settings.session_lifetime.total_seconds() == 3600


def test_secrets_are_not_shown() -> None:
    shown = repr(Settings.from_environ(GOOD))

    assert "hunter2" not in shown
    assert "horse" not in shown
    assert "keks" not in shown


def test_secret_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(GOOD["SEALPOST_SECRET_KEY"] + "\n")
    environ = {**GOOD, "SEALPOST_SECRET_KEY_FILE": str(file)}
    del environ["SEALPOST_SECRET_KEY"]

    assert Settings.from_environ(environ).secret_key == GOOD["SEALPOST_SECRET_KEY"].encode()


def test_all_faults_are_told_at_once() -> None:
    found = faults(base_url="keys.a.example", secret_key=None, threads="many", mail_from="nobody")

    assert [fault.split()[0] for fault in found] == [
        "SEALPOST_BASE_URL",
        "SEALPOST_SECRET_KEY",
        "SEALPOST_MAIL_FROM",
        "SEALPOST_THREADS",
    ]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("base_url", "https://keys.a.example/", "host alone"),
        ("base_url", "ftp://keys.a.example", "host alone"),
        ("copies_url", "/var/lib/sealpost", "s3://bucket"),
        ("copies_url", "file://host/path", "s3://bucket"),
        ("open_address", "nobody", "mail address"),
        ("inbound_url", "smtp://127.0.0.1", "smtp://address:port"),
        ("secret_key", "short", "32 characters"),
        ("keks", "1:AAAA", "version 1"),
        ("keks", "one:AAAA", "entries"),
        ("keks", f"1:{b64u_encode(bytes(32))} 1:{b64u_encode(bytes(32))}", "once"),
        ("keks", "", "no key"),
        ("mail_url", "https://mail.a.example", "smtp://"),
        ("mail_url", "maildir:", "maildir:/path"),
        ("production", "yes", "true or false"),
        ("database_url", "", "empty"),
        ("listen", "8600", "address:port"),
        ("trusted_proxies", "-1", "0 to 8"),
        ("session_lifetime", "0", "from 1"),
        ("secret_key_file", "/nonexistent", "only one"),
        ("databse_url", "sqlite://", "no setting"),
    ],
)
def test_bad_value_is_named_with_what_would_be_right(name: str, value: str, word: str) -> None:
    (fault,) = faults(**{name: value})

    assert fault.startswith(f"SEALPOST_{name.upper().removesuffix('_FILE')} ")
    assert word in fault


def test_mail_that_comes_in_needs_an_address_to_come_to() -> None:
    (fault,) = faults(inbound_url="maildir:/var/mail/open")

    assert fault.startswith("SEALPOST_INBOUND_URL needs SEALPOST_OPEN_ADDRESS")


def test_secret_file_that_is_missing_is_named() -> None:
    (fault,) = faults(secret_key=None, secret_key_file="/nonexistent/secret")

    assert fault == ("SEALPOST_SECRET_KEY cannot be read from /nonexistent/secret: No such file or directory")


def test_secret_file_of_bytes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff" * 40)

    (fault,) = faults(secret_key=None, secret_key_file=str(file))

    assert fault.endswith("not UTF-8")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "http://keys.a.example"),
        ("secret_key", "development only: everybody knows this secret key"),
        ("keks", f"1:{b64u_encode(b'development only, everybody knows'[:32])}"),
        ("mail_url", "maildir:/var/mail"),
        ("passphrase_memory_kib", "19455"),
    ],
)
def test_production_refuses_what_is_for_development(name: str, value: str) -> None:
    (fault,) = faults(**{name: value})

    assert fault.startswith(f"SEALPOST_{name.upper()} ")


def test_production_may_listen_to_a_proxy_on_the_same_machine() -> None:
    settings = Settings.from_environ({**GOOD, "SEALPOST_BASE_URL": "http://127.0.0.1:8600"})

    assert not settings.secure


def test_development_needs_nothing_else() -> None:
    settings = Settings.from_environ({"SEALPOST_PRODUCTION": "false"})

    assert settings.base_url == "http://127.0.0.1:8600"


def test_each_purpose_has_a_key_of_its_own() -> None:
    settings = Settings.from_environ(GOOD)

    assert settings.derived("one") != settings.derived("two")
    assert len(settings.derived("one")) == 32
