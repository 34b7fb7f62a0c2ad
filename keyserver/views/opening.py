"""The window that an envelope opens: says whose mail this is, finds out who is there, and asks for one press.

It may stand in another browser than the envelope, and nothing in it is secret: whoever guesses its address
sees no more than a file's outside, and the key goes only to the page that asked.
"""

from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from envelope.options import Level
from keyserver import openings, people
from keyserver.errors import (
    AddressLimitError,
    GoneError,
    MessageExpiredError,
    MessageLockedError,
    NotEntitledError,
    NotFoundError,
    PassphraseNeededError,
    PersonInactiveError,
)
from keyserver.mailboxes import mailbox
from keyserver.models import Person
from keyserver.openings import OpeningView
from keyserver.views import errors, registration, web
from keyserver.views.forms import Form, show
from keyserver.views.web import gettext

blueprint = Blueprint("opening", __name__, url_prefix="/open/<uuid:opening_id>")

LAYOUT = "opening/layout.html"
#: The envelope asks while its window loads; after so many seconds it will not come any more.
PATIENCE = 20

#: Why a press does not release: nobody can have the message, or this person has not shown enough.
CLOSED = (MessageLockedError, MessageExpiredError, GoneError)
UNPROVEN = (NotEntitledError, PassphraseNeededError)


@blueprint.get("")
def window(opening_id: UUID) -> Response:
    """The page for where the opening stands: not asked for yet, to be approved, done."""
    try:
        opening = _look(opening_id)
    except NotFoundError:
        return _wait(opening_id)
    theirs = _is_theirs(opening, web.current_person())
    if opening.state == "released" or (opening.fetched and theirs):
        return _opened_page(opening)
    if opening.state == "gone":
        return _refusal(GoneError(), opening)
    if theirs and opening.message_state != "open":
        return _refusal(_closed(opening), opening)
    return _approval(opening, Form())


@blueprint.post("")
def approve(opening_id: UUID) -> Response:
    """The press that releases, with the passphrase in the same go where it is needed."""
    if "passphrase" not in request.form and _press_is_enough(opening_id):
        return _back_to(opening_id)
    opening, form = _look(opening_id), Form(request.form)
    if opening.state != "waiting":
        return _back_to(opening_id)
    person = web.current_person()
    try:
        if _asks_passphrase(opening, person):
            person = _prove(opening, form, address=registration.address_to_sign_in(opening.recipient))
            if person is None:
                return _approval(opening, form)
        _release(opening_id, person)
    except CLOSED as refusal:
        return _refusal(refusal, opening)  # answered, not raised: the sign-in stands
    except UNPROVEN:
        return _approval(opening, form)
    return _back_to(opening_id)


@blueprint.get("/signin")
def sign_in(opening_id: UUID) -> Response:
    """For whoever has a passphrase here, but with another address than the envelope's."""
    return _sign_in_page(_look(opening_id), Form())


@blueprint.post("/signin")
def check_passphrase(opening_id: UUID) -> Response:
    """Sign in; if the envelope's address is among the person's, that has opened it."""
    opening, form = _look(opening_id), Form(request.form)
    if opening.state != "waiting":
        return _back_to(opening_id)
    try:
        person = _prove(opening, form, address=registration.address_in(form))
    except GoneError:
        return _back_to(opening_id)  # released by another tab meanwhile; the sign-in stands
    return _go_on(opening, person) if person else _sign_in_page(opening, form)


@blueprint.post("/signout")
def sign_out(opening_id: UUID) -> Response:
    """For whoever is signed in with other addresses than the envelope's."""
    web.sign_out()
    return _back_to(opening_id)


@blueprint.post("/code")
def ask_code(opening_id: UUID) -> Response:
    """Mail a code to the address that the envelope was made for, and to no other."""
    opening, form = _look(opening_id), Form()
    if opening.state != "waiting":
        return _back_to(opening_id)
    flow = registration.mail_code(form, address=opening.recipient, organisation=opening.organisation)
    if flow is None:
        return _approval(opening, form)
    page = url_for("opening.enter_code", opening_id=opening_id, flow_id=flow)
    registration.keep_asked(flow, opening.recipient, page=page)
    return redirect(page, 303)


