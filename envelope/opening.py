"""From a payload and both halves of its key to the content; fetches nothing and asks nobody."""

from collections.abc import Sequence

from envelope.content import Content, Part
from envelope.ids import Data
from envelope.reading import PayloadReader


def open_payload(
    payload: Data | Sequence[Data], *, key_share: bytes, envelope_secret: bytes, policy: str | None = None
) -> Content:
    """The content of a payload, given whole or in pieces; `policy` is the text beside it, checked if given.

    Checks in the order of FORMAT.md section 6 and raises its errors: FormatError, UnsupportedVersionError,
    LimitExceededError, PayloadCorruptError, WrongKeyError. Allocates the payload's own size and a constant;
    payloads in pieces are joined first.
    """
    whole = memoryview(payload if isinstance(payload, Data) else b"".join(payload))
    reader = PayloadReader(
        lambda start, length: whole[start : start + length],
        size=len(whole),
        key_share=key_share,
        envelope_secret=envelope_secret,
        policy=policy,
    )
    parts = (
        Part(
            role=part.role,
            type=part.type,
            data=b"".join(reader.pieces(index)),
            name=part.name,
            id=part.id,
            group=part.group,
        )
        for index, part in enumerate(reader.parts)
    )
    return Content(headers=reader.headers, parts=tuple(parts))
