"""Finds the end of a mail in what follows DATA and makes its lines regular; keeps no mail."""

import re

_END = b"\r\n.\r\n"
_LONE_LF = re.compile(rb"(?<!\r)\n")
_LONE_CR = re.compile(rb"\r(?!\n)")


class DataStream:
    """The octets of one mail as they come over SMTP (RFC 5321 section 4.5.2).

    Only CR LF . CR LF ends a mail. A bare LF becomes CR LF and a bare CR a space: a next hop that takes
    either for a line's end would otherwise read a second mail out of this one.
    """

    def __init__(self) -> None:
        self.ended = False
        #: What came after the mail's end: the client's next commands.
        self.rest = b""
        # DATA's own line ends with the CR LF that a mail of one dot needs before it.
        self._tail = b"\r\n"
        self._first = True

    def feed(self, chunk: bytes) -> bytes:
        """Take what came; give what is now certain of the mail, the dots that hid its own dots undone."""
        data = self._tail + chunk
        end = data.find(_END)
        if end >= 0:
            self.ended = True
            self.rest = data[end + len(_END) :]
            body = data[: end + 2]
        else:
            held = next((size for size in range(4, 0, -1) if data.endswith(_END[:size])), 0)
            body = data[: len(data) - held]
            self._tail = data[len(data) - held :]
        return self._regular(body)

    def _regular(self, body: bytes) -> bytes:
        body = body.replace(b"\r\n.", b"\r\n")
        pairs = body.count(b"\r\n")
        if body.count(b"\n") != pairs or body.count(b"\r") != pairs:
            body = _LONE_CR.sub(b" ", _LONE_LF.sub(b"\r\n", body))
        if self._first and body:
            self._first = False
            return body[2:]
        return body