@blueprint.get("/code/<uuid:flow_id>")
def enter_code(opening_id: UUID, flow_id: UUID) -> Response:
    """Where the code is typed."""
    return _code_page(_look(opening_id), Form())


@blueprint.post("/code/<uuid:flow_id>")
def check_code(opening_id: UUID, flow_id: UUID) -> Response:
    """Try a code. The right one opens where a code is enough; it adds the address to those of who said so."""
    opening, form = _look(opening_id), Form(request.form)
    address = registration.take_code(form, flow_id=flow_id)
    if address is None:
        return _code_page(opening, form)
    person = web.current_person()
    adds = person is not None and form.posted.get("adds_to") == str(person.id)
    if person is not None and adds and address == mailbox(opening.recipient):
        people.prove_address(web.db(), person, address, now=web.now())
    else:
        registration.keep_proof(address)
    return _go_on(opening, person)


@blueprint.get("/welcome")
def welcome(opening_id: UUID) -> Response:
    """Names and passphrase, for whoever has just proved the envelope's address."""
    opening = _look(opening_id)
    if not _is_proven_here(opening):
        return _back_to(opening_id)
    return _welcome_page(opening, registration.form_for(mailbox(opening.recipient)))


@blueprint.post("/welcome")
def set_up(opening_id: UUID) -> Response:
    """Set them; the passphrase was then typed within this opening, so that one press is left."""
    opening = _look(opening_id)
    if not _is_proven_here(opening):
        return _back_to(opening_id)
    form, address = Form(request.form, values={"locale": web.locale()}), mailbox(opening.recipient)
    remember = form.tick("remember")
    person = registration.set_up(form, address=address)
    if person is None:
        return _welcome_page(opening, form)
    web.sign_in(person, address=address, remember=remember)
    if opening.state == "waiting":
        openings.prove(web.db(), opening_id, person, now=web.now())
    return _back_to(opening_id)


@blueprint.errorhandler(NotFoundError)
def nothing_here(_error: NotFoundError) -> Response:
    """An opening that never was or ended long ago: the page it came from starts another."""
    return _refusal(GoneError(), None)


@blueprint.errorhandler(PersonInactiveError)
@blueprint.errorhandler(AddressLimitError)
def not_this_address(error: PersonInactiveError | AddressLimitError) -> Response:
    """In the frame of a window: nothing here leads elsewhere."""
    return _refusal(error, None)


def _look(opening_id: UUID) -> OpeningView:
    return openings.look(web.db(), opening_id, now=web.now())


def _press_is_enough(opening_id: UUID) -> bool:
    """Whether that released it; if not, nothing has changed, and the whole opening must be looked at."""
    try:
        _release(opening_id, web.current_person())
    except (*CLOSED, *UNPROVEN):
        return False
    return True


def _release(opening_id: UUID, person: Person | None) -> None:
    openings.approve(
        web.db(),
        opening_id,
        person,
        proven=registration.proven_address(),
        by_device=web.by_device(),
        now=web.now(),
        keyring=web.services().keyring,
    )


def _go_on(opening: OpeningView, person: Person | None) -> Response:
    """Release if what was just shown is enough; else on to what is still wanted."""
    try:
        _release(opening.id, person)
    except CLOSED as refusal:
        return _refusal(refusal, opening)  # answered, not raised: what was shown stands
    except PassphraseNeededError:
        if _is_proven_here(opening):
            return redirect(url_for("opening.welcome", opening_id=opening.id), 303)
    except NotEntitledError:
        pass
    return _back_to(opening.id)


def _back_to(opening_id: UUID) -> Response:
    return redirect(url_for("opening.window", opening_id=opening_id), 303)


def _wait(opening_id: UUID) -> Response:
    """Look again in a second, for a while: the window is often faster than the envelope's request.

    The browser carries the beginning along, so that nothing is kept here for whoever makes up an address.
    """
    now = int(web.now().timestamp())
    since = request.args.get("since", now, type=int)
    if not 0 <= now - since < PATIENCE:
        return _refusal(GoneError(), None)
    answer = make_response(render_template("opening/waiting.html"))
    answer.headers["Refresh"] = f"1; url={url_for('opening.window', opening_id=opening_id, since=since)}"
    return answer


