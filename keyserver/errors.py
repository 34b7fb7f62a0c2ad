"""Every way in which the key server says no; knows neither HTTP nor any human language."""

from datetime import datetime, timedelta
from math import ceil
from typing import ClassVar


class KeyServerError(Exception):
    """Root of all refusals.

    `counts`: the attempt itself has to stay on record although it failed. The request's transaction is then
    committed instead of rolled back: whoever raises such an error has written that record and nothing else.
    """

    code: ClassVar[str] = "server-error"
    counts: ClassVar[bool] = False


class SettingsError(KeyServerError):
    """The environment does not make a key server: the operator reads `faults`, all of them at once."""

    code = "settings"

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class KekMissingError(KeyServerError):
    """A key share is wrapped with a KEK that the settings lack: the operator puts that version back."""

    def __init__(self, version: int) -> None:
        super().__init__(f"no KEK of version {version} in the settings")
        self.version = version


class InboundError(KeyServerError):
    """Mail to the open address cannot come in: the operator mends SEALPOST_INBOUND_URL or what it names."""

    code = "inbound"

    def __init__(self, fault: OSError) -> None:
        super().__init__(f"mail cannot come in by SEALPOST_INBOUND_URL: {fault}")


class BadJsonError(KeyServerError):
    """The body is not one JSON object: the program that sent it needs mending."""

    code = "bad-json"


class InvalidFieldError(KeyServerError):
    """One value is not acceptable: `expected` says what would be (English, for programmers)."""

    code = "invalid-field"

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}")
        self.field = field
        self.expected = expected


class TooLargeError(KeyServerError):
    """The body has more than `limit` bytes: send less."""

    code = "too-large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class CrossOriginError(KeyServerError):
    """A form was sent from somebody else's page: the person starts again on ours."""

    code = "cross-origin"


class AuthenticationError(KeyServerError):
    """One answer for unknown address, wrong passphrase, inactive person, bad secret: prove who you are."""

    code = "unauthenticated"
    counts = True


class WrongScopeError(KeyServerError):
    """The secret is good, but not for this: use the one that was made for it."""

    code = "wrong-scope"


class SenderNotAllowedError(KeyServerError):
    """The sender's domain is not one of the account's: the operator adds it, or mends the gateway."""

    code = "sender-not-allowed"


class UnknownProfileError(KeyServerError):
    """The account has no such profile: the gateway provisions first."""

    code = "unknown-profile"


class ConflictError(KeyServerError):
    """This id already stands for something else: make a new one."""

    code = "conflict"


class NotFoundError(KeyServerError):
    """Nothing under this id for whoever asks; does not say whether it exists for others."""

    code = "not-found"


class NotEntitledError(KeyServerError):
    """The message is there, but not for this address or person: sign in with the address it was sent to."""

    code = "not-a-recipient"


class MessageLockedError(KeyServerError):
    """The sender paused opening; `reason` is the sender's own word on it. Only the sender can help."""

    code = "message-locked"

    def __init__(self, reason: str | None) -> None:
        super().__init__("the sender locked this message")
        self.reason = reason


class MessageExpiredError(KeyServerError):
    """The message could be opened until `expired_at`. Only the sender can help."""

    code = "message-expired"

    def __init__(self, expired_at: datetime) -> None:
        super().__init__(f"this message could be opened until {expired_at:%Y-%m-%d %H:%M} UTC")
        self.expired_at = expired_at


class GoneError(KeyServerError):
    """This opening is over (handed out or too old): click Open in the envelope again."""

    code = "gone"


class CopyMissingError(KeyServerError):
    """The copy was never stored, or its time is over: open the file again, or ask the sender."""

    code = "no-copy"


class CopyStoreError(KeyServerError):
    """The copy store does not answer or, `refused`, will not serve us: later; the operator mends `fault`."""

    code = "store-unavailable"

    def __init__(self, fault: str, *, refused: bool) -> None:
        super().__init__("the copy store cannot be used")
        self.fault = fault
        self.refused = refused


class ThrottledError(KeyServerError):
    """Too many attempts: try again after `retry_after`."""

    code = "throttled"

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(f"try again in {retry_after.total_seconds():.0f} seconds")
        self.retry_after = retry_after

    @property
    def seconds(self) -> int:
        """`retry_after` in whole seconds, at least one."""
        return max(1, ceil(self.retry_after.total_seconds()))


class PassphraseNeededError(KeyServerError):
    """This message asks for the passphrase each time, whatever is remembered: type it (S48)."""

    code = "passphrase-needed"


class PersonInactiveError(KeyServerError):
    """The operator has closed this person's access; told only to who has just proven the address."""

    code = "person-inactive"
    counts = True


class AddressLimitError(KeyServerError):
    """A person has as many further addresses as they may: they remove one first."""

    code = "address-limit"


class PassphraseTooWeakError(KeyServerError):
    """Choose another passphrase. `reason`: ``too-short``, ``too-long``, ``common`` or ``personal``."""

    code = "passphrase-too-weak"

    def __init__(self, reason: str) -> None:
        super().__init__(f"passphrase refused: {reason}")
        self.reason = reason


class CodeWrongError(KeyServerError):
    """Not the code that was mailed: look again; `tries_left` more tries."""

    code = "code-wrong"
    counts = True

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"{tries_left} tries left")
        self.tries_left = tries_left


class CodeSpentError(KeyServerError):
    """This code can no longer be used (ten wrong tries, used, too old, unknown): ask for a new one."""

    code = "code-spent"
    counts = True


class NoEnvelopeError(KeyServerError):
    """What was sent holds no envelope: get the file from the mail once more."""

    code = "no-envelope"


class FormChangedError(KeyServerError):
    """The file's form did not send what it was made to send: something on the way rewrote the file."""

    code = "form-changed"


class CutOffError(KeyServerError):
    """Only a part of the envelope arrived: send it again."""

    code = "cut-off"


class AlteredError(KeyServerError):
    """The envelope is not as it was sealed: get the file from the mail once more, or ask the sender."""

    code = "altered"


class NewerVersionError(KeyServerError):
    """An envelope of a later release than this server's: the operator updates it."""

    code = "unsupported-version"


class UnknownEnvelopeError(NotFoundError):
    """No message here belongs to this envelope, or its secret is not the envelope's: one answer for both."""

    code = "unknown-envelope"


class EnvelopeTooLargeError(TooLargeError):
    """An envelope that is larger than this server opens: open it in the browser."""

    code = "envelope-too-large"


class OnlineForbiddenError(KeyServerError):
    """The sender does not allow the server to open this message: open it in the browser."""

    code = "online-forbidden"


class VisitOverError(KeyServerError):
    """This way through Open Online was open for too long, or never was one: begin with the file again."""

    code = "visit-over"


class BusyError(KeyServerError):
    """As many files are on their way to slow readers as may be: try again in a moment."""

    code = "busy"


class LinkWrongError(KeyServerError):
    """Not the code that belongs to this link, or no such link: one answer; look into the mail again."""

    code = "link-wrong"
    counts = True


class LinkUsedError(KeyServerError):
    """This link opened its message once already: forward the mail once more."""

    code = "link-used"


class LinkExpiredError(KeyServerError):
    """This link is older than links live: forward the mail once more."""

    code = "link-expired"
