"""The end of the way: an SMTP server on this machine that puts each mail into its recipient's Maildir."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.maildirs import Maildirs

#: An envelope is no bigger than its mail; this is more than twice the largest mail.
LIMIT = 64 * 1024 * 1024


class Sink:
    """What happens to a mail that arrives."""

    def __init__(self, maildirs: Maildirs) -> None:
        self._maildirs = maildirs

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        for address in envelope.rcpt_tos:
            self._maildirs.deliver(address, envelope.original_content or b"")
        return "250 2.0.0 Delivered"


@contextmanager
def listening(maildirs: Maildirs) -> Iterator[int]:
    """Listen on loopback in a thread of its own; the port is whichever was free."""
    controller = Controller(
        Sink(maildirs), hostname="127.0.0.1", port=_free_port(), data_size_limit=LIMIT, enable_SMTPUTF8=True
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
