"""The form that a file posts to Open Online, read as it comes; judges no envelope and stores nothing.

Its fields come in the order of FORMAT.md: a few words first, then the payload in many inputs `p`, of which
one at a time is held. A cut or rewritten form raises, wherever that shows.
"""

from collections.abc import Iterator
from hashlib import sha256

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from envelope.errors import FormatError
from envelope.format import MAX_SEGMENT_SIZE, TAG_SIZE
from envelope.ids import b64u_decode
from keyserver.errors import (
    AlteredError,
    CutOffError,
    EnvelopeTooLargeError,
    FormChangedError,
    NoEnvelopeError,
)

#: Bytes of a whole form: mails of 25 MB, the most that a gateway takes, make forms of 36 MB.
MOST = 64 * 1024 * 1024
#: What is read at a time, and what the decoder may hold.
CHUNK = 128 * 1024
#: A field's text: base64 of a segment and its line ends.
MOST_OF_SEGMENT = (MAX_SEGMENT_SIZE + TAG_SIZE) * 3 // 2
MOST_OF_WORD = 4_096
MOST_FIELDS = 20_000

WORDS = ("recipient", "secret", "digest", "locale")
_SPACE = b" \t\r\n"
_PAYLOAD = "p"


class PostedEnvelope:
    """What was posted: first `read_words`, then, once, `payload`."""

    def __init__(self, request: Request) -> None:
        self._words: dict[str, str] = {}
        self._fields = _fields(request)
        #: The first input: header and key check.
        self.prelude = b""

    def read_words(self) -> None:
        """Read up to the payload.

        Raises FormChangedError, EnvelopeTooLargeError, CutOffError, NoEnvelopeError, AlteredError.
        """
        for name, text in self._fields:
            if name == _PAYLOAD:
                self.prelude = _decoded(text)
                break
            if name in WORDS:
                self._words.setdefault(name, text.decode("utf-8", "replace"))
        else:
            raise NoEnvelopeError

    def __repr__(self) -> str:
        return "PostedEnvelope()"

    @property
    def recipient(self) -> str:
        """The address that the file was made for."""
        return self._words.get("recipient", "")

    @property
    def locale(self) -> str:
        """The language that the file is written in."""
        return self._words.get("locale", "")

    @property
    def secret(self) -> bytes:
        """The envelope secret. Raises AlteredError."""
        return self._bytes("secret")

    def payload(self) -> Iterator[bytes]:
        """All of it, piece by piece. Raises CutOffError, AlteredError when it is not what was sealed."""
        expected = self._bytes("digest")
        digests = sha256(sha256(self.prelude).digest())
        yield self.prelude
        for name, text in self._fields:
            if name == _PAYLOAD:
                piece = _decoded(text)
                digests.update(sha256(piece).digest())
                yield piece
        if digests.digest() != expected:
            raise AlteredError

    def _bytes(self, name: str) -> bytes:
        try:
            return b64u_decode("".join(self._words.get(name, "").split()), size=32)
        except FormatError:
            raise AlteredError from None


def _fields(request: Request) -> Iterator[tuple[str, bytes]]:
    """Name and text of each field, one at a time."""
    name, text, limit = "", bytearray(), 0
    payload_begun = False
    for event in _events(request):
        if isinstance(event, Field | File):
            name, text = "" if isinstance(event, File) else event.name or "", bytearray()
            limit = MOST_OF_SEGMENT if name == _PAYLOAD and payload_begun else MOST_OF_WORD
            payload_begun |= name == _PAYLOAD
        elif isinstance(event, Data):
            text += event.data
            if len(text) > limit:
                raise NoEnvelopeError
            if not event.more_data:
                yield name, bytes(text)


def _events(request: Request) -> Iterator[Event]:
    """What the decoder makes of the body; it ends whole or raises."""
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise FormChangedError
    decoder = MultipartDecoder(boundary.encode(), max_form_memory_size=4 * CHUNK, max_parts=MOST_FIELDS)
    for chunk in _chunks(request):
        try:
            decoder.receive_data(chunk)
            while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
                yield event
        except RequestEntityTooLarge:
            raise NoEnvelopeError from None
        except ValueError:
            raise (FormChangedError if chunk else CutOffError) from None


def _chunks(request: Request) -> Iterator[bytes | None]:
    """The body, None at its end. Raises EnvelopeTooLargeError, as soon as it is clear, CutOffError."""
    request.max_content_length = MOST
    try:
        stream = request.stream
        while chunk := stream.read(CHUNK):
            yield chunk
    except RequestEntityTooLarge:
        raise EnvelopeTooLargeError(MOST) from None
    except (ClientDisconnected, OSError):
        raise CutOffError from None
    yield None


def _decoded(text: bytes) -> bytes:
    try:
        return b64u_decode(text.translate(None, _SPACE))
    except FormatError:
        raise AlteredError from None
