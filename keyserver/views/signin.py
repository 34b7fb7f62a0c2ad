"""Pages for whoever is not signed in yet: passphrase, mailed code, names; an opening has its own."""

from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from werkzeug import Response

from keyserver.views import registration, web
from keyserver.views.forms import Form, show
from keyserver.views.web import gettext

blueprint = Blueprint("signin", __name__)


@blueprint.get("/")
def start() -> Response:
    """Where one is sent on from."""
    page = "recipient.inbox" if web.current_person() else "signin.sign_in"
    return redirect(url_for(page), 302)


@blueprint.get("/signin")
def sign_in() -> Response:
    """The sign-in page."""
    if web.current_person():
        return redirect(url_for("recipient.inbox"), 302)
    return show("signin/signin.html", Form())


@blueprint.post("/signin")
def check_passphrase() -> Response:
    """Sign in; one answer for every address and passphrase that do not go together."""
    form = Form(request.form)
    address = registration.address_in(form)
    remember = form.tick("remember")
    person = registration.person_by(form, address=address)
    if person is None:
        return show("signin/signin.html", form)
    web.sign_in(person, address=address.lower(), remember=remember)
    return redirect(url_for("recipient.inbox"), 303)


@blueprint.post("/signout")
def sign_out() -> Response:
    """Nobody's browser again."""
    web.sign_out()
    return redirect(url_for("signin.sign_in"), 303)


@blueprint.get("/code")
def ask_code() -> Response:
    """Where a code is asked for: first registration and forgotten passphrase alike."""
    return show("signin/ask.html", Form())


@blueprint.post("/code")
def mail_code() -> Response:
    """Mail a code; what follows is the same for known and unknown addresses."""
    form = Form(request.form)
    address = registration.address_in(form)
    flow = None if form.faults else registration.mail_code(form, address=address)
    if flow is None:
        return show("signin/ask.html", form)
    page = url_for("signin.enter_code", flow_id=flow)
    registration.keep_asked(flow, address, page=page)
    return redirect(page, 303)


@blueprint.get("/code/<uuid:flow_id>")
def enter_code(flow_id: UUID) -> Response:
    """Where the code is typed; also what the mail links to, which alone spends and proves nothing."""
    page = registration.page_asked(flow_id) or request.path
    return _code_page(Form(), flow_id) if page == request.path else redirect(page, 302)


@blueprint.post("/code/<uuid:flow_id>")
def check_code(flow_id: UUID) -> Response:
    """Try a code."""
    form = Form(request.form)
    address = registration.take_code(form, flow_id=flow_id)
    if address is None:
        return _code_page(form, flow_id)
    registration.keep_proof(address)
    return redirect(url_for("signin.welcome"), 303)


@blueprint.get("/welcome")
def welcome() -> Response:
    """Names and passphrase, for whoever has just proved an address."""
    address = registration.proven_address()
    if address is None:
        return redirect(url_for("signin.ask_code"), 302)
    return _welcome_page(registration.form_for(address), address)


@blueprint.post("/welcome")
def set_up() -> Response:
    """Set them, and be signed in."""
    address = registration.proven_address()
    if address is None:
        return redirect(url_for("signin.ask_code"), 303)
    form = Form(request.form, values={"locale": web.locale()})
    remember = form.tick("remember")
    person = registration.set_up(form, address=address)
    if person is None:
        return _welcome_page(form, address)
    web.sign_in(person, address=address, remember=remember)
    return redirect(url_for("recipient.inbox"), 303)


def _code_page(form: Form, flow_id: UUID) -> Response:
    address = registration.address_asked(flow_id)
    again = url_for("signin.mail_code") if address else None
    press = gettext("Continue")
    return show("signin/code.html", form, layout="base.html", address=address, again=again, press=press)


def _welcome_page(form: Form, address: str) -> Response:
    rules = registration.rules()
    return show("signin/welcome.html", form, layout="base.html", address=address, rules=rules)
