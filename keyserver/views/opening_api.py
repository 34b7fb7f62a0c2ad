"""The API for envelopes: asked from files on disk, so any origin may, and no cookie is read."""

from uuid import UUID

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from envelope.ids import b64u_encode
from envelope.options import utc_text
from keyserver import openings
from keyserver.views import web
from keyserver.views.application import BODY_LIMIT
from keyserver.views.fields import Fields

blueprint = Blueprint("opening_api", __name__, url_prefix="/api/v1/openings")

#: What envelopes ask, wherever they lie.
FOR_ENVELOPES = ("/api/v1/openings", "/api/v1/copies")


@blueprint.post("")
def ask() -> ResponseReturnValue:
    """A page asks to open a message."""
    fields = Fields.of_request(limit=BODY_LIMIT)
    wanted = openings.Ask(
        id=fields.id("opening"),
        message_id=fields.id("message"),
        recipient=fields.text("recipient", longest=320),
        possession_proof=fields.bytes("possession_proof", size=32),
        public_key=fields.bytes("public_key", size=65),
        poll_sha256=fields.bytes("poll_sha256", size=32),
    )
    fields.finish()
    keyring = web.services().keyring
    outcome = openings.ask(web.db(), wanted, source=web.source(), now=web.now(), keyring=keyring)
    return _answer(outcome, first=True), 201


@blueprint.post("/<uuid:opening_id>/result")
def result(opening_id: UUID) -> ResponseReturnValue:
    """The page asks what became of it."""
    fields = Fields.of_request(limit=BODY_LIMIT)
    poll_secret = fields.bytes("poll_secret", size=32)
    fields.finish()
    return _answer(openings.result(web.db(), opening_id, poll_secret, now=web.now()), first=False)


@blueprint.post("/state")
def state() -> ResponseReturnValue:
    """A page asks how its message stands; nothing is opened by that."""
    fields = Fields.of_request(limit=BODY_LIMIT)
    message_id, recipient = fields.id("message"), fields.text("recipient", longest=320)
    possession_proof = fields.bytes("possession_proof", size=32)
    fields.finish()
    found = openings.state(web.db(), message_id, recipient, possession_proof, now=web.now())
    expires = utc_text(found.expires) if found.expires else None
    return jsonify(expires=expires, remember=found.remember, receipt=found.receipt)


def _answer(outcome: openings.Waiting | openings.Released, *, first: bool) -> Response:
    if isinstance(outcome, openings.Released):
        enc, sealed = b64u_encode(outcome.enc), b64u_encode(outcome.sealed)
        expires = utc_text(outcome.expires) if outcome.expires else None
        return jsonify(state="released", enc=enc, sealed=sealed, expires=expires, offer=outcome.offer)
    waiting = {"state": "waiting", "poll_after": int(outcome.poll_after.total_seconds())}
    if first:
        waiting["expires_in"] = int(outcome.expires_in.total_seconds())
    return jsonify(waiting)


@blueprint.after_app_request
def let_any_page_read(response: Response) -> Response:
    """Refusals too, and paths that lead nowhere: a file on disk has no origin that could be named."""
    if request.path.startswith(FOR_ENVELOPES):
        response.headers["Access-Control-Allow-Origin"] = "*"
    return response
