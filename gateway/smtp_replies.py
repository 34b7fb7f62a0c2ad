"""Every line that this gateway answers over SMTP (RFC 5321, codes of RFC 3463); decides nothing."""

from gateway.errors import PermanentError

ACCEPTED = "250 2.0.0 Mail accepted as {id}"
SENDER_OK = "250 2.1.0 Sender ok"
RECIPIENT_OK = "250 2.1.5 Recipient ok"
GO_AHEAD = "354 End data with <CR><LF>.<CR><LF>"
TOO_LARGE = "552 5.3.4 The mail is too large: at most {limit} ({size} bytes) are accepted here"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients at once: send the mail to the others separately"
BAD_SENDER = "553 5.1.7 This is not a usable sender address"
BAD_RECIPIENT = "553 5.1.3 This is not a usable recipient address"
NEEDS_SMTPUTF8 = "553 5.6.7 This address needs SMTPUTF8, which was not asked for"
NEEDS_RECIPIENT = "503 5.5.1 Name a recipient first"
BAD_SYNTAX = "501 5.5.4 DATA takes no argument"
NO_SPACE = "452 4.3.1 No room for this mail now, try again later"
LOCAL_FAULT = "451 4.3.0 The gateway could not take this mail now, try again later"
NOT_ALLOWED = "554 5.7.1 This server takes no mail from your address"
BUSY = "421 4.3.2 Too many connections, try again later"

#: Why a mail is refused for good once all of it is there, by the error's code.
REFUSALS = {
    "no-sender": "550 5.1.7 Secure mail needs a sender: neither From nor the envelope names one",
    "too-many-hops": "554 5.4.6 This mail has passed through too many servers, or here too often",
}


def refusal(error: PermanentError) -> str:
    """The line for an error that ends this mail."""
    return REFUSALS[error.code]
