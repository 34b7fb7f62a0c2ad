"""Which language a browser reads, and times as that language writes them; decides nothing about people."""

from datetime import datetime

from flask import Blueprint, redirect, request, session
from markupsafe import Markup
from werkzeug import Response

import translations
from keyserver import people
from keyserver.views import web
from translations import LOCALES

blueprint = Blueprint("language", __name__)


@blueprint.post("/language")
def choose() -> Response:
    """The menu at the foot of each page: for this browser and the person. An unknown language is ignored."""
    locale, person = request.form.get("locale"), web.current_person()
    if locale in LOCALES:
        session["locale"] = locale
        if person is not None:
            names = {"first_name": person.first_name, "last_name": person.last_name}
            people.update_profile(web.db(), person, **names, locale=locale, now=web.now())
    return redirect(_own_path(request.form.get("back", "")), 303)


def _own_path(path: str) -> str:
    """`path` if it stays on this server: browsers leave it by `//host` and by `/\\host` too."""
    stays = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if stays else "/"


@blueprint.app_template_filter("moment")
def moment(time: datetime) -> Markup:
    """A time in the reader's language; portal.js moves it from UTC into the reader's zone."""
    words = translations.moment(time, web.locale(), length="medium")
    return Markup('<time datetime="{}">{}</time>').format(time.isoformat(timespec="seconds"), words)


@blueprint.app_template_filter("size")
def size(octets: int) -> str:
    """A number of bytes in the reader's language."""
    return translations.size(octets, web.locale())
