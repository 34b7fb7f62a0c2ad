"""Steps that sign-in pages and opening window share: passphrase, mailed code, names; knows no page."""

from datetime import datetime
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
from keyserver.models import Person
from keyserver.views import web
from keyserver.views.forms import Form
from keyserver.views.web import gettext, ngettext
from translations import LOCALES

#: How long after the code one may take to choose names and a passphrase; as long as the code itself.
PROOF_LIFETIME = codes.LIFETIME


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


def mail_code(form: Form, *, address: str, organisation: str | None = None) -> UUID | None:
    """Have a code mailed; returns its flow. This browser remembers which address it asked for.

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
        session["asked"] = {"flow": str(flow), "address": address}
        return flow
    return None


def address_asked(flow_id: UUID) -> str | None:
    """Where this flow's code went, if this browser asked for it: the link in the mail shows no address."""
    asked = session.get("asked", {})
    address: str | None = asked["address"] if asked.get("flow") == str(flow_id) else None
    return address


def take_code(form: Form, *, flow_id: UUID) -> str | None:
    """The address that the typed code proves; this browser keeps the proof for a while."""
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
        _keep_proof(address)
        return address
    return None


def proven_address() -> str | None:
    """The address that this browser proved a short while ago and has not set a passphrase for since."""
    proof = session.get("proven")
    if proof is None or datetime.fromisoformat(proof["until"]) <= web.now():
        return None
    address: str = proof["address"]
    return address if proof["epoch"] == _epoch(address) else None


def form_for(address: str) -> Form:
    """Names and language as far as they are known; asked only for an address that was proven."""
    person = people.person_of(web.db(), address)
    names = {"first_name": person.first_name, "last_name": person.last_name} if person else {}
    return Form(values={**names, "locale": web.locale()})


def set_up(form: Form, *, address: str) -> Person | None:
    """Give the owner of a proven address names and a passphrase, and sign them in here."""
    first_name, last_name = names(form)
    locale = form.choice("locale", among=LOCALES)
    remember = form.tick("remember")
    passphrase = form.secret("passphrase", fault=rules())
    if form.faults:
        return None
    try:
        person = people.set_up(
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
    except ThrottledError as error:
        form.throttle("passphrase", error)
    else:
        web.sign_in(person, address=address, remember=remember)
        return person
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


def _wrong_code(tries_left: int) -> str:
    return ngettext(
        "That is not the code. You can try once more.",
        "That is not the code. You can try %(count)s more times.",
        tries_left,
    ) % {"count": tries_left}


def _keep_proof(address: str) -> None:
    """Setting a passphrase raises the person's epoch and so ends this proof, and copies of the cookie."""
    session.pop("asked", None)
    until = web.now() + PROOF_LIFETIME
    session["proven"] = {"address": address, "until": until.isoformat(), "epoch": _epoch(address)}


def _epoch(address: str) -> int | None:
    person = people.person_of(web.db(), address)
    return person.epoch if person else None
