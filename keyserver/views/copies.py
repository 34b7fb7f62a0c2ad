"""The API for pages that a link opened: hands the envelope to whoever holds its secret; reads no cookie."""

from os import fstat
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.wsgi import wrap_file

from keyserver import copies
from keyserver.views import web
from keyserver.views.application import BODY_LIMIT
from keyserver.views.fields import Fields

blueprint = Blueprint("copies", __name__, url_prefix="/api/v1/copies")


@blueprint.post("/<uuid:message_id>")
def fetch(message_id: UUID) -> Response:
    """The copy of an envelope, still encrypted."""
    fields = Fields.of_request(limit=BODY_LIMIT)
    recipient = fields.text("recipient", longest=320)
    possession_proof = fields.bytes("possession_proof", size=32)
    fields.finish()
    copy_id = copies.hand_out(
        web.db(), message_id, recipient, possession_proof, source=web.source(), now=web.now()
    )
    web.end_transaction(commit=True)
    file = web.services().copies.open(copy_id)
    # As a file: the server sends it by itself, and no thread waits for a slow reader.
    body = wrap_file(request.environ, file)
    answer = Response(body, mimetype="application/octet-stream", direct_passthrough=True)
    answer.content_length = fstat(file.fileno()).st_size
    return answer
