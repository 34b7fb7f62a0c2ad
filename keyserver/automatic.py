"""Whether a mail may be answered by a program at all (RFC 3834); answers none."""

import re

from envelope.fields import Header

#: A mail that passed through more servers than this goes round in circles (RFC 5321 section 6.3).
MOST_HOPS = 50
_BULK = ("bulk", "list", "junk")
#: Set by programs that answer or that nobody reads, besides Auto-Submitted and Precedence.
_MARKS = ("x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-loop", "feedback-id")
_NOBODY = re.compile(
    r"(?:mailer-daemon|postmaster|daemon|root|no-?_?reply|do-?_?not-?_?reply|bounces?|owner|listserv|majordomo)"
    r"(?:[+=.-].*)?|owner-.*|.*-(?:request|bounces?|owner|noreply|no-reply)"
)


def goes_round(header: Header) -> bool:
    """Whether it has passed through more servers than any mail needs."""
    return len(header.all("received")) > MOST_HOPS


def may_be_answered(header: Header, sender: str, *, own: tuple[str, ...]) -> bool:
    """Whether a person at `sender`, the address that bounces go to, waits for an answer.

    `own`: our addresses. Not to be answered are bounces, lists, whatever a program sent, and ourselves.
    """
    folded = sender.lower()
    if not folded or folded in {address.lower() for address in own}:
        return False
    if _NOBODY.fullmatch(folded.rpartition("@")[0]):
        return False
    automatic = header.first("auto-submitted").partition(";")[0].strip().lower() not in ("", "no")
    bulk = header.first("precedence").strip().lower() in _BULK
    report = header.first("content-type").strip().lower().startswith("multipart/report")
    marked = any(field.name in _MARKS or field.name.startswith("list-") for field in header.fields)
    return not (automatic or bulk or report or marked or goes_round(header))
