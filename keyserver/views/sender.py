"""Pages of whoever sent messages: which, and who opened them; shows no content."""

from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from keyserver import people, sent
from keyserver.views import web

blueprint = Blueprint("sender", __name__, url_prefix="/sent")

#: Messages on one page of the list.
PAGE = 25


@blueprint.before_request
def require_person() -> Response | None:
    """Nobody else gets past here."""
    return None if web.current_person() else redirect(url_for("signin.sign_in"), 303)


@blueprint.get("")
def messages() -> Response:
    """What was sent from this person's addresses, newest first, a page at a time."""
    addresses, after = _my_addresses(), request.args.get("after")
    found = sent.sent_by(web.db(), addresses, now=web.now(), after=after, limit=PAGE + 1)
    shown = found[:PAGE]
    older = url_for("sender.messages", after=shown[-1].cursor) if len(found) > PAGE else None
    several = len({message.sender for message in shown}) > 1
    return make_response(
        render_template("sender/messages.html", messages=shown, older=older, after=after, several=several)
    )


@blueprint.get("/<uuid:message_id>")
def message(message_id: UUID) -> Response:
    """One of them: what its recipients may do, and who opened it when."""
    found = sent.sent(web.db(), _my_addresses(), message_id, now=web.now())
    return make_response(render_template("sender/message.html", sent=found, message=found.message))


def _my_addresses() -> list[str]:
    person = web.current_person()
    return people.addresses_of(web.db(), person) if person else []
