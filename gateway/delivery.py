"""Brings a mail's copies to the next hop and notes what became of each recipient; makes no copy itself."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gateway.control import Recipient, State
from gateway.errors import TemporaryError
from gateway.queue import Entry
from gateway.relay import Answer, connect
from gateway.setting_values import HostPort

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One mail as it goes out, for the recipients that get this very one."""

    recipients: tuple[Recipient, ...]
    chunks: Iterable[bytes]
    utf8: bool


def deliver(
    entry: Entry, copies: Iterable[Copy], *, relay: HostPort, hostname: str, stopped: Callable[[], bool]
) -> None:
    """Send copies; after each, what was answered is on disk, so that a restart sends only the others.

    Raises TemporaryError if somebody is still waiting after all were tried.
    """
    with connect(relay, hostname=hostname) as connection:
        for copy in copies:
            addresses = [recipient.address for recipient in copy.recipients]
            answers = connection.send(entry.control.smtp_sender, addresses, copy.chunks, utf8=copy.utf8)
            settled = [_settle(recipient, answers[recipient.address]) for recipient in copy.recipients]
            entry.note(entry.control.with_recipients(*settled))
            for recipient in settled:
                log.info(
                    "mail %s id=%s to=%s: %s",
                    recipient.state,
                    entry.control.id,
                    recipient.address,
                    recipient.answer,
                )
            if stopped():
                return
    if waiting := entry.control.waiting:
        raise TemporaryError("relay", waiting[0].answer)


def _settle(recipient: Recipient, answer: Answer) -> Recipient:
    if answer.accepted:
        return replace(recipient, state=State.DELIVERED, answer=str(answer))
    if answer.permanent:
        return replace(
            recipient, state=State.FAILED, reason="refused", status=answer.status, answer=str(answer)
        )
    return replace(recipient, answer=str(answer))
