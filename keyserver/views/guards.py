"""What protects every page from other people's: the origin check and the headers; knows no view's work."""

from flask import Response, request

from keyserver.errors import CrossOriginError
from keyserver.views import origins, web

#: Windows of these blueprints keep their opener: the envelope waits for their message. Others are cut off
#: from it, which a browser refuses to do with a window that a sandbox opened: there nothing would be shown.
WITH_OPENER = ("opening", "language", "online", "forwarded", "reading")
#: Ways to ask that change nothing (RFC 9110 section 9.2.1).
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


def refuse_foreign_forms() -> None:
    """Whatever changes something by a cookie's word comes from our own pages. Raises CrossOriginError."""
    if request.method in SAFE_METHODS or origins.may_be_foreign(request) or origins.is_ours(request):
        return
    raise CrossOriginError


def add_headers(response: Response) -> Response:
    """The same for every answer, pages and files alike; a view may have set its own value before.

    The referrer is kept within this site rather than dropped: without one, browsers write `Origin: null`
    into our own forms, and the older among them then fail the origin check.
    """
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Cache-Control", "no-store")
    if request.blueprint not in WITH_OPENER:
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if web.services().settings.secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
