"""Hands mails to the next hop over SMTP and says what it answered; decides nothing about them."""

import smtplib
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.errors import TemporaryError
from gateway.setting_values import HostPort

#: Seconds of silence after which the next hop counts as gone (RFC 5321 section 4.5.3.2 has minutes for some
#: steps; a mail that waited too short is tried again).
TIMEOUT = 300.0
MOST_ANSWER = 500
PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the next hop said about one recipient."""

    code: int
    text: str

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        return 500 <= self.code < 600

    @property
    def status(self) -> str:
        """The enhanced status code in the text, or the general one of its class (RFC 3463)."""
        first = self.text.split(" ", 1)[0]
        if first.count(".") == 2 and first.replace(".", "").isdigit():
            return first
        return "5.0.0" if self.permanent else "4.0.0"

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class Relay:
    """An open connection to the next hop."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self._smtp = smtp

    def send(
        self, sender: str, recipients: Iterable[str], chunks: Iterable[bytes], *, utf8: bool = False
    ) -> dict[str, Answer]:
        """Send one mail, in lines that end in CR LF; returns what was answered for each recipient.

        Raises TemporaryError when the connection breaks: then nobody knows whether the mail arrived.
        """
        recipients = tuple(recipients)
        try:
            return self._transaction(sender, recipients, chunks, utf8=utf8)
        except (OSError, smtplib.SMTPException) as error:
            raise _broken(error) from error

    def _transaction(
        self, sender: str, recipients: tuple[str, ...], chunks: Iterable[bytes], *, utf8: bool
    ) -> dict[str, Answer]:
        smtp = self._smtp
        if utf8 and not smtp.has_extn("smtputf8"):
            return dict.fromkeys(recipients, Answer(550, "5.6.7 the next server cannot take such addresses"))
        options = [*(["BODY=8BITMIME"] if smtp.has_extn("8bitmime") else []), *(["SMTPUTF8"] if utf8 else [])]
        begun = _answer(*smtp.mail(sender, options))
        if not begun.accepted:
            smtp.rset()
            return dict.fromkeys(recipients, begun)
        answers = {recipient: _answer(*smtp.rcpt(recipient)) for recipient in recipients}
        taken = [recipient for recipient, answer in answers.items() if answer.accepted]
        if taken:
            answers.update(dict.fromkeys(taken, self._data(chunks)))
        else:
            smtp.rset()
        return answers

    def _data(self, chunks: Iterable[bytes]) -> Answer:
        ready = _answer(*self._smtp.docmd("DATA"))
        if ready.code != 354:
            self._smtp.rset()
            return ready
        for piece in _gathered(_dotted(chunks)):
            self._smtp.send(piece)
        return _answer(*self._smtp.getreply())


@contextmanager
def connect(address: HostPort, *, hostname: str) -> Iterator[Relay]:
    """A greeted connection, ended properly if it can be. Raises TemporaryError."""
    smtp = smtplib.SMTP(local_hostname=hostname, timeout=TIMEOUT)
    try:
        try:
            code, text = smtp.connect(address.host, address.port)
            if code != 220:
                raise TemporaryError("relay", f"the next server answered {_answer(code, text)}")
            # Our last small packet would wait 40 ms for the other side to acknowledge the one before.
            if smtp.sock is not None:
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            smtp.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as error:
            raise _broken(error) from error
        yield Relay(smtp)
        _leave(smtp)
    finally:
        smtp.close()


def _leave(smtp: smtplib.SMTP) -> None:
    try:
        smtp.quit()
    except (OSError, smtplib.SMTPException):
        return  # everything was answered before: nothing depends on a farewell


def _broken(error: Exception) -> TemporaryError:
    return TemporaryError("relay", f"the connection to the next server failed: {error}"[:MOST_ANSWER])


def _answer(code: int, text: bytes) -> Answer:
    # One line of plain text, for a control file, a log and a bounce; 421 and nonsense alike mean «later».
    plain = " ".join(text.decode("utf-8", "replace").split())
    return Answer(code if 200 <= code < 600 else 451, "".join(filter(str.isprintable, plain))[:MOST_ANSWER])


def _dotted(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The mail as it goes over the wire (RFC 5321 section 4.5.2): leading dots doubled, and its end."""
    last = b"\r\n"
    for chunk in filter(None, chunks):
        if last.endswith(b"\n") and chunk.startswith(b"."):
            yield b"."
        yield chunk.replace(b"\n.", b"\n..")
        last = chunk[-2:]
    yield b".\r\n" if last.endswith(b"\n") else b"\r\n.\r\n"


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same in pieces worth a system call each."""
    piece: list[bytes] = []
    size = 0
    for chunk in chunks:
        piece.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            yield b"".join(piece)
            piece, size = [], 0
    yield b"".join(piece)
