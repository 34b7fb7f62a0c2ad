"""What can go wrong in the gateway, in classes that know no SMTP line and no language."""

from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb


def where(error: BaseException) -> str:
    """An unexpected error for the log: its class and place. Its text may hold what a mail holds."""
    frames = extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return f"{type(error).__name__} at {place}"


class GatewayError(Exception):
    """Root of all of the gateway's errors; `code` is a stable slug for logs and programs."""

    code = "gateway"


class SettingsError(GatewayError):
    """The settings cannot be used: the operator corrects gateway.toml; `faults` are all that it has."""

    code = "settings"

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class QueueInUseError(GatewayError):
    """Another gateway works on this queue: the operator stops it, or names another folder."""

    code = "queue-in-use"


class ProvisioningError(GatewayError):
    """The key server did not take the gateway or a profile: the operator reads why and tries again."""

    code = "provisioning"


class TemporaryError(GatewayError):
    """It may work later, with this mail as it is; `retry_after` is in seconds, if known."""

    def __init__(self, code: str, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text
        self.retry_after = retry_after


class PermanentError(GatewayError):
    """It will never work for this mail: its sender is told. `status` is an enhanced code (RFC 3463)."""

    def __init__(self, code: str, text: str = "", *, status: str = "5.0.0") -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text
        self.status = status


class NotInQueueError(GatewayError):
    """No such mail is in the queue: it was done with, or never there."""

    code = "not-in-queue"


class EntryBusyError(GatewayError):
    """Somebody else works on this mail right now: try again in a moment."""

    code = "busy"


class DamagedEntryError(GatewayError):
    """A control file is not as this release writes it: the operator looks at it; the mail stays."""

    code = "damaged"
