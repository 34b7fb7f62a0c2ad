"""The gateway as a process: how it starts, what it says, how it ends."""

import logging
import signal
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.errors import QueueInUseError
from gateway.service import Gateway
from gateway.settings import Settings
from tests.gateway.conftest import MAIL, Send, StartGateway
from tests.gateway.neighbours import Answer, NextHop, ScriptedKeyServer

RUN = [sys.executable, "-c", "from gateway.cli import main; main()", "run", "--config"]


@pytest.fixture
def process(tmp_path: Path, toml: str) -> Iterator[subprocess.Popen[str]]:
    config = tmp_path / "gateway.toml"
    config.write_text(toml)
    process = subprocess.Popen([*RUN, config], stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    for line in process.stderr:
        if "it listens on" in line:
            return int(line.rsplit(":", 1)[1])
    raise AssertionError("it did not start")


def test_process_ends_by_itself_when_told_and_leaves_the_rest_in_the_queue(
    process: subprocess.Popen[str], next_hop: NextHop, entries: Callable[[], list[Path]]
) -> None:
    next_hop.answers["MAIL"] = ["451 4.3.0 not now"] * 1000
    port = port_of(process)
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.sendmail("ada@bank.example", ["carol@clear.example"], MAIL)
        next_hop.wait(lambda: bool(next_hop.asked))
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[1]

    assert process.returncode == 0
    assert "gateway stopped" in said
    assert len(entries()) == 1


def test_second_gateway_on_one_queue_says_so_in_a_line(
    process: subprocess.Popen[str], tmp_path: Path
) -> None:
    port_of(process)

    second = subprocess.run([*RUN, tmp_path / "gateway.toml"], capture_output=True, text=True, check=False)

    assert second.returncode == 1
    assert "another gateway works on this queue" in second.stderr
    assert "Traceback" not in second.stderr


def test_gateway_whose_address_is_taken_leaves_the_queue_to_others(
    gateway: Gateway, tmp_path: Path, toml: str
) -> None:
    text = toml.replace("127.0.0.1:0", str(gateway.address)).replace('"queue"', '"other"')
    second = Gateway(Settings.parse(text, folder=tmp_path))

    for _ in range(2):
        with pytest.raises(OSError, match="address already in use"):
            second.start()


def test_gateway_without_its_queue_does_not_start(gateway: Gateway, tmp_path: Path, toml: str) -> None:
    with pytest.raises(QueueInUseError):
        Gateway(Settings.parse(toml, folder=tmp_path)).start()


def test_log_tells_the_mails_way_and_nothing_that_is_in_it(
    send: Send,
    next_hop: NextHop,
    key_server: ScriptedKeyServer,
    entries: Callable[[], list[Path]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    key_server.answers = [Answer(401, {"code": "unauthenticated"})]

    send(MAIL.replace(b"Subject: Offer", b"Subject: [secure] Offer"))

    next_hop.wait(lambda: len(next_hop.mails) == 1 and entries() == [])
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("gateway"))
    mail_id = key_server.requests[0].path.rsplit("/", 1)[1]
    for step in ("accepted", "sealed", "waits", "delivered"):
        assert f"mail {step} id={mail_id}" in said
    everything = caplog.text
    for hidden in (
        "Offer",
        "here it is",
        "the-gateways-own-secret",
        key_server.requests[0].body["key_share"],
    ):
        assert hidden not in everything


def test_mails_left_by_the_last_gateway_go_out_with_the_next(
    start_gateway: StartGateway, next_hop: NextHop
) -> None:
    """S6."""
    next_hop.answers["MAIL"] = ["451 4.3.0 not now"] * 1000
    first = start_gateway()
    with smtplib.SMTP(first.address.host, first.address.port) as smtp:
        smtp.sendmail("ada@bank.example", ["carol@clear.example"], MAIL)
    next_hop.wait(lambda: bool(next_hop.asked))
    first.stop()
    next_hop.answers.clear()

    start_gateway()

    next_hop.wait(lambda: len(next_hop.mails) == 1)
