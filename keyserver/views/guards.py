"""What protects every page from other people's: the origin check and the headers; knows no view's work."""

from urllib.parse import urlsplit

from flask import Request, Response, request

from keyserver.errors import CrossOriginError
from keyserver.views import web

#: Windows of these blueprints keep their opener: the envelope waits for their message. Others are cut off
#: from it.
WITH_OPENER = ("opening", "language")
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


def for_programs(request: Request) -> bool:
    """Whether a request belongs to the API: there no cookie is read, so there is no origin to check."""
    return request.path.startswith("/api/")


def refuse_foreign_forms() -> None:
    """Whatever changes something comes from our own pages. Raises CrossOriginError.

    Browsers say where a request comes from and pages cannot alter it: Sec-Fetch-Site in all current ones,
    Origin in the older. What sends neither is no browser, and so carries nobody's cookies but its own.
    """
    if request.method in SAFE_METHODS or for_programs(request):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or urlsplit(origin).netloc == request.host
    if not ours:
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
