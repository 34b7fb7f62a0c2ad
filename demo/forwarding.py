"""Forwards a mail to the key server's open address, as a mail program does; shows nothing."""

import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import urlsplit

from demo.maildirs import parse


class Forwarder:
    """Whom forwarded mail goes to, and by which server."""

    def __init__(self, mail_url: str, open_address: str) -> None:
        server = urlsplit(mail_url)
        self._host, self._port = server.hostname or "127.0.0.1", server.port or 25
        self.open_address = open_address

    def forward(self, content: bytes, *, sender: str) -> None:
        """Send a mail on, whole, as an attachment. Raises OSError, SMTPException."""
        original = parse(content)
        mail = EmailMessage()
        mail["From"], mail["To"] = sender, self.open_address
        mail["Subject"] = f"Fwd: {original['Subject'] or ''}"
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
        mail.set_content("I cannot open this.\n")
        mail.add_attachment(original)
        with smtplib.SMTP(self._host, self._port) as smtp:
            smtp.send_message(mail, sender, [self.open_address])
