"""From a payload and both halves of its key to the content; fetches nothing and asks nobody."""

import hmac
from collections.abc import Sequence

from envelope import content, format, keys
from envelope.content import Content
from envelope.errors import FormatError, PayloadCorruptError
from envelope.ids import Data
from envelope.options import policy_digest


def open_payload(
    payload: Data | Sequence[Data], *, key_share: bytes, envelope_secret: bytes, policy: str | None = None
) -> Content:
    """The content of a payload, given whole or in pieces; `policy` is the text beside it, checked if given.

    Checks in the order of FORMAT.md section 6 and raises its errors: FormatError, UnsupportedVersionError,
    LimitExceededError, PayloadCorruptError, WrongKeyError. Allocates the payload's own size and a constant;
    payloads in pieces are joined first.
    """
    whole = memoryview(payload if isinstance(payload, Data) else b"".join(payload))
    header = format.Header.parse(whole)
    if len(whole) < format.PRELUDE_SIZE:
        raise FormatError("no key check")
    format.cleartext_size(len(whole), header.segment_size)
    if policy is not None and not hmac.compare_digest(policy_digest(policy), header.policy_digest):
        raise PayloadCorruptError("the policy is not the one that was sealed")
    key = keys.message_key(key_share, envelope_secret, header=header.pack(), algorithm=header.algorithm)
    key.confirm(bytes(whole[format.HEADER_SIZE : format.PRELUDE_SIZE]))
    return content.unpack(format.decrypt(whole[format.PRELUDE_SIZE :], header=header, key=key))
