"""Where a request comes from, and whether its cookies are read; refuses nothing.

Browsers say it and pages cannot alter it: Sec-Fetch-Site in all current ones, Origin in the older. What sends
neither is no browser, and so carries nobody's cookies but its own.
"""

from urllib.parse import urlsplit

from flask import Request

#: Posted to from files, and from tabs that a mail program's sandbox has stripped of their origin.
FROM_ANYWHERE = "/online"
#: Opened from mails, which is to say from mail programs: their sandbox strips the tab of its origin, too.
FROM_MAILS = "/forwarded"


def is_ours(request: Request) -> bool:
    """Whether one of our own pages sent it, or the person by typing the address."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or urlsplit(origin).netloc == request.host


def is_for_programs(request: Request) -> bool:
    """Whether it belongs to the API: there no cookie is read, so there is no origin to check."""
    return request.path.startswith("/api/")


def may_be_foreign(request: Request) -> bool:
    """Whether it may come from anywhere: what it can do is then decided by what is in it, not by a cookie."""
    path = request.path + "/"
    return is_for_programs(request) or path.startswith((f"{FROM_ANYWHERE}/", f"{FROM_MAILS}/"))


def has_cookies(request: Request) -> bool:
    """Whether the cookies that came along count for anything."""
    return not may_be_foreign(request) or (not is_for_programs(request) and is_ours(request))
