"""The page behind a «Read message» link: a script fetches the sealed message and opens it there.

The secret stands in the link's fragment, which browsers send to nobody. So the page is the same for every
message, whether there is one or not, and calling it opens nothing.
"""

from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request

import translations
from keyserver.views import web

blueprint = Blueprint("reading", __name__, url_prefix="/read/<uuid:message_id>")

#: The mail's frame inherits this: see the same policy in `envelope.securedoc`.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob: https: http:",
        "connect-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
#: Whose words the page's script uses.
SCRIPTS = ("static/js/envelope/", "static/js/link/")


@blueprint.get("")
def page(message_id: UUID) -> Response:
    """The same for every message: nothing is looked up."""
    locale = web.locale()
    words: dict[str, str] = {}
    for folder in SCRIPTS:
        words.update(translations.strings_of(locale, folder))
    host = urlsplit(request.host_url).netloc
    answer = make_response(render_template("reading/read.html", words=words, server_host=host))
    answer.headers["Content-Security-Policy"] = CONTENT_POLICY
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
