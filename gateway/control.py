"""What the queue knows of one mail besides its bytes, and its form in a control file; touches no file."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from envelope.ids import b64u_decode, b64u_encode
from gateway.override_headers import Fields
from gateway.policy import Action, Treatment

#: What this release writes. It reads version 1 too, which knew neither override headers nor links.
VERSION = 2


class Stage(StrEnum):
    """How far a mail has come. Mail that goes out in clear stays `ACCEPTED` until it is gone."""

    ACCEPTED = "accepted"
    SEALED = "sealed"
    REGISTERED = "registered"
    #: Registered, and its copy is at the key server; for mail that goes by link.
    STORED = "stored"


class Carrier(StrEnum):
    """How an envelope comes to its recipients (S26, S27)."""

    ATTACHMENT = "attachment"
    LINK = "link"
    BOTH = "both"


class State(StrEnum):
    """What became of one recipient. `FAILED` is final but not yet told to the sender; `BOUNCED` is told."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One recipient and, once failed, why: a reason's code, the status (RFC 3463), what was answered."""

    address: str
    state: State = State.WAITING
    reason: str = ""
    status: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One mail in the queue. `id` is its message id too, once it is sealed."""

    id: UUID
    arrived: datetime
    #: The SMTP envelope's sender, "" for none; and the address that recipients see.
    smtp_sender: str
    sender: str
    treatment: Treatment
    recipients: tuple[Recipient, ...]
    #: Whether the mail needs SMTPUTF8 at the next hop.
    utf8: bool = False
    #: What its headers ask of its envelope, as it came.
    overrides: Fields = ()
    #: Decided when it is sealed, for good.
    carrier: Carrier = Carrier.ATTACHMENT
    #: Set when this is the gateway's own report on another mail.
    bounce_of: UUID | None = None
    stage: Stage = Stage.ACCEPTED
    #: On disk from sealing to registration only.
    key_share: bytes | None = field(default=None, repr=False)
    attempts: int = 0
    next_attempt: datetime
    last_fault: str = ""

    @property
    def needs_copy(self) -> bool:
        """Whether a copy has to be stored before its notices may go."""
        return self.carrier is not Carrier.ATTACHMENT and self.stage is not Stage.STORED

    @property
    def is_ready(self) -> bool:
        """Whether all is done that a sealed mail's notices need."""
        return self.stage in {Stage.REGISTERED, Stage.STORED} and not self.needs_copy

    @property
    def waiting(self) -> tuple[Recipient, ...]:
        return self.in_state(State.WAITING)

    def in_state(self, state: State) -> tuple[Recipient, ...]:
        return tuple(recipient for recipient in self.recipients if recipient.state is state)

    def with_recipients(self, *changed: Recipient) -> "Control":
        by_address = {recipient.address: recipient for recipient in changed}
        return replace(self, recipients=tuple(by_address.get(each.address, each) for each in self.recipients))

    def fail(self, *, reason: str, status: str, answer: str = "") -> "Control":
        """The same with every waiting recipient failed for one reason; an answer of its own is kept."""
        return self.with_recipients(
            *(
                replace(each, state=State.FAILED, reason=reason, status=status, answer=each.answer or answer)
                for each in self.waiting
            )
        )

    def dump(self) -> bytes:
        return json.dumps(_to_json(self), indent=1).encode("ascii")

    @classmethod
    def load(cls, data: bytes) -> "Control":
        """Raises ValueError for whatever `dump` has not written."""
        try:
            return _from_json(json.loads(data))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a control file: {error!r}") from error


def _to_json(control: Control) -> dict[str, Any]:
    return {
        "version": VERSION,
        "id": str(control.id),
        "arrived": control.arrived.isoformat(),
        "smtp_sender": control.smtp_sender,
        "sender": control.sender,
        "action": control.treatment.action,
        "profile": control.treatment.profile,
        "recipients": [
            {
                "address": r.address,
                "state": r.state,
                "reason": r.reason,
                "status": r.status,
                "answer": r.answer,
            }
            for r in control.recipients
        ],
        "utf8": control.utf8,
        "overrides": control.overrides,
        "carrier": control.carrier,
        "bounce_of": str(control.bounce_of) if control.bounce_of else None,
        "stage": control.stage,
        "key_share": b64u_encode(control.key_share) if control.key_share else None,
        "attempts": control.attempts,
        "next_attempt": control.next_attempt.isoformat(),
        "last_fault": control.last_fault,
    }


def _from_json(data: dict[str, Any]) -> Control:
    if data["version"] not in {1, VERSION}:
        raise ValueError(f"a control file of version {data['version']!r}")
    if data["version"] == 1:
        data = data | {"overrides": [], "carrier": Carrier.ATTACHMENT}
    return Control(
        id=UUID(data["id"]),
        arrived=datetime.fromisoformat(data["arrived"]),
        smtp_sender=data["smtp_sender"],
        sender=data["sender"],
        treatment=Treatment(Action(data["action"]), data["profile"]),
        recipients=tuple(Recipient(**{**row, "state": State(row["state"])}) for row in data["recipients"]),
        utf8=data["utf8"],
        overrides=tuple((str(name), str(value)) for name, value in data["overrides"]),
        carrier=Carrier(data["carrier"]),
        bounce_of=UUID(data["bounce_of"]) if data["bounce_of"] else None,
        stage=Stage(data["stage"]),
        key_share=b64u_decode(data["key_share"], size=32) if data["key_share"] else None,
        attempts=data["attempts"],
        next_attempt=datetime.fromisoformat(data["next_attempt"]),
        last_fault=data["last_fault"],
    )
