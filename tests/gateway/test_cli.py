"""What an operator types, and reads."""

import json
import smtplib
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.settings import Retry
from tests.gateway.conftest import MAIL, Send, StartGateway
from tests.gateway.neighbours import Answer, NextHop, ScriptedKeyServer

Run = Callable[..., Result]
PROVISIONED = {"account": "Example Bank", "gateway": "7", "profiles": ["standard", "strict"]}


@pytest.fixture
def run(tmp_path: Path, toml: str) -> Run:
    config = tmp_path / "gateway.toml"
    config.write_text(toml)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--config", str(config)], catch_exceptions=False)

    return run


def test_check_says_that_settings_are_good_and_warns(run: Run) -> None:
    """S22."""
    result = run("check")

    assert result.exit_code == 0
    assert "profiles: standard, strict" in result.output
    assert "more than 10 MB may slow the gateway" in result.output


def test_check_names_every_fault(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(config.read_text().replace("workers", "wrokers").replace('"high"', '"higher"'))

    result = run("check")

    assert result.exit_code == 1
    assert "gateway.wrokers (line 8): is not a setting" in result.output
    assert "profiles.strict.level" in result.output


def test_provision_with_a_token_keeps_the_new_secret(
    run: Run, tmp_path: Path, key_server: ScriptedKeyServer
) -> None:
    """S24, S71, S72."""
    (tmp_path / "secret").unlink()
    (tmp_path / "token").write_text("a-token\n")
    key_server.answers = [Answer(200, PROVISIONED | {"secret": "a-new-secret"})]

    result = run("provision", "--token-file", str(tmp_path / "token"))

    assert result.exit_code == 0, result.output
    assert "profile standard: provisioned" in result.output
    assert "profile strict: provisioned" in result.output
    assert "a-new-secret" not in result.output
    assert (tmp_path / "secret").read_text() == "a-new-secret\n"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    (request,) = key_server.requests
    assert (request.method, request.path) == ("POST", "/api/v1/provision")
    assert request.headers["Authorization"] == "Bearer a-token"
    assert request.body == {
        "gateway": "mx1.bank.example",
        "administrator": "postmaster@bank.example",
        "profiles": [
            {
                "name": name,
                "level": level,
                "locale": "en",
                "brand": {"name": "Example Bank", "colour": "#0a5c8f", "link": None, "logo": None},
            }
            for name, level in (("standard", "medium"), ("strict", "high"))
        ],
    }


def test_provision_again_shows_the_secret_it_has(
    run: Run, tmp_path: Path, key_server: ScriptedKeyServer
) -> None:
    """S72: one profile alone, too."""
    key_server.answers = [Answer(200, PROVISIONED)]

    result = run("provision", "--profile", "strict")

    assert result.exit_code == 0, result.output
    assert key_server.requests[0].headers["Authorization"] == "Bearer the-gateways-own-secret"
    assert [each["name"] for each in key_server.requests[0].body["profiles"]] == ["strict"]
    assert (tmp_path / "secret").read_text() == "the-gateways-own-secret\n"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(401, {"code": "unauthenticated"}), "ask its operator for a new token"),
        (Answer(404, b"<html>"), "see keyserver.url"),
        (Answer(200, PROVISIONED | {"profiles": ["standard"]}), "not every profile was provisioned"),
        (
            Answer(400, {"code": "invalid-field", "field": "profiles", "title": "too many"}),
            "too many profiles",
        ),
    ],
)
def test_provision_that_fails_says_why_in_a_line(
    answer: Answer, words: str, run: Run, key_server: ScriptedKeyServer
) -> None:
    key_server.answers = [answer]

    result = run("provision")

    assert result.exit_code == 1
    assert words in result.output.splitlines()[-1]


def test_queue_shows_what_waits_and_nothing_of_its_content(
    run: Run, send: Send, next_hop: NextHop, entries: Callable[[], list[Path]]
) -> None:
    next_hop.answers["MAIL"] = ["451 4.3.0 not now"] * 1000
    send()
    next_hop.wait(lambda: len(next_hop.asked) >= 2)

    listed, shown = run("queue", "list"), run("queue", "show", entries()[0].name)

    assert entries()[0].name in listed.output
    assert "1 of 1 waiting" in listed.output
    assert "451 4.3.0 not now" in shown.output
    assert "Offer" not in listed.output + shown.output


def test_mail_that_is_not_there_is_said_so(run: Run, send: Send) -> None:
    for command in ("show", "retry", "bounce"):
        result = run("queue", command, "01a209ef-ede2-735a-8758-377eb9128aa1")
        assert (result.exit_code, "is not in the queue" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("command", "taker"), [("retry", "carol@clear.example"), ("bounce", "ada@bank.example")]
)
def test_command_reaches_the_running_gateway(
    command: str,
    taker: str,
    run: Run,
    start_gateway: StartGateway,
    next_hop: NextHop,
    entries: Callable[[], list[Path]],
) -> None:
    next_hop.answers["MAIL"] = ["451 4.3.0 not now"]
    gateway = start_gateway(retry=Retry())
    with smtplib.SMTP(gateway.address.host, gateway.address.port) as smtp:
        smtp.sendmail("ada@bank.example", ["carol@clear.example"], MAIL)
    next_hop.wait(lambda: json.loads((entries()[0] / "control.json").read_text())["attempts"] == 1)

    result = run("queue", command, entries()[0].name)

    assert result.exit_code == 0, result.output
    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == (taker,)
    next_hop.wait(lambda: entries() == [])
