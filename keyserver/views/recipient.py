"""Pages of whoever is signed in: messages sent to them, profile, passphrase; shows no content."""

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
    return make_response(render_template("recipient/inbox.html", messages=shown, older=older, after=after))


@blueprint.get("/profile")
def profile() -> Response:
    """Names, language, addresses, remembered computers."""
    me = _me()
    values = {"first_name": me.first_name, "last_name": me.last_name, "locale": me.locale}
    return _profile_page(Form(values=values))


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
    return people.addresses_of(web.db(), person)[0]


def _profile_page(form: Form) -> Response:
    me = _me()
    return show(
        "recipient/profile.html",
        form,
        addresses=people.addresses_of(web.db(), me),
        devices=devices.of(web.db(), me, now=web.now()),
    )


def _passphrase_page(form: Form) -> Response:
    return show("recipient/passphrase.html", form, address=_address_of(_me()), rules=registration.rules())
