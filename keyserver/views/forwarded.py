"""The link that answers a forwarded envelope: says whose message it is, and opens it as Open Online does.

Calling it up shows nothing: the page is the same for every link, and the code, which stands behind the #,
does not come along. Nor does the first press spend anything: some mail scanners press what they find.
"""

from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from werkzeug import Response

from keyserver import forwarding, messages, online
from keyserver.errors import LinkExpiredError, LinkWrongError, ThrottledError
from keyserver.online import Held
from keyserver.views import online as online_pages
from keyserver.views import online_reading, origins, web
from keyserver.views.forms import Form, show
from keyserver.views.web import gettext
from translations import LOCALES

blueprint = Blueprint("forwarded", __name__, url_prefix=f"{origins.FROM_MAILS}/<uuid:link_id>")


@blueprint.get("")
def ask(link_id: UUID) -> Response:
    """One button; the code is in the form where scripts run, and is typed where they do not."""
    if forwarding.is_over(link_id, now=web.now()):
        raise LinkExpiredError
    return _ask(link_id, Form())


@blueprint.post("")
def look(link_id: UUID) -> Response:
    """Whose message it is, for whoever has the code."""
    form = Form(request.form)
    if _spoken():
        form.values["code"] = request.form.get("code", "")[:40]
        return _ask(link_id, form)
    held = _held(link_id, form)
    if held is None:
        return _ask(link_id, form)
    return _confirm(link_id, held, form)


@blueprint.get("/open")
def begin_again(link_id: UUID) -> Response:
    """For whoever comes back to the address of the press."""
    return redirect(url_for("forwarded.ask", link_id=link_id), 303)


@blueprint.post("/open")
def open_message(link_id: UUID) -> Response:
    """The press that spends the link; what is still wanted of the person is Open Online's to ask for.

    The link went to the recipient's mailbox alone, so it shows what a mailed code shows, and no more.
    """
    form = Form(request.form)
    spoken = _spoken()
    held = _held(link_id, form)
    if held is None:
        return _ask(link_id, form)
    if spoken:
        return _confirm(link_id, held, form)
    forwarding.spend(web.db(), link_id, form.values["code"], source=web.source(), now=web.now())
    return online_pages.enter(held, proven=held.recipient)


@blueprint.after_request
def add_policy(response: Response) -> Response:
    """As Open Online's: the tab may have lost its origin to a mail program's sandbox."""
    response.headers.setdefault("Content-Security-Policy", online_reading.policy("script-src 'self'"))
    return response


def _spoken() -> bool:
    """Answer in the language of the page, or in another if one was picked; returns whether one was."""
    picked, current = request.form.get("language"), request.form.get("locale")
    spoken = next((locale for locale in (picked, current) if locale in LOCALES), None)
    if spoken is not None:
        web.speak(spoken)
    return picked in LOCALES


def _held(link_id: UUID, form: Form) -> Held | None:
    """What the typed code leads to. Raises MessageLockedError, MessageExpiredError: nothing is spent then."""
    code = form.text("code", limit=40, fault=gettext("Type the code from the mail."))
    if form.faults:
        return None
    try:
        held = forwarding.look(web.db(), link_id, code, source=web.source(), now=web.now())
    except LinkWrongError:
        form.faults["code"] = gettext("That is not the code in the mail with this link.")
    except ThrottledError as error:
        form.throttle("code", error)
    else:
        messages.require_open(messages.get(web.db(), held.message_id), now=web.now())
        return held
    return None


def _ask(link_id: UUID, form: Form) -> Response:
    return show("forwarded/link.html", form, link_id=link_id)


def _confirm(link_id: UUID, held: Held, form: Form) -> Response:
    opening = online.look(web.db(), held.message_id, held.recipient)
    return show("forwarded/message.html", form, opening=opening, link_id=link_id)
