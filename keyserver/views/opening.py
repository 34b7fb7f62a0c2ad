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
    GoneError,
    MessageExpiredError,
    MessageLockedError,
    NotEntitledError,
    NotFoundError,
    PassphraseNeededError,
)
from keyserver.mailboxes import mailbox
from keyserver.models import Person
from keyserver.openings import OpeningView
from keyserver.views import errors, registration, web
from keyserver.views.forms import Form, show

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
    person = web.current_person()
    theirs = person is not None and _entitled(opening, person)
    if opening.state == "released" or (opening.fetched and theirs):
        return make_response(render_template("opening/opened.html", opening=opening))
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
            person = _prove(opening, form)
        if person is None:
            return _approval(opening, form)
        _release(opening_id, person)
    except CLOSED as refusal:
        return _refusal(refusal, opening)  # answered, not raised: the sign-in stands
    except UNPROVEN:
        return _approval(opening, form)
    return _back_to(opening_id)


@blueprint.post("/signout")
def sign_out(opening_id: UUID) -> Response:
    """For whoever is signed in with other addresses than the envelope's."""
    web.sign_out()
    return _back_to(opening_id)


@blueprint.post("/code")
def ask_code(opening_id: UUID) -> Response:
    """Mail a code to the address that the envelope was made for, and to no other."""
    opening, form = _look(opening_id), Form()
    flow = registration.mail_code(form, address=opening.recipient, organisation=opening.organisation)
    if flow is None:
        return _approval(opening, form)
    return redirect(url_for("opening.enter_code", opening_id=opening_id, flow_id=flow), 303)


@blueprint.get("/code/<uuid:flow_id>")
def enter_code(opening_id: UUID, flow_id: UUID) -> Response:
    """Where the code is typed."""
    return _code_page(_look(opening_id), Form())


@blueprint.post("/code/<uuid:flow_id>")
def check_code(opening_id: UUID, flow_id: UUID) -> Response:
    """Try a code."""
    opening, form = _look(opening_id), Form(request.form)
    if registration.take_code(form, flow_id=flow_id) is None:
        return _code_page(opening, form)
    return redirect(url_for("opening.welcome", opening_id=opening_id), 303)


@blueprint.get("/welcome")
def welcome(opening_id: UUID) -> Response:
    """Names and passphrase, for whoever has just proved the envelope's address."""
    opening = _look(opening_id)
    if not _address_proven(opening):
        return _back_to(opening_id)
    return _welcome_page(opening, registration.form_for(mailbox(opening.recipient)))


@blueprint.post("/welcome")
def set_up(opening_id: UUID) -> Response:
    """Set them; the passphrase was then typed within this opening, so that one press is left."""
    opening = _look(opening_id)
    if not _address_proven(opening):
        return _back_to(opening_id)
    form = Form(request.form, values={"locale": web.locale()})
    person = registration.set_up(form, address=mailbox(opening.recipient))
    if person is None:
        return _welcome_page(opening, form)
    if opening.state == "waiting":
        openings.prove(web.db(), opening_id, person, now=web.now())
    return _back_to(opening_id)


@blueprint.errorhandler(NotFoundError)
def nothing_here(_error: NotFoundError) -> Response:
    """An opening that never was or ended long ago: the file starts another."""
    return _refusal(GoneError(), None)


def _look(opening_id: UUID) -> OpeningView:
    return openings.look(web.db(), opening_id, now=web.now())


def _press_is_enough(opening_id: UUID) -> bool:
    """Whether that released it; if not, nothing has changed, and the whole opening must be looked at."""
    person = web.current_person()
    if person is None:
        return False
    try:
        _release(opening_id, person)
    except (*CLOSED, *UNPROVEN):
        return False
    return True


def _release(opening_id: UUID, person: Person) -> None:
    openings.approve(web.db(), opening_id, person, now=web.now(), keyring=web.services().keyring)


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


def _prove(opening: OpeningView, form: Form) -> Person | None:
    """Sign in with the envelope's address and the typed passphrase, which stands for this one opening."""
    remember = _may_remember(opening) and form.tick("remember")
    person = registration.person_by(form, address=opening.recipient)
    if person is not None:
        web.sign_in(person, address=mailbox(opening.recipient), remember=remember)
        openings.prove(web.db(), opening.id, person, now=web.now())
    return person


def _entitled(opening: OpeningView, person: Person) -> bool:
    return mailbox(opening.recipient) in people.addresses_of(web.db(), person)


def _address_proven(opening: OpeningView) -> bool:
    return registration.proven_address() == mailbox(opening.recipient)


def _asks_passphrase(opening: OpeningView, person: Person | None) -> bool:
    """Level high: each time, whatever is remembered (S48). Medium: unless somebody is signed in (S49)."""
    if person is None:
        return True
    return opening.level == Level.HIGH and opening.proven_by != person.id


def _may_remember(opening: OpeningView) -> bool:
    return opening.level == Level.MEDIUM


def _closed(opening: OpeningView) -> MessageLockedError | MessageExpiredError:
    if opening.message_state == "expired" and opening.expires is not None:
        return MessageExpiredError(opening.expires)
    return MessageLockedError(opening.lock_reason)


def _approval(opening: OpeningView, form: Form) -> Response:
    """Where one presses «Open message»; or, signed in with other addresses, how to change that."""
    person = web.current_person()
    if person is not None and not _entitled(opening, person):
        name = people.name_of(person)
        answer = make_response(render_template("opening/stranger.html", opening=opening, name=name))
        answer.status_code = errors.STATUS[NotEntitledError]
        return answer
    asks = _asks_passphrase(opening, person)
    return show(
        "opening/approve.html",
        form,
        opening=opening,
        asks_passphrase=asks,
        may_remember=asks and _may_remember(opening),
    )


def _refusal(error: Any, opening: OpeningView | None) -> Response:
    return errors.page(error, status=errors.STATUS[type(error)], layout=LAYOUT, opening=opening)


def _code_page(opening: OpeningView, form: Form) -> Response:
    again = url_for("opening.ask_code", opening_id=opening.id)
    return show(
        "signin/code.html", form, layout=LAYOUT, opening=opening, address=opening.recipient, again=again
    )


def _welcome_page(opening: OpeningView, form: Form) -> Response:
    return show(
        "signin/welcome.html",
        form,
        layout=LAYOUT,
        opening=opening,
        address=mailbox(opening.recipient),
        rules=registration.rules(),
    )
