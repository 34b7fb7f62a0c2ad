"""The end of the way: an SMTP server on this machine that puts each mail where it belongs."""

import mailbox
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.maildirs import Maildirs
from demo.organisation import OPEN_ADDRESS, Place

#: An envelope is no bigger than its mail; this is more than twice the largest mail.
LIMIT = 64 * 1024 * 1024


class Sink:
    """What happens to a mail that arrives: people's goes into their Maildirs, the open address's aside."""

    def __init__(self, place: Place) -> None:
        self._maildirs = Maildirs(place.mail)
        self._inbound = mailbox.Maildir(place.inbound, create=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.original_content or b""
        for address in envelope.rcpt_tos:
            if address.lower() == OPEN_ADDRESS:
                # As every mail server notes when it delivers (RFC 5321 section 4.4).
                self._inbound.add(f"Return-Path: <{envelope.mail_from or ''}>\r\n".encode() + content)
            else:
                self._maildirs.deliver(address, content)
        return "250 2.0.0 Delivered"


@contextmanager
def listening(place: Place) -> Iterator[int]:
    """Listen on loopback in a thread of its own; the port is whichever was free."""
    controller = Controller(
        Sink(place), hostname="127.0.0.1", port=_free_port(), data_size_limit=LIMIT, enable_SMTPUTF8=True
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
