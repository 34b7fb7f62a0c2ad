"""When two written addresses mean the same mailbox; knows nothing of who owns it."""

from envelope.addresses import normalise
from envelope.errors import AddressError
from keyserver.errors import InvalidFieldError

LONGEST = 320


def mailbox(address: str, *, field: str = "address") -> str:
    """The one form under which an address is stored and compared: lower-cased.

    RFC 5321 section 2.4 lets hosts tell local parts by case, none that we know of does, and people write
    their own address as they like. Raises InvalidFieldError for `field`.
    """
    try:
        found = normalise(address).lower()
    except AddressError:
        raise InvalidFieldError(field, "a mail address") from None
    if len(found) > LONGEST:
        raise InvalidFieldError(field, f"a mail address of at most {LONGEST} characters")
    return found


def domain_of(address: str) -> str:
    """What stands after the last @, lower-cased."""
    return address.rpartition("@")[2].lower()
