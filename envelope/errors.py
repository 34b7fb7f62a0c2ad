"""What can go wrong with an envelope; knows no language and no transport."""

from typing import ClassVar


class EnvelopeError(Exception):
    """Root of this package's errors; `code` is stable and what programs go by (FORMAT.md section 6)."""

    code: ClassVar[str] = "envelope"


class FormatError(EnvelopeError):
    """These bytes are no envelope, or their lengths and counts do not fit each other: get the file again."""

    code = "format"


class UnsupportedVersionError(EnvelopeError):
    """A version or algorithm newer than this opener: update it."""

    code = "unsupported-version"


class LimitExceededError(EnvelopeError):
    """Larger than the format allows: an opener refuses it, a sender makes the mail smaller."""

    code = "limit-exceeded"


class WrongKeyError(EnvelopeError):
    """The key share or the envelope secret belongs to another envelope."""

    code = "wrong-key"


class PayloadCorruptError(EnvelopeError):
    """The payload or its policy was altered or cut on the way: get the file again."""

    code = "payload-corrupt"


class OptionsError(EnvelopeError):
    """These options contradict each other; whoever set them has to change one."""

    code = "options"


class MailError(EnvelopeError):
    """This mail cannot become an envelope, whoever tries; the sender has to change it."""

    code = "mail"


class AddressError(EnvelopeError):
    """This is no mail address."""

    code = "address"


class BrandError(EnvelopeError):
    """A name, colour, link or logo that pages cannot show; the message tells the administrator which."""

    code = "brand"
