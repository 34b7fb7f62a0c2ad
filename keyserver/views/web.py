"""What a view may ask about its request: services, transaction, time, source, person, locale, cookies."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

import flask_login
from flask import Flask, Request, Response, current_app, g, request, session
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.orm import Session

import translations
from keyserver import devices, people, sent
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.keyring import Keyring
from keyserver.models import Person
from keyserver.passphrases import Passphrases
from keyserver.settings import Settings
from keyserver.views import origins
from keyserver.views.streams import Streams

#: How long a browser that signed in is told from a stranger's (see throttle.py).
KNOWN_FOR = timedelta(days=365)


@dataclass(frozen=True)
class Services:
    """What lives as long as the process."""

    settings: Settings
    database: Database
    keyring: Keyring
    passphrases: Passphrases
    code_key: bytes
    browsers: URLSafeTimedSerializer
    copies: CopyStore
    tickets: bytes = field(repr=False)
    streams: Streams

    def __repr__(self) -> str:
        return "Services()"


def services() -> Services:
    """What lives as long as the process."""
    found: Services = current_app.extensions["sealpost"]
    return found


def db() -> Session:
    """This request's transaction. GET and HEAD get one in which the database refuses to change anything."""
    if "db" not in g:
        writing = request.method not in ("GET", "HEAD", "OPTIONS")
        g.db = services().database.session(writing=writing)
    found: Session = g.db
    return found


def end_transaction(*, commit: bool) -> None:
    """Keep or drop what the request did so far, if it used the database at all."""
    if "db" not in g:
        return
    if not commit:
        g.db.rollback()
        return
    if "device" in g and request.method not in ("GET", "HEAD", "OPTIONS"):
        devices.used(g.db, g.device, lifetime=services().settings.device_lifetime, now=now())
    g.db.commit()


def close(_error: BaseException | None = None) -> None:
    """Give the connection back at the very end of the request."""
    if "db" in g:
        g.pop("db").close()


def now() -> datetime:
    """The moment of this request: one for all that happens in it."""
    if "now" not in g:
        g.now = datetime.now(UTC)
    moment: datetime = g.now
    return moment


def source() -> str:
    """Where the request comes from, as throttling tells sources apart: an IPv4 address or an IPv6 /64."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, 64), strict=False))
    return str(address)


def current_person() -> Person | None:
    """Who is signed in, by session or by remembered device."""
    person: Person | None = getattr(flask_login.current_user, "person", None)
    return person


def is_sender() -> bool:
    """Whether whoever is signed in sends secure messages, or could."""
    person = current_person()
    return person is not None and sent.is_sender(db(), people.addresses_of(db(), person))


def by_device() -> bool:
    """Whether it is a remembered device that says so, and no session."""
    return current_person() is not None and "device" in g


def locale() -> str:
    """The language to answer in: the visit's where a view set one (`speak`), else the person's, else the one
    chosen in this browser, else the browser's.
    """
    if "locale" in g:
        return str(g.locale)
    person = current_person()
    if person is not None:
        return person.locale
    chosen = session.get("locale")
    return translations.negotiate([chosen] if chosen else request.accept_languages.values())


def speak(*preferences: str) -> str:
    """From now on this request is answered in the best of these languages; returns which that is."""
    g.locale = translations.negotiate(preferences)
    return str(g.locale)


def gettext(text: str) -> str:
    """`text` in the language of this request."""
    return translations.load(locale()).ugettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """`one` or `many`, by the rules of the language of this request."""
    return translations.load(locale()).ungettext(one, many, number)


def sign_in(person: Person, *, address: str, remember: bool = False) -> None:
    """From now on this browser is the person's; with `remember` also when the session is over (S49).

    The session starts anew, so that nothing planted in it before outlives the sign-in.
    """
    kept = session.get("locale")
    session.clear()
    if kept:
        session["locale"] = kept
    flask_login.login_user(_SignedIn(person))
    session.pop("_id", None)  # of the protection that `install_login` turns off
    mark = {"address": _folded(address), "browser": known_browser(address) or secrets.token_urlsafe(16)}
    _set_cookie("browser", services().browsers.dumps(mark), lasts=KNOWN_FOR)
    if remember:
        lifetime = services().settings.device_lifetime
        label = devices.label_of(request.user_agent.string)
        value = devices.remember(db(), person, label=label, lifetime=lifetime, now=now())
        _set_cookie("device", value, lasts=lifetime)


def sign_out() -> None:
    """From now on this browser is nobody's: the session ends, and the device is forgotten."""
    devices.forget(db(), _cookie("device"), now=now())
    _set_cookie("device", "", lasts=timedelta(0))
    flask_login.logout_user()
    session.clear()


def known_browser(address: str) -> str | None:
    """The mark of this browser if somebody signed in with `address` here before, for `people.sign_in`."""
    try:
        mark = services().browsers.loads(_cookie("browser"), max_age=int(KNOWN_FOR.total_seconds()))
    except BadData:
        return None
    known: str | None = mark["browser"] if mark["address"] == _folded(address) else None
    return known


def cookie_name(purpose: str, settings: Settings) -> str:
    """`__Host-` where it can be: such a cookie comes from this very host, over HTTPS (RFC 6265bis 4.1.3)."""
    return f"{'__Host-' if settings.secure else ''}sealpost-{purpose}"


def send_cookies(response: Response) -> Response:
    """Put what `sign_in` and `sign_out` decided into the answer."""
    settings = services().settings
    for purpose, (value, lasts) in g.pop("cookies", {}).items():
        response.set_cookie(
            cookie_name(purpose, settings),
            value,
            max_age=lasts,
            secure=settings.secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def _folded(address: str) -> str:
    return address.strip().lower()


def _cookie(purpose: str) -> str:
    if not origins.has_cookies(request):
        return ""
    return request.cookies.get(cookie_name(purpose, services().settings), "")


def _set_cookie(purpose: str, value: str, *, lasts: timedelta) -> None:
    g.setdefault("cookies", {})[purpose] = (value, lasts)


class _SignedIn(flask_login.UserMixin):  # type: ignore[misc]  # the library has no types
    """A person as flask-login wants to see one. The id changes with the epoch, which ends older sessions."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def get_id(self) -> str:
        return f"{self.person.id}.{self.person.epoch}"


def install_login(app: Flask) -> None:
    """Tell flask-login how to find out who is there. The remembered device is ours, not the library's cookie:
    each has a row of its own, so that it can be listed and revoked."""
    logins = flask_login.LoginManager(app, add_context_processor=False)
    logins.session_protection = None  # would sign a phone out at each change of network
    logins.user_loader(_by_session)
    logins.request_loader(_by_device)


def _by_session(text: str) -> _SignedIn | None:
    identity, _, epoch = text.partition(".")
    person = people.by_id(db(), UUID(identity))
    if person is None or not person.active or str(person.epoch) != epoch:
        return None
    return _SignedIn(person)


def _by_device(_request: Request) -> _SignedIn | None:
    value = _cookie("device")
    person = devices.person_by(db(), value, now=now()) if value else None
    if person is None:
        return None
    g.device = value
    return _SignedIn(person)
