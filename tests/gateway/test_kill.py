"""A gateway that is killed again and again, at any instant: nothing is lost, twice there, or not stored."""

import json
import random
import re
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import takewhile
from os import kill
from pathlib import Path
from uuid import UUID

import pytest
import urllib3

from envelope import b64u_encode, possession_proof
from envelope.securedoc import SecuredocFile, read_securedoc
from tests.gateway import real_key_server
from tests.gateway.conftest import TOML
from tests.gateway.neighbours import NextHop
from tests.gateway.real_key_server import RealKeyServer

#: As many rounds as there is time for; a slow machine gets fewer.
ROUNDS, SECONDS = 40, 15
#: Mails that one sender tries to send before the gateway is killed.
MOST = 5
BOB, EVE, CAROL = "bob@sealed.example", "eve@sealed.example", "carol@clear.example"
SECRET = b"nobody else may read this"

#: Loads everything once and forks a gateway for each line it reads: so a round costs no start of Python.
STARTER = """
import os, signal, sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from gateway.service import Gateway
from gateway.settings import Retry, Settings
settings = Settings.load(Path(sys.argv[1]))
settings = replace(settings, retry=Retry(first=timedelta(milliseconds=50), most=timedelta(milliseconds=50)))
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        gateway = Gateway(settings)
        gateway.start()
        print(os.getpid(), gateway.address.port, flush=True)
        signal.pause()
    os.waitpid(child, 0)
"""


class Killed:
    """Gateways that live as long as a test lets them."""

    def __init__(self, config: Path) -> None:
        self._starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._pid = self.port = 0

    def start(self) -> None:
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        self._starter.stdin.write("start\n")
        self._starter.stdin.flush()
        self._pid, self.port = map(int, self._starter.stdout.readline().split())

    def kill(self) -> None:
        if self._pid:
            kill(self._pid, signal.SIGKILL)
        self._pid = 0

    def end(self) -> None:
        self.kill()
        self._starter.communicate()
        assert self._starter.returncode == 0


class Sender(threading.Thread):
    """Sends mail after mail until the gateway is gone; knows which ones were accepted."""

    def __init__(self, port: int, accepted: list[str], *, label: str) -> None:
        super().__init__()
        self._port, self._accepted, self._label = port, accepted, label

    def run(self) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", self._port, timeout=30) as smtp:
                for number in range(MOST):
                    name = f"{self._label}-{number}"
                    mail = f"From: ada@bank.example\r\nTo: {BOB}\r\nMessage-ID: <{name}@bank.example>\r\n\r\n"
                    smtp.sendmail("ada@bank.example", [BOB, EVE, CAROL], mail.encode() + SECRET + b"\r\n")
                    self._accepted.append(name)
        except (OSError, smtplib.SMTPException):
            return


@pytest.fixture
def key_server(tmp_path: Path) -> Iterator[RealKeyServer]:
    with real_key_server.running(tmp_path) as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path, next_hop: NextHop, key_server: RealKeyServer) -> Iterator[Killed]:
    config, token = tmp_path / "gateway.toml", tmp_path / "token"
    text = TOML.format(relay=next_hop.port, keyserver=key_server.url)
    config.write_text(text.replace('level = "medium"', 'level = "medium"\ncarrier = "both"'))
    token.write_text(key_server.token)
    command = "from gateway.cli import main; main()"
    words = ["provision", "--config", config, "--token-file", token]
    subprocess.run([sys.executable, "-c", command, *words], check=True, capture_output=True)
    gateway = Killed(config)
    yield gateway
    gateway.end()


def name_of(mail: bytes) -> str:
    found = re.search(rb"Message-ID: <([\w-]+)@bank.example>", mail)
    assert found is not None
    return found[1].decode()


def stored_form(envelope: SecuredocFile) -> bytes:
    return envelope.policy.encode() + b"\n" + b"".join(envelope.payload)


def copy_of(message_id: UUID, envelope: SecuredocFile) -> bytes:
    """What the link in a notice leads to."""
    proof = possession_proof(envelope.envelope_secret, message_id)
    question = {"recipient": envelope.recipient, "possession_proof": b64u_encode(proof)}
    url = f"{envelope.server}/api/v1/copies/{message_id}"
    return urllib3.request("POST", url, body=json.dumps(question)).data


def test_killed_gateway_loses_nothing_and_registers_nothing_twice(
    gateway: Killed, next_hop: NextHop, key_server: RealKeyServer, tmp_path: Path
) -> None:
    """S26: nor does a notice go whose link leads nowhere."""
    accepted: list[str] = []
    mails = tmp_path / "queue" / "mails"
    enough = time.monotonic() + SECONDS
    for number in takewhile(lambda _: time.monotonic() < enough, range(ROUNDS)):
        gateway.start()
        before = len(accepted)
        senders = [Sender(gateway.port, accepted, label=f"{number}-{letter}") for letter in "ab"]
        for sender in senders:
            sender.start()
        next_hop.wait(lambda before=before: len(accepted) > before)
        time.sleep(random.uniform(0, 0.1))
        gateway.kill()
        for sender in senders:
            sender.join()
    gateway.start()
    next_hop.wait(lambda: not any(mails.iterdir()))
    gateway.kill()

    got: dict[str, set[str]] = defaultdict(set)
    ids: dict[str, set[bytes]] = defaultdict(set)
    envelopes: dict[UUID, SecuredocFile] = {}
    for mail in next_hop.mails:
        got[name_of(mail.data)].update(mail.recipients)
        if mail.recipients == (CAROL,):
            assert SECRET in mail.data
        else:
            assert SECRET not in mail.data
            securedoc = read_securedoc(mail.data[mail.data.index(b"<!") :])
            ids[name_of(mail.data)].add(securedoc.payload[0][16:32])
            envelopes[UUID(bytes=securedoc.payload[0][16:32])] = securedoc
    assert [name for name in accepted if got[name] != {BOB, EVE, CAROL}] == []
    assert [name for name, found in ids.items() if len(found) > 1] == []
    assert {found.hex() for ids_of_one in ids.values() for found in ids_of_one} == {
        message_id.replace("-", "") for message_id in key_server.message_ids()
    }
    assert [id for id, envelope in envelopes.items() if copy_of(id, envelope) != stored_form(envelope)] == []
