"""Gateway and key server together: what one says, the other understands."""

import json
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
import urllib3
from click.testing import CliRunner, Result

from envelope import b64u_decode, b64u_encode, open_payload, possession_proof, read_securedoc
from gateway.cli import main
from gateway.service import Gateway
from gateway.settings import Settings
from keyserver.openings import Released
from tests.factories import Page, SealedMessage
from tests.gateway import real_key_server
from tests.gateway.conftest import MAIL, TOML
from tests.gateway.neighbours import NextHop
from tests.gateway.real_key_server import RealKeyServer

BOB, EVE = "bob@sealed.example", "eve@sealed.example"


@pytest.fixture
def key_server(tmp_path: Path) -> Iterator[RealKeyServer]:
    with real_key_server.running(tmp_path) as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, next_hop: NextHop, key_server: RealKeyServer) -> Path:
    config = tmp_path / "gateway.toml"
    text = TOML.format(relay=next_hop.port, keyserver=key_server.url)
    config.write_text(text.replace('level = "medium"', 'level = "none"'))
    (tmp_path / "token").write_text(key_server.token)
    return config


@pytest.fixture
def provision(config: Path) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(main, ["provision", "--config", str(config), *words])


@pytest.fixture
def gateway(config: Path, provision: Callable[..., Result]) -> Iterator[Gateway]:
    assert provision("--token-file", str(config.parent / "token")).exit_code == 0
    gateway = Gateway(Settings.load(config))
    gateway.start()
    yield gateway
    gateway.stop()


def send(gateway: Gateway, *to: str, mail: bytes = MAIL, sender: str = "ada@bank.example") -> None:
    with smtplib.SMTP(gateway.address.host, gateway.address.port, timeout=30) as smtp:
        smtp.sendmail(sender, to, mail)


def ask(url: str, notice: bytes) -> bytes:
    """What the page in a securedoc does, level none: the key share for the recipient whose file it is."""
    start = notice.index(b"<!")
    securedoc = read_securedoc(notice[start:])
    message_id = UUID(bytes=securedoc.payload[0][16:32])
    proof = possession_proof(securedoc.envelope_secret, message_id)
    page = Page(
        SealedMessage(id=message_id, key_share=b"", possession_proof=proof, registration=None),
        securedoc.recipient,
    )
    question = {
        "message": str(message_id),
        "recipient": securedoc.recipient,
        "possession_proof": b64u_encode(proof),
        "opening": str(page.opening),
        "public_key": b64u_encode(page.public_key),
        "poll_sha256": b64u_encode(page.ask().poll_sha256),
    }
    answer = urllib3.request(
        "POST", f"{url}/api/v1/openings", body=json.dumps(question), headers={"Content-Type": "text/plain"}
    )
    released = answer.json()
    assert released.get("state") == "released", released
    share = page.open(Released(enc=b64u_decode(released["enc"]), sealed=b64u_decode(released["sealed"])))
    content = open_payload(
        securedoc.payload, key_share=share, envelope_secret=securedoc.envelope_secret, policy=securedoc.policy
    )
    return b"".join(bytes(part.data) for part in content.parts if part.role == "text")


def test_mail_goes_all_the_way_and_opens_for_each_recipient(
    gateway: Gateway, next_hop: NextHop, key_server: RealKeyServer
) -> None:
    """S5, S9, S14, S50, D10."""
    send(gateway, BOB, EVE)

    next_hop.wait(lambda: len(next_hop.mails) == 2)
    assert {mail.recipients for mail in next_hop.mails} == {(BOB,), (EVE,)}
    for mail in next_hop.mails:
        assert ask(key_server.url, mail.data).rstrip() == b"Dear Bob, here it is."
    assert len(key_server.message_ids()) == 1


def test_mail_of_a_foreign_sender_is_bounced_with_a_reason(gateway: Gateway, next_hop: NextHop) -> None:
    send(gateway, BOB, mail=MAIL.replace(b"ada@bank.example", b"eve@elsewhere.example"))

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == ("ada@bank.example",)
    assert b"multipart/report" in next_hop.mails[0].data


def test_provisioning_again_is_harmless(
    gateway: Gateway, provision: Callable[..., Result], config: Path
) -> None:
    """S71, S72."""
    secret = (config.parent / "secret").read_text()

    for words in ((), ("--profile", "strict")):
        result = provision(*words)
        assert result.exit_code == 0, result.output
        assert "profile strict: provisioned" in result.output
    assert (config.parent / "secret").read_text() == secret


def test_new_secret_takes_effect_in_the_running_gateway(
    gateway: Gateway, provision: Callable[..., Result], config: Path, next_hop: NextHop
) -> None:
    assert "secret written" in provision("--token-file", str(config.parent / "token")).output

    send(gateway, BOB)

    next_hop.wait(lambda: len(next_hop.mails) == 1)
    assert next_hop.mails[0].recipients == (BOB,)


def test_wrong_token_is_told_in_a_line(config: Path, provision: Callable[..., Result]) -> None:
    (config.parent / "token").write_text("not a token")

    result = provision("--token-file", str(config.parent / "token"))

    assert result.exit_code == 1
    assert "does not know this token" in result.output
    assert not (config.parent / "secret").exists()
