"""Takes a mail into the queue: its trace, the policy's decision, the safe place on disk; speaks no SMTP."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import UUID

from envelope.ids import uuid7
from gateway import header_block, override_headers
from gateway.control import Control, Recipient
from gateway.errors import PermanentError
from gateway.policy import Action, Treatment
from gateway.queue import Draft, Queue
from gateway.setting_values import within
from gateway.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpEnvelope:
    """What SMTP said about a mail before its first byte. `smtp_sender` is "" for none."""

    peer: str
    helo: str
    smtp_sender: str
    recipients: tuple[str, ...]
    utf8: bool


class Intake:
    """Where accepted mail enters; `announce` hears of every mail that is in the queue."""

    def __init__(self, settings: Settings, queue: Queue, announce: Callable[[UUID], None]) -> None:
        self._settings = settings
        self._queue = queue
        self._announce = announce

    def begin(self, smtp_envelope: SmtpEnvelope) -> Draft:
        """A place for the mail, with its Received field in it. Raises OSError."""
        draft = self._queue.draft(uuid7())
        draft.file.write(self._received(draft.id, smtp_envelope))
        return draft

    def finish(self, draft: Draft, smtp_envelope: SmtpEnvelope) -> UUID:
        """Accept a mail that is complete: what this has returned is durable.

        Raises PermanentError for a mail that cannot be taken, OSError when the disk is to blame.
        """
        draft.file.seek(0)
        whole = header_block.read(draft.file)
        asked, block = override_headers.take(whole)
        hops, own = header_block.hops(block, self._settings.hostname)
        if hops > header_block.MOST_HOPS or own > header_block.MOST_OWN_HOPS:
            raise PermanentError("too-many-hops", status="5.4.6")
        sender = header_block.sender(block) or smtp_envelope.smtp_sender
        decision = self._settings.policy.decide(
            smtp_envelope.recipients, sender=sender, subjects=header_block.subjects(block)
        )
        if not sender and any(treatment.action is Action.SEAL for treatment in decision.groups):
            raise PermanentError("no-sender", status="5.1.7")
        plain = header_block.without_tags(block, decision.tags)
        if plain != whole:
            draft.replace_headers(whole, plain)
        if asked and not within(smtp_envelope.peer, self._settings.headers_from):
            log.warning("override headers do not count id=%s peer=%s", draft.id, smtp_envelope.peer)
            asked = ()
        controls = _controls(
            draft.id, decision.groups, sender=sender, asked=asked, smtp_envelope=smtp_envelope
        )
        draft.commit(controls)
        for control in controls:
            log.info("mail accepted %s", _summary(control))
            self._announce(control.id)
        return draft.id

    def _received(self, mail_id: UUID, smtp_envelope: SmtpEnvelope) -> bytes:
        helo = re.sub(r"[^\w.:\[\]-]", "?", smtp_envelope.helo, flags=re.ASCII)[:255]
        protocol = "UTF8SMTP" if smtp_envelope.utf8 else "ESMTP"
        return (
            f"Received: from {helo} ([{smtp_envelope.peer}])\r\n"
            f"\tby {self._settings.hostname} (Sealpost) with {protocol} id {mail_id};\r\n"
            f"\t{format_datetime(datetime.now(UTC))}\r\n"
        ).encode("ascii")


def _controls(
    first: UUID,
    groups: dict[Treatment, tuple[str, ...]],
    *,
    sender: str,
    asked: override_headers.Fields,
    smtp_envelope: SmtpEnvelope,
) -> list[Control]:
    """One entry for each treatment; the id that the client is told is the first's."""
    now = datetime.now(UTC)
    ids = [first, *(uuid7() for _ in range(len(groups) - 1))]
    return [
        Control(
            id=mail_id,
            arrived=now,
            smtp_sender=smtp_envelope.smtp_sender,
            sender=sender,
            treatment=treatment,
            recipients=tuple(Recipient(address=address) for address in addresses),
            utf8=smtp_envelope.utf8,
            overrides=asked,
            next_attempt=now,
        )
        for mail_id, (treatment, addresses) in zip(ids, groups.items(), strict=True)
    ]


def _summary(control: Control) -> str:
    return (
        f"id={control.id} from={control.smtp_sender or '<>'} recipients={len(control.recipients)} "
        f"policy={control.treatment.profile or control.treatment.action}"
    )
