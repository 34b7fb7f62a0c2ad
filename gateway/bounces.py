"""Writes the report that tells a sender what was not delivered (RFC 3464); holds none of the content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage, Message
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from uuid import UUID

from envelope.addresses import typed
from gateway import header_block
from gateway.control import Control, Recipient
from gateway.policy import Action
from translations import load, moment

#: What of the original's header block goes back: enough to find the mail again. The subject is content.
RETURNED = ("date", "from", "to", "cc", "message-id", "in-reply-to", "references")
#: Reasons whose answer is the next server's own, and so fit to be shown; others tell about our own rooms.
ANSWERED = frozenset({"refused", "delivery-timeout"})
#: Reasons that lie in what somebody asked by the mail's headers.
HEADERS = frozenset({"header-flag", "header-time", "header-contradiction", "header-unsupported", "options"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """In whose name a bounce is written, in which language, and whom to ask about it."""

    hostname: str
    administrator: str
    locale: str


def compose(
    control: Control,
    failed: Sequence[Recipient],
    *,
    id: UUID,
    to: str,
    headers: bytes,
    office: Office,
    now: datetime,
) -> bytes:
    """The whole report on one mail's failed recipients, in CR LF lines. `headers` is the mail's header block.

    The subject is given back only for mail that was to go out in clear.
    """
    report = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    report["From"] = f"MAILER-DAEMON@{office.hostname}"
    report["To"] = to
    report["Subject"] = load(office.locale).gettext("Your mail was not delivered")
    report["Date"] = format_datetime(now)
    report["Message-ID"] = f"<{id}@{office.hostname}>"
    report["Auto-Submitted"] = "auto-replied"
    report["MIME-Version"] = "1.0"
    report["Content-Type"] = "multipart/report; report-type=delivery-status"
    report.set_payload(
        [
            MIMEText(_words(control, failed, office=office), "plain", "utf-8"),
            _status(control, failed, office=office),
            _returned(headers, subject=control.treatment.action is Action.CLEAR),
        ]
    )
    return report.as_bytes()


def _words(control: Control, failed: Sequence[Recipient], *, office: Office) -> str:
    _ = load(office.locale).gettext
    date = moment(control.arrived, office.locale)
    lines = [_("Your mail of %(date)s could not be delivered to:") % {"date": date}]
    for recipient in failed:
        lines += ["", f"    {recipient.address}", "    " + _reason(control, recipient, _)]
    if control.treatment.action is Action.SEAL:
        lines += ["", _("It was not sent without protection either.")]
    again = _again(failed, _)
    ask = _("If this happens again, ask your administrator: %(address)s") % {"address": office.administrator}
    return "\n".join([*lines, "", again, ask, ""])


def _reason(control: Control, recipient: Recipient, _: Callable[[str], str]) -> str:
    match recipient.reason:
        case "refused":
            return _("The next mail server refused it: %(answer)s") % {"answer": recipient.answer}
        case "delivery-timeout":
            return _("No mail server took it in time. The last answer was: %(answer)s") % {
                "answer": recipient.answer
            }
        case "queue-timeout":
            return _("It could not be made into a secure message in time, so it was not sent.")
        case "sender-not-allowed":
            return _("%(address)s may not send secure messages here.") % {"address": control.sender}
        case "limit-exceeded" | "too-large":
            return _("It is too large for a secure message, so it was not sent.")
        case "operator":
            return _("An administrator ended the attempts to deliver it.")
        case header if header in HEADERS:
            return _header_reason(header, recipient.answer, _)
        case _other:
            return _("It could not be made into a secure message, so it was not sent.")


def _header_reason(reason: str, header: str, _: Callable[[str], str]) -> str:
    match reason:
        case "header-flag":
            words = _("The value of its header must be true or false: %(header)s")
        case "header-time":
            words = _(
                "The value of its header must be a time from now on of at most ten years, in hours, "
                "minutes and seconds as +24:00:00 or in days as +7: %(header)s"
            )
        case "header-contradiction":
            words = _("Its headers contradict each other, this one among them: %(header)s")
        case "header-unsupported":
            words = _("Its header asks for something that cannot be done here: %(header)s")
        case _other:
            return _("Its headers ask for a secure message that nobody could open.")
    return words % {"header": header}


def _again(failed: Sequence[Recipient], _: Callable[[str], str]) -> str:
    if failed[0].reason in HEADERS:
        return _("Change the header or leave it out, and send the mail again.")
    return _("Check the address, or send the mail again later.")


def _status(control: Control, failed: Sequence[Recipient], *, office: Office) -> Message:
    status = MIMENonMultipart("message", "delivery-status")
    whole = Message()
    whole["Reporting-MTA"] = f"dns; {office.hostname}"
    whole["X-Sealpost-Queue-ID"] = str(control.id)
    whole["Arrival-Date"] = format_datetime(control.arrived)
    status.set_payload([whole, *map(_recipient_status, failed)])
    return status


def _recipient_status(recipient: Recipient) -> Message:
    fields = Message()
    fields["Final-Recipient"] = typed(recipient.address)
    fields["Action"] = "failed"
    fields["Status"] = recipient.status
    if recipient.reason in ANSWERED:
        fields["Diagnostic-Code"] = "smtp; " + recipient.answer.encode("ascii", "replace").decode("ascii")
    return fields


def _returned(headers: bytes, *, subject: bool) -> Message:
    part = MIMENonMultipart("text", "rfc822-headers")
    fields = header_block.only(headers, *RETURNED, *(["subject"] if subject else []))
    part.set_payload(fields.decode("ascii", "replace").replace("\ufffd", "?").replace("\r\n", "\n"))
    return part
