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
