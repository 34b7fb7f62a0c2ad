"""The operator's command, as an operator types it."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from envelope.ids import b64u_encode
from keyserver import accounts, cli, gateways
from keyserver.db import Database
from keyserver.models import Account
from tests.factories import KEY, SealedMessage, make_message, make_person, make_profile

Run = Callable[..., Result]


@pytest.fixture
def environ(empty_database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "SEALPOST_PRODUCTION": "false",
        "SEALPOST_DATABASE_URL": empty_database_url,
        "SEALPOST_KEKS": f"1:{b64u_encode(bytes(range(32)))}",
        "SEALPOST_MAIL_URL": f"maildir:{tmp_path}/mail",
    }


@pytest.fixture
def run(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def invoke(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli.main, words)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def database(run: Run, empty_database_url: str) -> Iterator[Database]:
    """Upgraded, with the account that an operator made."""
    run("db", "upgrade")
    run("account", "create", "Bank A", "--domain", "a.example", "--admin", "admin@a.example")
    database = Database(empty_database_url)
    yield database
    database.dispose()


@pytest.fixture
def message(database: Database) -> SealedMessage:
    now = datetime.now(UTC)
    with database.writing() as db:
        account = _account(db)
        gateways.provision(
            db,
            gateways.Caller(account, None),
            name="mx1.a.example",
            administrator="admin@a.example",
            wanted=[make_profile()],
            now=now,
            key=KEY,
        )
        return make_message(db, account, now=now)


def _account(db: object) -> Account:
    found = accounts.named(db, "Bank A")  # type: ignore[arg-type]  # a session
    assert found is not None
    return found


def test_created_account_has_a_token_that_works(run: Run, database: Database) -> None:
    token = run("account", "token", "Bank A").output.strip()

    with database.writing() as db:
        caller = gateways.authenticate(db, token, scope=gateways.PROVISION, now=datetime.now(UTC))
    assert caller.account.name == "Bank A"
    assert run("account", "list").output == "Bank A\ta.example\n"


def test_refusal_is_one_line(run: Run, database: Database) -> None:
    result = run("account", "create", "Bank B", "--domain", "a.example", code=1)

    assert result.output == "sealpost: a.example belongs to another account\n"


def test_faults_of_the_settings_are_told_all_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALPOST_THREADS", "many")
    monkeypatch.setenv("SEALPOST_KEKS", "1")

    lines = run("db", "upgrade", code=78).output.splitlines()

    assert [line.split()[1] for line in lines] == ["SEALPOST_KEKS", "SEALPOST_THREADS"]


@pytest.mark.parametrize("command", ["run", "worker"])
def test_nothing_starts_on_a_database_that_is_not_upgraded(run: Run, command: str) -> None:
    assert "run `sealpost db upgrade` first" in run(command, code=1).output


@pytest.mark.parametrize("command", ["run", "worker"])
def test_nothing_starts_on_a_copy_store_that_refuses(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SEALPOST_COPIES_URL", "file:///proc/nowhere")

    assert "SEALPOST_COPIES_URL: the copy store cannot be used: " in run(command, code=1).output


def test_copy_store_that_does_not_answer_is_told_and_nothing_waits_for_it(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALPOST_COPIES_URL", "s3://id:hunter2@copies?endpoint=http://127.0.0.1:1")
    command = [sys.executable, "-c", "from keyserver.cli import main; main()", "worker"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "sealpost worker runs\n"
        worker.terminate()
        _output, complaint = worker.communicate()

    assert complaint.startswith("sealpost: SEALPOST_COPIES_URL: the copy store cannot be used: ")
    assert "hunter2" not in complaint


@pytest.mark.usefixtures("database")
def test_worker_tells_why_no_mail_comes_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEALPOST_COPIES_URL", (tmp_path / "copies").as_uri())
    monkeypatch.setenv("SEALPOST_OPEN_ADDRESS", "open@a.example")
    monkeypatch.setenv("SEALPOST_INBOUND_URL", f"maildir:{tmp_path}/file/open")
    command = [sys.executable, "-c", "from keyserver.cli import main; main()", "worker"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert done.stderr.startswith("sealpost: mail cannot come in by SEALPOST_INBOUND_URL: ")


def test_gateway_is_listed_and_revoked(run: Run, message: SealedMessage) -> None:
    listed = run("gateway", "list").output
    gateway_id = listed.split("\t")[0]

    assert listed.endswith("Bank A\tmx1.a.example\tactive\n")
    run("gateway", "revoke", gateway_id)
    assert "\trevoked " in run("gateway", "list").output
    run("gateway", "revoke", str(uuid4()), code=1)


def test_message_is_locked_unlocked_and_expired(run: Run, message: SealedMessage) -> None:
    """S124: set, change, remove expiry after sending."""
    states = []
    for words in (
        ["lock", "--reason", "Wrong figures"],
        ["unlock"],
        ["expire"],
        ["expire", "--never"],
        ["expire", "2999-01-01"],
    ):
        run("message", words[0], str(message.id), *words[1:])
        shown = run("message", "show", str(message.id)).output
        states.append(re.findall(r"state\t(\w+)", shown)[0])

    assert states == ["locked", "open", "expired", "open", "open"]
    assert "to\tbob@b.example\topened never" in shown
    assert "expires\t2999-01-01 00:00:00 UTC" in shown


def test_person_is_shown_and_kept_out(run: Run, database: Database) -> None:
    with database.writing() as db:
        make_person(db, now=datetime.now(UTC))

    assert "name\tRobert Baker" in run("person", "show", "bob@b.example").output
    assert "passphrase\tnot set yet" in run("person", "show", "admin@a.example").output
    run("person", "deactivate", "bob@b.example")
    assert "active\tno" in run("person", "show", "bob@b.example").output
    run("person", "activate", "bob@b.example")
    assert "active\tyes" in run("person", "show", "bob@b.example").output
    run("person", "show", "eve@e.example", code=1)


def test_key_is_rotated_and_the_old_one_retired(
    run: Run, message: SealedMessage, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no older version is in use" in run("kek", "status").output
    new = f"2:{b64u_encode(bytes([7]) * 32)}"
    monkeypatch.setenv("SEALPOST_KEKS", f"{environ['SEALPOST_KEKS']} {new}")
    assert "still in use: 1" in run("kek", "status", code=1).output

    assert "1 key shares moved to KEK version 2" in run("kek", "rotate").output

    monkeypatch.setenv("SEALPOST_KEKS", new)
    assert "KEK version 2\t1 key shares\n" in run("kek", "status").output


def test_retiring_a_key_in_use_is_found_out(
    run: Run, message: SealedMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALPOST_KEKS", f"2:{b64u_encode(bytes([7]) * 32)}")

    assert "KEK version 1\t1 key shares\tNOT IN THE SETTINGS" in run("kek", "status", code=1).output
    assert run("kek", "rotate", code=1).output == "sealpost: no KEK of version 1 in the settings\n"


def test_trail_is_verified(run: Run, message: SealedMessage) -> None:
    lines = run("audit", "verify").output.splitlines()

    assert len(lines) == 2
    assert all(re.fullmatch(r"\S+\t\d+ entries\t[0-9a-f]{64}", line) for line in lines)
