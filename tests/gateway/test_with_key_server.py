"""Gateway and key server together: what one says, the other understands."""

import json
import random
import re
import smtplib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default as email_policy
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
#: Any byte as a letter, digit or sign.
PRINTABLE = bytes(33 + byte % 94 for byte in range(256))


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


@contextmanager
def running(config: Path, provision: Callable[..., Result]) -> Iterator[Gateway]:
    assert provision("--token-file", str(config.parent / "token")).exit_code == 0
    gateway = Gateway(Settings.load(config))
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture
def gateway(config: Path, provision: Callable[..., Result]) -> Iterator[Gateway]:
    with running(config, provision) as gateway:
        yield gateway


def send(gateway: Gateway, *to: str, mail: bytes = MAIL, sender: str = "ada@bank.example") -> None:
    with smtplib.SMTP(gateway.address.host, gateway.address.port, timeout=30) as smtp:
        smtp.sendmail(sender, to, mail)


def ask(url: str, path: str, question: dict[str, str]) -> bytes:
    answer = urllib3.request(
        "POST", f"{url}/api/v1/{path}", body=json.dumps(question), headers={"Content-Type": "text/plain"}
    )
    assert answer.status in {200, 201}, answer.data
    return answer.data


def key_share(url: str, message_id: UUID, *, recipient: str, envelope_secret: bytes) -> bytes:
    """What a page asks for, level none: the key share for the recipient whose envelope it is."""
    proof = possession_proof(envelope_secret, message_id)
    page = Page(
        SealedMessage(id=message_id, key_share=b"", possession_proof=proof, registration=None), recipient
    )
    question = {
        "message": str(message_id),
        "recipient": recipient,
        "possession_proof": b64u_encode(proof),
        "opening": str(page.opening),
        "public_key": b64u_encode(page.public_key),
        "poll_sha256": b64u_encode(page.ask().poll_sha256),
    }
    released = json.loads(ask(url, "openings", question))
    assert released.get("state") == "released", released
    return page.open(
        Released(enc=b64u_decode(released["enc"]), sealed=b64u_decode(released["sealed"]), expires=None)
    )


def text_of(payload: Iterable[bytes], *, share: bytes, envelope_secret: bytes, policy: str) -> bytes:
    content = open_payload(payload, key_share=share, envelope_secret=envelope_secret, policy=policy)
    return b"".join(bytes(part.data) for part in content.parts if part.role == "text")


def read_file(url: str, notice: bytes) -> bytes:
    """What the page in a securedoc does."""
    file = read_securedoc(notice[notice.index(b"<!") :])
    message_id = UUID(bytes=file.payload[0][16:32])
    share = key_share(url, message_id, recipient=file.recipient, envelope_secret=file.envelope_secret)
    return text_of(file.payload, share=share, envelope_secret=file.envelope_secret, policy=file.policy)


def read_link(notice: bytes) -> bytes:
    """What the page behind a link does, with nothing but the link."""
    body = message_from_bytes(notice, policy=email_policy).get_body(("plain",))
    url, id_, secret, recipient = re.search(
        r"<(http://[^/]+)/read/([0-9a-f-]{36})#([\w-]{43})\.([\w-]+)>", body.get_content()
    ).groups()
    message_id, envelope_secret = UUID(id_), b64u_decode(secret, size=32)
    proof = b64u_encode(possession_proof(envelope_secret, message_id))
    address = b64u_decode(recipient).decode()
    copy = ask(url, f"copies/{message_id}", {"recipient": address, "possession_proof": proof})
    policy, _, payload = copy.partition(b"\n")
    share = key_share(url, message_id, recipient=address, envelope_secret=envelope_secret)
    return text_of([payload], share=share, envelope_secret=envelope_secret, policy=policy.decode())


def test_mail_goes_all_the_way_and_opens_for_each_recipient(
    gateway: Gateway, next_hop: NextHop, key_server: RealKeyServer
) -> None:
    """S5, S9, S14, S50, D10."""
    send(gateway, BOB, EVE)

    next_hop.wait(lambda: len(next_hop.mails) == 2)
    assert {mail.recipients for mail in next_hop.mails} == {(BOB,), (EVE,)}
    for mail in next_hop.mails:
        assert read_file(key_server.url, mail.data).rstrip() == b"Dear Bob, here it is."
    assert len(key_server.message_ids()) == 1


@pytest.mark.parametrize("carrier", ["link", "both"])
def test_link_in_the_notice_opens_for_each_recipient(
    carrier: str, config: Path, provision: Callable[..., Result], next_hop: NextHop, key_server: RealKeyServer
) -> None:
    """S26, S27: by the link alone, with no file."""
    config.write_text(config.read_text().replace('level = "none"', f'level = "none"\ncarrier = "{carrier}"'))
    with running(config, provision) as gateway:
        send(gateway, BOB, EVE)
        next_hop.wait(lambda: len(next_hop.mails) == 2)

    assert {mail.recipients for mail in next_hop.mails} == {(BOB,), (EVE,)}
    for mail in next_hop.mails:
        assert read_link(mail.data).rstrip() == b"Dear Bob, here it is."
        assert (b"securedoc.html" in mail.data) == (carrier == "both")
    assert len(key_server.message_ids()) == 1


def test_mail_too_large_to_attach_opens_by_its_link(
    config: Path, provision: Callable[..., Result], next_hop: NextHop
) -> None:
    """S21, S26: 25 MB, of which nothing can be compressed."""
    config.write_text(config.read_text().replace("queue_timeout", "link_above = 1_000_000\nqueue_timeout"))
    head = MAIL.replace(b"Message-ID", b"Content-Transfer-Encoding: 8bit\r\nMessage-ID").partition(b"Dear")[0]
    lines = [random.randbytes(500).translate(PRINTABLE) for _ in range(49_000)]
    with running(config, provision) as gateway:
        send(gateway, BOB, mail=head + b"\r\n".join(lines) + b"\r\n")
        next_hop.wait(lambda: len(next_hop.mails) == 1)

    assert len(next_hop.mails[0].data) < 20_000
    assert read_link(next_hop.mails[0].data).split() == lines


@pytest.mark.parametrize("level", ["proven", "high"])
def test_every_level_can_be_provisioned_and_registered(
    level: str, config: Path, provision: Callable[..., Result], next_hop: NextHop, key_server: RealKeyServer
) -> None:
    """S48, S71."""
    config.write_text(config.read_text().replace('level = "none"', f'level = "{level}"'))
    with running(config, provision) as gateway:
        send(gateway, BOB)
        next_hop.wait(lambda: len(next_hop.mails) == 1)

    assert next_hop.mails[0].recipients == (BOB,)
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