def _prove(opening: OpeningView, form: Form, *, address: str) -> Person | None:
    """Sign in with an address and the typed passphrase, which stands for this one opening."""
    remember = _may_remember(opening) and form.tick("remember")
    person = registration.person_by(form, address=address)
    if person is not None:
        web.sign_in(person, address=address, remember=remember)
        openings.prove(web.db(), opening.id, person, now=web.now())
    return person


def _owns(opening: OpeningView, person: Person | None) -> bool:
    return person is not None and people.owns(web.db(), person, mailbox(opening.recipient))


def _is_proven_here(opening: OpeningView) -> bool:
    """Whether the envelope's address was proven in this browser a short while ago."""
    return registration.proven_address() == mailbox(opening.recipient)


def _is_theirs(opening: OpeningView, person: Person | None) -> bool:
    """Whether whoever is here is the recipient, by their addresses or by a code typed in this browser."""
    return _owns(opening, person) or ((person is None or opening.by_code) and _is_proven_here(opening))


def _asks_passphrase(opening: OpeningView, person: Person | None) -> bool:
    """Level high: each time, whatever is remembered (S48). Else unless somebody is signed in (S49), or has
    typed a code here, where that is enough."""
    if opening.by_code and _is_proven_here(opening):
        return False
    return person is None or (opening.level == Level.HIGH and opening.proven_by != person.id)


def _may_remember(opening: OpeningView) -> bool:
    return opening.level != Level.HIGH


def _closed(opening: OpeningView) -> MessageLockedError | MessageExpiredError:
    if opening.message_state == "expired" and opening.expires is not None:
        return MessageExpiredError(opening.expires)
    return MessageLockedError(opening.lock_reason)


def _approval(opening: OpeningView, form: Form) -> Response:
    """Where one presses «Open message»; or, signed in with other addresses, how to go on from there."""
    person = web.current_person()
    if person is not None and not _is_theirs(opening, person):
        name = people.name_of(person)
        answer = show("opening/stranger.html", form, opening=opening, name=name)
        if not form.faults:
            answer.status_code = errors.STATUS[NotEntitledError]
        return answer
    asks, address = _asks_passphrase(opening, person), registration.address_to_sign_in(opening.recipient)
    return show(
        "opening/approve.html",
        form,
        opening=opening,
        address=address,
        asks_passphrase=asks,
        may_remember=asks and _may_remember(opening),
        may_reset=address == mailbox(opening.recipient),
        was_here=web.known_browser(address) is not None,
    )


def _opened_page(opening: OpeningView) -> Response:
    """The end; where a code was typed here, with the offer of a passphrase for whoever stays to read it."""
    offers = _is_proven_here(opening) and not people.has_passphrase(web.db(), opening.recipient)
    return make_response(render_template("opening/opened.html", opening=opening, offers=offers))


def _refusal(error: Any, opening: OpeningView | None) -> Response:
    return errors.page(error, status=errors.STATUS[type(error)], layout=LAYOUT, opening=opening)


def _code_page(opening: OpeningView, form: Form) -> Response:
    person = web.current_person()
    adds_to = person if person is not None and not _owns(opening, person) else None
    shown = adds_to is not None and (opening.level != Level.HIGH or opening.proven_by == adds_to.id)
    return show(
        "signin/code.html",
        form,
        layout=LAYOUT,
        opening=opening,
        address=opening.recipient,
        again=url_for("opening.ask_code", opening_id=opening.id),
        adds_to=adds_to,
        press=gettext("Open message") if opening.by_code or shown else gettext("Continue"),
    )


def _sign_in_page(opening: OpeningView, form: Form) -> Response:
    may_remember = _may_remember(opening)
    return show("opening/signin.html", form, opening=opening, may_remember=may_remember)


def _welcome_page(opening: OpeningView, form: Form) -> Response:
    return show(
        "signin/welcome.html",
        form,
        layout=LAYOUT,
        opening=opening,
        address=mailbox(opening.recipient),
        rules=registration.rules(),
    )
