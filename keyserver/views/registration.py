"""Steps that sign-in pages and opening window share: passphrase, mailed code, names; knows no page.

What this browser's session keeps between two steps is kept by `keep_asked` and `keep_proof` and nothing else:
where there is no session (Open Online), the other steps serve as well.
"""

from datetime import datetime, timedelta
from uuid import UUID

from flask import session

from keyserver import codes, passphrases, people
from keyserver.errors import (
    AuthenticationError,
    CodeSpentError,
    CodeWrongError,
    InvalidFieldError,
    PassphraseTooWeakError,
    ThrottledError,
)
from keyserver.mailboxes import mailbox
from keyserver.models import Person
from keyserver.views import web
from keyserver.views.forms import Form
from keyserver.views.web import gettext, ngettext
from translations import LOCALES

#: How long a code opens further messages in its browser, and lets one choose names and a passphrase.
PROOF_LIFETIME = timedelta(minutes=30)
LONGEST_ADDRESS = 320


def address_in(form: Form) -> str:
    """The address as typed."""
    fault = gettext("Type a mail address, like name@example.com.")
    return form.text("address", limit=LONGEST_ADDRESS, fault=fault)


def person_by(form: Form, *, address: str) -> Person | None:
    """Whoever `address` and the typed passphrase belong to; else one fault, the same for every reason."""
    passphrase = form.secret("passphrase", fault=gettext("Type your passphrase."))
    if form.faults:
        return None
    address = address.lower()
    try:
        return people.sign_in(
            web.db(),
            address,
            passphrase,
            source=web.source(),
            now=web.now(),
            passphrases=web.services().passphrases,
            browser=web.known_browser(address),
        )
    except AuthenticationError:
        form.faults["passphrase"] = gettext("This address and this passphrase do not go together.")
    except ThrottledError as error:
        form.throttle("passphrase", error)
    return None


def address_to_sign_in(recipient: str) -> str:
    """The address that goes with the passphrase: the recipient's, or one's own if that is a further one."""
    person, recipient = web.current_person(), mailbox(recipient)
    if person is not None and people.owns(web.db(), person, recipient):
        return people.own_addresses(web.db(), person)[0]
    return recipient


def mail_code(form: Form, *, address: str, organisation: str | None = None) -> UUID | None:
    """Have a code mailed; returns its flow.

    `organisation`: whose message the code is wanted for, if one's.
    """
    try:
        flow = codes.request(
            web.db(),
            address=address,
            locale=web.locale(),
            source=web.source(),
            now=web.now(),
            key=web.services().code_key,
            organisation=organisation,
        )
    except InvalidFieldError:
        form.faults["address"] = gettext("Type a mail address, like name@example.com.")
    except ThrottledError as error:
        form.throttle("address", error)
    else:
        return flow
    return None


def keep_asked(flow_id: UUID, address: str, *, page: str) -> None:
    """This browser remembers where its newest code went, and on which page it is to be typed."""
    session["asked"] = {"flow": str(flow_id), "address": address, "page": page}


def address_asked(flow_id: UUID) -> str | None:
    """Where this flow's code went, if this browser asked for it: the link in the mail shows no address."""
    return _asked(flow_id).get("address")


def page_asked(flow_id: UUID) -> str | None:
    """Where this flow's code is to be typed, if this browser asked for it: where the mail's link leads."""
    return _asked(flow_id).get("page")


def take_code(form: Form, *, flow_id: UUID) -> str | None:
    """The address that the typed code proves. Raises PersonInactiveError."""
    code = form.text("code", limit=20, fault=gettext("Type the code from the mail."))
    if form.faults:
        return None
    try:
        address = codes.confirm(
            web.db(), flow_id, code, source=web.source(), now=web.now(), key=web.services().code_key
        )
    except CodeWrongError as error:
        form.faults["code"] = _wrong_code(error.tries_left)
    except CodeSpentError:
        form.faults["code"] = gettext("This code no longer works. Get a new one below.")
    except ThrottledError as error:
        form.throttle("code", error)
    else:
        people.require_active(web.db(), address)
        return address
    return None


def keep_proof(address: str) -> None:
    """This browser has proven `address`.

    Setting a passphrase raises the person's epoch and so ends this proof, and copies of the cookie.
    """
    session.pop("asked", None)
    until, epoch = web.now() + PROOF_LIFETIME, people.epoch_of(web.db(), address)
    session["proven"] = {"address": address, "until": until.isoformat(), "epoch": epoch}


def proven_address() -> str | None:
    """The address that this browser proved a short while ago and nobody has set a passphrase for since."""
    proof = session.get("proven")
    if proof is None or datetime.fromisoformat(proof["until"]) <= web.now():
        return None
    address: str = proof["address"]
    return address if proof["epoch"] == people.epoch_of(web.db(), address) else None


def form_for(address: str) -> Form:
    """Names and language as far as they are known; asked only for an address that was proven."""
    person = people.person_of(web.db(), address)
    names = {"first_name": person.first_name, "last_name": person.last_name} if person else {}
    return Form(values={**names, "locale": web.locale()})


def set_up(form: Form, *, address: str) -> Person | None:
    """Give the owner of a proven address names and a passphrase. Raises PersonInactiveError."""
    first_name, last_name = names(form)
    locale = form.choice("locale", among=LOCALES)
    passphrase = form.secret("passphrase", fault=rules())
    if form.faults:
        return None
    try:
        return people.set_up(
            web.db(),
            address=address,
            first_name=first_name,
            last_name=last_name,
            locale=locale,
            passphrase=passphrase,
            now=web.now(),
            passphrases=web.services().passphrases,
        )
    except PassphraseTooWeakError as error:
        form.faults["passphrase"] = too_weak(error.reason)
    except CodeSpentError:
        form.faults["passphrase"] = gettext(
            "Somebody has just chosen a passphrase for this address. If it was not you, get a new code."
        )
    except ThrottledError as error:
        form.throttle("passphrase", error)
    return None


def names(form: Form) -> tuple[str, str]:
    """First and last name as typed."""
    return (
        form.text("first_name", limit=people.LONGEST_NAME, fault=gettext("Type your first name.")),
        form.text("last_name", limit=people.LONGEST_NAME, fault=gettext("Type your last name.")),
    )


def rules() -> str:
    """What a passphrase has to be, said before one is chosen."""
    return gettext(
        "At least %(count)s characters. A few words that have nothing to do with each other are easy to"
        " remember and hard to guess."
    ) % {"count": passphrases.SHORTEST}


def too_weak(reason: str) -> str:
    """Why a passphrase was refused, and what would do. `reason` as PassphraseTooWeakError has it."""
    match reason:
        case "too-short":
            return gettext("That is too short: take at least %(count)s characters.") % {
                "count": passphrases.SHORTEST
            }
        case "too-long":
            return gettext("That is too long: take at most %(count)s characters.") % {
                "count": passphrases.LONGEST
            }
        case "personal":
            return gettext("That holds little more than your name or address. Add words of another kind.")
    return gettext("That is one of the first that somebody would guess. Take a few unrelated words.")


def _asked(flow_id: UUID) -> dict[str, str]:
    asked: dict[str, str] = session.get("asked", {})
    return asked if asked.get("flow") == str(flow_id) else {}


def _wrong_code(tries_left: int) -> str:
    return ngettext(
        "That is not the code. You can try once more.",
        "That is not the code. You can try %(count)s more times.",
        tries_left,
    ) % {"count": tries_left}
