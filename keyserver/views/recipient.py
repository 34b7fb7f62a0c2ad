"""Pages of whoever is signed in: messages sent to them, profile, addresses, passphrase; shows no content."""

from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from keyserver import devices, messages, people
from keyserver.errors import AuthenticationError, NotFoundError, PassphraseTooWeakError, ThrottledError
from keyserver.models import Person
from keyserver.views import registration, web
from keyserver.views.forms import Form, show
from keyserver.views.web import gettext
from translations import LOCALES

blueprint = Blueprint("recipient", __name__)

#: Messages on one page of the inbox.
PAGE = 25


@blueprint.before_request
def require_person() -> Response | None:
    """Nobody else gets past here."""
    return None if web.current_person() else redirect(url_for("signin.sign_in"), 303)


@blueprint.get("/inbox")
def inbox() -> Response:
    """What was sent to this person's addresses, newest first, a page at a time."""
    addresses = people.addresses_of(web.db(), _me())
    after = request.args.get("after")
    found = messages.received_by(web.db(), addresses, now=web.now(), after=after, limit=PAGE + 1)
    shown = found[:PAGE]
    older = url_for("recipient.inbox", after=shown[-1].cursor) if len(found) > PAGE else None
    return make_response(
        render_template(
            "recipient/inbox.html", messages=shown, older=older, after=after, several=len(addresses) > 1
        )
    )


@blueprint.get("/profile")
def profile() -> Response:
    """Names, language, addresses, remembered computers."""
    return _profile_page(Form())


@blueprint.post("/profile")
def change_profile() -> Response:
    """Change names and language."""
    me = _me()
    form = Form(request.form, values={"locale": me.locale})
    first_name, last_name = registration.names(form)
    locale = form.choice("locale", among=LOCALES)
    if form.faults:
        return _profile_page(form)
    people.update_profile(
        web.db(), me, first_name=first_name, last_name=last_name, locale=locale, now=web.now()
    )
    flash(gettext("Saved."))
    return redirect(url_for("recipient.profile"), 303)


@blueprint.post("/addresses")
def add_address() -> Response:
    """Mail a code to another address that the person says is theirs."""
    form = Form(request.form)
    address = registration.address_in(form)
    if not form.faults and people.owns(web.db(), _me(), address):
        form.faults["address"] = gettext("That is one of your addresses already.")
    flow = None if form.faults else registration.mail_code(form, address=address)
    if flow is None:
        return _profile_page(form)
    page = url_for("recipient.enter_address_code", flow_id=flow)
    registration.keep_asked(flow, address, page=page)
    return redirect(page, 303)


@blueprint.get("/addresses/<uuid:flow_id>")
def enter_address_code(flow_id: UUID) -> Response:
    """Where the code for another address is typed."""
    return _address_code_page(Form(), flow_id)


@blueprint.post("/addresses/<uuid:flow_id>")
def prove_address(flow_id: UUID) -> Response:
    """Try a code; the right one adds the address."""
    form = Form(request.form)
    address = registration.take_code(form, flow_id=flow_id)
    if address is None:
        return _address_code_page(form, flow_id)
    people.prove_address(web.db(), _me(), address, now=web.now())
    flash(gettext("%(address)s is now one of your addresses.") % {"address": address})
    return redirect(url_for("recipient.profile"), 303)


@blueprint.post("/addresses/remove")
def remove_address() -> Response:
    """Messages to a further address are not the person's to open any more."""
    address = request.form.get("address", "")
    people.drop_address(web.db(), _me(), address, now=web.now())
    flash(gettext("%(address)s is no longer one of your addresses.") % {"address": address})
    return redirect(url_for("recipient.profile"), 303)


@blueprint.post("/devices/forget")
def forget_devices() -> Response:
    """All remembered computers ask for the passphrase again."""
    devices.revoke_all(web.db(), _me(), now=web.now())
    flash(gettext("All computers are forgotten and ask for your passphrase again."))
    return redirect(url_for("recipient.profile"), 303)


@blueprint.post("/devices/<uuid:device_id>/forget")
def forget_device(device_id: UUID) -> Response:
    """A remembered computer asks for the passphrase again."""
    devices.revoke(web.db(), _me(), device_id, now=web.now())
    flash(gettext("That computer is forgotten and asks for your passphrase again."))
    return redirect(url_for("recipient.profile"), 303)


@blueprint.get("/passphrase")
def passphrase() -> Response:
    """Where the passphrase is changed."""
    return _passphrase_page(Form())


@blueprint.post("/passphrase")
def change_passphrase() -> Response:
    """Change it: every other session and all remembered computers end."""
    me, form = _me(), Form(request.form)
    current = form.secret("current", fault=gettext("Type your passphrase."))
    new = form.secret("passphrase", fault=registration.rules())
    if form.faults:
        return _passphrase_page(form)
    try:
        people.change_passphrase(
            web.db(),
            me,
            current=current,
            new=new,
            source=web.source(),
            now=web.now(),
            passphrases=web.services().passphrases,
        )
    except AuthenticationError:
        form.faults["current"] = gettext("That is not your current passphrase.")
    except PassphraseTooWeakError as error:
        form.faults["passphrase"] = registration.too_weak(error.reason)
    except ThrottledError as error:
        form.throttle("current", error)
    else:
        web.sign_in(me, address=_address_of(me))
        flash(gettext("Your passphrase is changed."))
        return redirect(url_for("recipient.profile"), 303)
    return _passphrase_page(form)


def _me() -> Person:
    """Who is signed in; the guard above let nobody else in."""
    person = web.current_person()
    if person is None:
        raise NotFoundError
    return person


def _address_of(person: Person) -> str:
    """The address that password managers know a person by."""
    return people.own_addresses(web.db(), person)[0]


def _profile_page(form: Form) -> Response:
    me = _me()
    known = {"first_name": me.first_name, "last_name": me.last_name, "locale": me.locale}
    form.values = {**known, **form.values}
    return show(
        "recipient/profile.html",
        form,
        own=people.own_addresses(web.db(), me),
        further=people.further_addresses(web.db(), me),
        devices=devices.of(web.db(), me, now=web.now()),
    )


def _address_code_page(form: Form, flow_id: UUID) -> Response:
    address = registration.address_asked(flow_id)
    again = url_for("recipient.add_address") if address else None
    press = gettext("Add this address")
    return show("signin/code.html", form, layout="base.html", address=address, again=again, press=press)


def _passphrase_page(form: Form) -> Response:
    return show("recipient/passphrase.html", form, address=_address_of(_me()), rules=registration.rules())
