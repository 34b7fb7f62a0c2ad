"""The queue on disk: who may see it, who works on it, what is left after a crash."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from envelope.ids import uuid7
from gateway.control import Carrier, Control, Recipient, Stage, State
from gateway.errors import DamagedEntryError, EntryBusyError, NotInQueueError, QueueInUseError
from gateway.policy import CLEAR, Action, Treatment
from gateway.queue import Queue

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    queue = Queue(tmp_path / "queue")
    queue.open()
    yield queue
    queue.close()


def control(mail_id: UUID, **changes: object) -> Control:
    fields = {
        "id": mail_id,
        "arrived": NOW,
        "smtp_sender": "ada@bank.example",
        "sender": "ada@bank.example",
        "treatment": CLEAR,
        "recipients": (Recipient(address="bob@b.example"),),
        "next_attempt": NOW,
    }
    return Control(**(fields | changes))


def put(queue: Queue, mail: bytes = b"A: 1\r\n\r\nx\r\n", **changes: object) -> UUID:
    draft = queue.draft(uuid7())
    draft.file.write(mail)
    draft.commit([control(draft.id, **changes)])
    draft.discard()
    return draft.id


def test_mail_and_its_state_are_for_their_owner_alone(queue: Queue, tmp_path: Path) -> None:
    put(queue)

    for path in tmp_path.joinpath("queue").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) in {0o700, 0o600}, path


def test_control_file_comes_back_as_it_was() -> None:
    written = control(
        uuid7(),
        treatment=Treatment(Action.SEAL, "standard"),
        stage=Stage.SEALED,
        key_share=bytes(32),
        bounce_of=uuid7(),
        overrides=(("X-PostX-Use-Script", "false"),),
        carrier=Carrier.LINK,
        recipients=(
            Recipient(address="bob@b.example", state=State.FAILED, reason="refused", answer="550 é"),
        ),
    )

    assert Control.load(written.dump()) == written
    assert "key_share" not in repr(written)


def test_control_file_of_the_release_before_is_read() -> None:
    """Mail that waits when the gateway is updated goes on as it was to go."""
    written = control(uuid7(), treatment=Treatment(Action.SEAL, "standard"), stage=Stage.REGISTERED)
    fields = json.loads(written.dump()) | {"version": 1}
    del fields["overrides"], fields["carrier"]

    read = Control.load(json.dumps(fields).encode())

    assert read == written
    assert read.is_ready


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 3),
        ("carrier", "pigeon"),
        ("overrides", [["X-PostX-Use-Script"]]),
        ("action", "maybe"),
        ("action", "clear"),
        ("profile", None),
        ("stage", "done"),
        ("id", "1"),
    ],
)
def test_damaged_control_file_is_left_alone(key: str, value: object, queue: Queue, tmp_path: Path) -> None:
    """Whatever stands in it, a mail that was to be sealed does not become one that goes out in clear."""
    mail_id = put(queue, treatment=Treatment(Action.SEAL, "standard"))
    file = tmp_path / "queue" / "mails" / str(mail_id) / "control.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))

    with pytest.raises(DamagedEntryError), queue.claim(mail_id):
        pass
    assert list(queue.ids()) == [mail_id]


def test_mail_is_worked_on_by_one_at_a_time(queue: Queue) -> None:
    mail_id = put(queue)

    with queue.claim(mail_id), pytest.raises(EntryBusyError), queue.claim(mail_id):
        pass
    with queue.claim(mail_id):
        pass


CLAIM = """
import sys, pathlib, uuid
from gateway.errors import EntryBusyError
from gateway.queue import Queue
try:
    with Queue(pathlib.Path(sys.argv[1])).claim(uuid.UUID(sys.argv[2])):
        print("had it")
except EntryBusyError:
    print("busy")
"""


def test_lock_holds_against_other_processes(queue: Queue, tmp_path: Path) -> None:
    mail_id = put(queue)
    other = [sys.executable, "-c", CLAIM, str(tmp_path / "queue"), str(mail_id)]

    with queue.claim(mail_id):
        assert subprocess.run(other, check=True, capture_output=True).stdout == b"busy\n"
    assert subprocess.run(other, check=True, capture_output=True).stdout == b"had it\n"


def test_second_gateway_cannot_have_the_queue(queue: Queue, tmp_path: Path) -> None:
    with pytest.raises(QueueInUseError):
        Queue(tmp_path / "queue").open()


def test_mail_that_is_done_with_is_gone(queue: Queue) -> None:
    mail_id = put(queue)

    with queue.claim(mail_id) as entry:
        entry.remove()

    assert list(queue.ids()) == []
    with pytest.raises(NotInQueueError), queue.claim(mail_id):
        pass


def test_what_was_never_accepted_is_swept_at_start(queue: Queue, tmp_path: Path) -> None:
    accepted = put(queue)
    draft = queue.draft(uuid7())
    draft.file.write(b"half a mail")
    draft.file.close()
    queue.close()

    again = Queue(tmp_path / "queue")
    again.open()

    assert list(again.ids()) == [accepted]
    assert list(again.incoming.iterdir()) == []
    again.close()


def test_entry_that_is_there_already_stays_as_it_is(queue: Queue) -> None:
    mail_id = put(queue, b"first\r\n")
    draft = queue.draft(mail_id)
    draft.file.write(b"second\r\n")

    draft.commit([control(mail_id)])
    draft.discard()

    with queue.claim(mail_id) as entry, entry.open_mail() as mail:
        assert mail.read() == b"first\r\n"


def test_header_block_outlives_the_mail_in_clear(queue: Queue) -> None:
    mail_id = put(queue)

    with queue.claim(mail_id) as entry:
        before = entry.read_headers()
        entry.store_sealed(lambda file: file.write(b"the envelope"), headers=before)
        entry.forget_mail()
        entry.forget_mail()
        assert entry.read_headers() == before == b"A: 1\r\n"
        with entry.open_sealed() as sealed:
            assert sealed.read() == b"the envelope"


def test_failed_write_leaves_the_old_state(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    mail_id = put(queue)

    def broken(*_args: object) -> None:
        raise OSError(5, "Input/output error")

    with queue.claim(mail_id) as entry:
        monkeypatch.setattr("os.fsync", broken)
        with pytest.raises(OSError, match="Input/output"):
            entry.save(control(mail_id, attempts=7))
        monkeypatch.undo()

    assert queue.look(mail_id).attempts == 0
