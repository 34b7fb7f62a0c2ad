"""What Open Online says when it cannot go on: what happened, and what to do now; knows no page."""

from keyserver.errors import (
    AlteredError,
    BusyError,
    CutOffError,
    EnvelopeTooLargeError,
    FormChangedError,
    NewerVersionError,
    NoEnvelopeError,
    OnlineForbiddenError,
    UnknownEnvelopeError,
    VisitOverError,
)
from keyserver.views.web import gettext


def words(error: Exception) -> tuple[str, str] | None:
    """Title and sentence, for those that only happen here."""
    return _of_the_file(error) or _of_the_message(error)


def _of_the_file(error: Exception) -> tuple[str, str] | None:
    match error:
        case NoEnvelopeError():
            return gettext("There was no secure message in what arrived"), gettext(
                "Save the file from the mail once more and try again. If that does not help, ask the sender"
                " to send the message again."
            )
        case FormChangedError():
            return gettext("The file was changed on its way to you"), gettext(
                "So it could not send the message here. Save the file from the mail once more and try again,"
                " or ask the sender to send the message again."
            )
        case CutOffError():
            return gettext("Only a part of the message arrived here"), gettext(
                "Go back to the file and try again, perhaps where the connection is better."
            )
        case AlteredError():
            return gettext("This message was altered on the way"), gettext(
                "So it cannot be opened. Save the file from the mail once more and try again, or ask the"
                " sender to send the message again."
            )
        case UnknownEnvelopeError():
            return gettext("This server does not know this message"), gettext(
                "Perhaps the file is damaged. Save it from the mail once more and try again, or ask the"
                " sender to send the message again."
            )
    return None


def _of_the_message(error: Exception) -> tuple[str, str] | None:
    match error:
        case NewerVersionError():
            return gettext("This message is newer than this server"), gettext(
                "Try to open it in the file itself. If that does not work, ask the sender."
            )
        case EnvelopeTooLargeError():
            return gettext("This message is too large to be opened here"), gettext(
                "Save the file, open it in your browser, and press «Open message» there."
            )
        case OnlineForbiddenError():
            return gettext("The sender does not allow this message to be opened here"), gettext(
                "Save the file, open it in your browser, and press «Open message» there."
            )
        case VisitOverError():
            return gettext("This page was open for too long"), gettext(
                "Open the file from the mail once more."
            )
        case BusyError():
            return gettext("Many people are downloading here at the moment"), gettext(
                "Go back and try again in a minute."
            )
    return None
