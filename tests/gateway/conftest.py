"""A gateway that runs for one test, between a next hop and a key server that do as they are told."""

import smtplib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.service import Gateway
from gateway.settings import Retry, Settings
from tests.gateway.neighbours import NextHop, ScriptedKeyServer

TOML = """
[gateway]
listen = "127.0.0.1:0"
hostname = "mx1.bank.example"
queue = "queue"
relay = "127.0.0.1:{relay}"
max_size = "25 MB"
workers = 2

[keyserver]
url = "{keyserver}"
secret_file = "secret"

[administrator]
address = "postmaster@bank.example"

[profiles.standard]
level = "medium"
queue_timeout = "1h"
brand.name = "Example Bank"
brand.colour = "#0a5c8f"

[profiles.strict]
level = "high"
algorithm = "AES-192"
show_subject = true
expires_after = "30d"
brand.name = "Example Bank"
brand.colour = "#0a5c8f"

[[rules]]
subject_tag = "[secure]"
profile = "strict"

[[rules]]
recipient = ["*@sealed.example", "*@*.sealed.example"]
profile = "standard"

[policy]
default = "clear"
"""

MAIL = (
    b"From: Ada <ada@bank.example>\r\nTo: bob@sealed.example\r\nSubject: Offer\r\n"
    b"Date: Mon, 23 Nov 2026 18:00:00 +0100\r\nMessage-ID: <1@bank.example>\r\n\r\nDear Bob, here it is.\r\n"
)

#: Days pass in no test.
IMPATIENT = Retry(
    first=timedelta(milliseconds=50), most=timedelta(milliseconds=50), give_up=timedelta(minutes=1)
)

StartGateway = Callable[..., Gateway]
Send = Callable[..., dict[str, tuple[int, bytes]]]


@pytest.fixture
def next_hop() -> Iterator[NextHop]:
    hop = NextHop().start()
    yield hop
    hop.stop()


@pytest.fixture
def key_server() -> Iterator[ScriptedKeyServer]:
    server = ScriptedKeyServer().start()
    yield server
    server.stop()


@pytest.fixture
def toml(tmp_path: Path, next_hop: NextHop, key_server: ScriptedKeyServer) -> str:
    (tmp_path / "secret").write_text("the-gateways-own-secret\n")
    return TOML.format(relay=next_hop.port, keyserver=key_server.url)


@pytest.fixture
def start_gateway(tmp_path: Path, toml: str) -> Iterator[StartGateway]:
    """Start a gateway; each pair of texts replaces something in its settings."""
    running: list[Gateway] = []

    def start(*changes: tuple[str, str], retry: Retry = IMPATIENT) -> Gateway:
        text = toml
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        settings = replace(Settings.parse(text, folder=tmp_path), retry=retry)
        gateway = Gateway(settings)
        gateway.start()
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        gateway.stop()


@pytest.fixture
def gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway()


@pytest.fixture
def send(gateway: Gateway) -> Send:
    """Send a mail over SMTP, as any client does."""

    def send(mail: bytes = MAIL, *to: str, sender: str = "ada@bank.example") -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP(gateway.address.host, gateway.address.port, timeout=30) as smtp:
            return smtp.sendmail(sender, to or ["bob@sealed.example"], mail)

    return send


@pytest.fixture
def entries(tmp_path: Path) -> Callable[[], list[Path]]:
    """The folders of the mails that are in the queue."""
    return lambda: sorted((tmp_path / "queue" / "mails").iterdir())
