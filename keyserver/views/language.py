"""Which language a browser reads, and times as that language writes them; decides nothing about people."""

from datetime import UTC, datetime

from babel.dates import format_date, format_time, get_datetime_format
from flask import Blueprint, Response, redirect, request, session
from markupsafe import Markup

from keyserver.views import web
from translations import LOCALES

blueprint = Blueprint("language", __name__)


@blueprint.post("/language")
def choose() -> Response:
    """The menu at the foot of each page. An unknown language changes nothing."""
    if request.form.get("locale") in LOCALES:
        session["locale"] = request.form["locale"]
    return redirect(_own_path(request.form.get("back", "")), 303)


def _own_path(path: str) -> str:
    """`path` if it stays on this server: no scheme, and neither ``//host`` nor ``/\\host``, which browsers leave by."""
    stays = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if stays else "/"


@blueprint.app_template_filter("moment")
def moment(time: datetime) -> Markup:
    """A time in the reader's language, in UTC and saying so; portal.js moves it into the reader's zone."""
    time, locale = time.astimezone(UTC), web.locale()
    words = (
        get_datetime_format("medium", locale=locale)
        .replace("{0}", format_time(time, "short", locale=locale))
        .replace("{1}", format_date(time, "medium", locale=locale))
    )
    return Markup('<time datetime="{}">{} UTC</time>').format(time.isoformat(timespec="seconds"), words)
