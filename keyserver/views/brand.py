"""An organisation's logo and colours, for pages and for whoever asks: neither is a secret."""

from uuid import UUID

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from envelope.brand import accents
from keyserver import profiles
from keyserver.errors import NotFoundError
from keyserver.views import web

blueprint = Blueprint("brand", __name__, url_prefix="/brand")


@blueprint.get("/<uuid:profile_id>/logo")
def logo(profile_id: UUID) -> ResponseReturnValue:
    """The picture itself, of a type that was checked when it was registered."""
    picture = profiles.brand_of(web.db(), profile_id).logo
    if picture is None:
        raise NotFoundError
    return _kept(Response(picture.data, mimetype=picture.type))


@blueprint.get("/<uuid:profile_id>/colours.css")
def colours(profile_id: UUID) -> ResponseReturnValue:
    """The accent colours as the variables that `tokens.css` defines, for light and dark."""
    found = accents(profiles.brand_of(web.db(), profile_id).colour)
    return _kept(Response(_SHEET.format(accents=found), mimetype="text/css"))


_SHEET = """:root {{ --accent: {accents.light}; --on-accent: {accents.on_light} }}
@media (prefers-color-scheme: dark) {{ :root {{ --accent: {accents.dark}; --on-accent: {accents.on_dark} }} }}
"""


def _kept(response: Response) -> Response:
    """Browsers may keep it for minutes: a new brand shows soon, and pages do not wait for it each time."""
    response.headers["Cache-Control"] = "public, max-age=600"
    return response
