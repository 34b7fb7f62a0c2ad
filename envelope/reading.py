"""A payload read piece by piece, wherever it lies; knows neither file nor store, holds a few segments."""

import hmac
from collections.abc import Iterator, Mapping

from envelope import content, format, keys
from envelope.content import StoredPart
from envelope.errors import FormatError, PayloadCorruptError
from envelope.ids import Data
from envelope.options import policy_digest


class PayloadReader:
    """The content of a payload of `size` bytes, of which only what is asked for is read and decrypted.

    `read(start, length)` gives so many bytes from a place in the payload; `policy` is the text beside it,
    checked if given. Everything up to the manifest is checked at once, in the order of FORMAT.md section 6,
    and so is that nothing was cut off. Raises FormatError, UnsupportedVersionError, LimitExceededError,
    PayloadCorruptError, WrongKeyError.
    """

    def __init__(
        self,
        read: format.ReadPayload,
        *,
        size: int,
        key_share: bytes,
        envelope_secret: bytes,
        policy: str | None = None,
    ) -> None:
        prelude = bytes(read(0, min(size, format.PRELUDE_SIZE)))
        self.header = format.Header.parse(prelude)
        if len(prelude) < format.PRELUDE_SIZE:
            raise FormatError("no key check")
        cleartext_size = format.cleartext_size(size, self.header.segment_size)
        if policy is not None and not hmac.compare_digest(policy_digest(policy), self.header.policy_digest):
            raise PayloadCorruptError("the policy is not the one that was sealed")
        key = keys.message_key(
            key_share, envelope_secret, header=self.header.pack(), algorithm=self.header.algorithm
        )
        key.confirm(prelude[format.HEADER_SIZE :])
        self._segments = format.Segments(read, size=cleartext_size, header=self.header, key=key)
        self._segments.check_end()
        self._manifest = content.read_manifest(self._segments.pieces, cleartext_size)

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields a reader is shown."""
        return self._manifest.headers

    @property
    def parts(self) -> tuple[StoredPart, ...]:
        """What parts there are, in the mail's order."""
        return self._manifest.parts

    def pieces(self, index: int) -> Iterator[Data]:
        """The decoded bytes of one part: a piece for each segment it touches; a deflated part in one.

        Raises PayloadCorruptError for a segment that was altered or moved, FormatError.
        """
        return content.read_part(self._segments.pieces, self.parts[index])
