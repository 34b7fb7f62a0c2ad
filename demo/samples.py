"""The sample mails, and how they are sent: by SMTP, as any mail program would; sees nothing of the rest."""

import random
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, make_msgid
from pathlib import Path

FOLDER = Path(__file__).parent / "mails"
#: The large one's attachments: a table that travels as it is, and pictures that travel as base64.
TABLE_BYTES = 13_000_000
PHOTOGRAPH_BYTES = 2_500_000
PHOTOGRAPHS = ("Roof from the north.jpg", "Roof from the street.jpg", "Chimney.jpg")

LARGE_TEXT = """\
Dear Emil,

here is all that the surveyor took home: the readings of the moisture sensors
in your roof, minute by minute since April, and her three photographs. It is
rather much, about 20 MB.

In short: the roof is sound, and only the flashing around the chimney wants
renewing before the winter.

Kind regards
Owen Hart
Home insurance, Tidewater Mutual
"""


def samples() -> Iterator[tuple[str, bytes]]:
    """Each sample's name and the mail, without Date and Message-ID: those come with the sending."""
    for path in sorted(FOLDER.glob("*.eml")):
        yield path.stem, path.read_bytes()
    yield "07-large", large()


def large() -> bytes:
    """A mail with 20 MB of attachments, the same in every run."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = "Owen Hart <owen.hart@tidewater.example>"
    mail["To"] = "Emil Berg <emil.berg@post.example>"
    mail["Subject"] = "Your roof: all readings and photographs"
    mail.set_content(LARGE_TEXT)
    mail.add_attachment(_table(), subtype="csv", filename="Moisture April to November.csv", cte="7bit")
    chance = random.Random("photographs")  # noqa: S311 - bytes that nobody can compress, nothing secret
    for name in PHOTOGRAPHS:
        picture = b"\xff\xd8\xff\xe0" + chance.randbytes(PHOTOGRAPH_BYTES - 6) + b"\xff\xd9"
        mail.add_attachment(picture, "image", "jpeg", filename=name)
    return mail.as_bytes()


def _table() -> str:
    chance = random.Random("moisture")  # noqa: S311 - as above
    row = "{day:03}.{minute:04},north {0:.4f},south {1:.4f},chimney {2:.4f}\r\n"
    rows = ["day and minute,percent,percent,percent\r\n"]
    length = len(rows[0])
    for count in range(TABLE_BYTES):
        readings = (chance.gauss(11, 1), chance.gauss(10, 1), chance.gauss(15, 2))
        rows.append(row.format(*readings, day=91 + count // 1440, minute=count % 1440))
        length += len(rows[-1])
        if length >= TABLE_BYTES:
            break
    return "".join(rows)


def send(mail: bytes, *, port: int) -> tuple[str, list[str]]:
    """Hand a mail to the gateway on this machine. Returns its Message-ID and its recipients."""
    body = b"\r\n".join(mail.splitlines()) + b"\r\n"
    header = message_from_bytes(body.partition(b"\r\n\r\n")[0], policy=policy.default)
    sender = getaddresses([header["From"]])[0][1]
    recipients = [address for _, address in getaddresses([header["To"], header["Cc"] or ""]) if address]
    message_id = make_msgid(domain=sender.partition("@")[2])
    stamp = f"Date: {format_datetime(datetime.now(UTC))}\r\nMessage-ID: {message_id}\r\n"
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.sendmail(sender, recipients, stamp.encode() + body)
    return message_id, recipients
