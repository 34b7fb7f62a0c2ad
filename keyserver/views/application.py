"""The Flask application itself: settings, templates, static files, one transaction around each view."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, request, send_from_directory
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from werkzeug.middleware.proxy_fix import ProxyFix

import translations
from keyserver import tickets
from keyserver.copy_store import CopyStore
from keyserver.db import Database
from keyserver.errors import KeyServerError, NotFoundError
from keyserver.keyring import Keyring
from keyserver.passphrases import Passphrases
from keyserver.settings import Settings
from keyserver.views import guards, origins, web
from keyserver.views.streams import Streams

STATIC = Path(__file__).parents[2] / "static"
#: What of `static/` is served: bundles and pictures, not their sources.
SERVED = ("dist/", "img/")
#: Bytes of a request's body, where a view does not say otherwise.
BODY_LIMIT = 64 * 1024


class KeyServer(Flask):
    """Flask with one transaction around each view."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("keyserver", static_folder=None)
        self.session_interface = _Sessions()
        self.secret_key = settings.derived("session cookie")
        self.config.update(
            MAX_CONTENT_LENGTH=BODY_LIMIT,
            MAX_FORM_MEMORY_SIZE=BODY_LIMIT,
            PERMANENT_SESSION_LIFETIME=settings.session_lifetime,
            SESSION_COOKIE_NAME=web.cookie_name("session", settings),
            SESSION_COOKIE_SECURE=settings.secure,
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Lax",
        )
        self.extensions["sealpost"] = _services(settings)
        if settings.trusted_proxies:
            hops = settings.trusted_proxies
            wrapped = ProxyFix(self.wsgi_app, x_for=hops, x_proto=hops)
            self.wsgi_app = wrapped  # type: ignore[method-assign]  # as Flask documents it
        self._prepare_templates()
        self.add_url_rule("/static/<path:filename>", endpoint="static", view_func=_static)
        self.url_defaults(_static_version)
        self.before_request(guards.refuse_foreign_forms)
        self.after_request(guards.add_headers)
        self.after_request(web.send_cookies)
        self.teardown_request(web.close)
        web.install_login(self)

    def dispatch_request(self) -> Any:
        """The view within its transaction: committed when it answers, rolled back when it raises.

        A refusal that `counts` is committed too: what it wrote is the record of the attempt, no more.
        """
        try:
            answer = super().dispatch_request()
        except KeyServerError as refusal:
            web.end_transaction(commit=refusal.counts)
            raise
        except Exception:
            web.end_transaction(commit=False)
            raise
        web.end_transaction(commit=True)
        return answer

    def _prepare_templates(self) -> None:
        self.jinja_env.add_extension("jinja2.ext.i18n")
        self.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
            web.gettext, web.ngettext, newstyle=True
        )
        self.jinja_env.trim_blocks = self.jinja_env.lstrip_blocks = True
        self.context_processor(_for_templates)


class _Sessions(SecureCookieSessionInterface):
    """The session cookie, neither read nor set where what browsers send along must not count (origins.py)."""

    digest_method = staticmethod(sha256)

    def __init__(self) -> None:
        self._serializer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """One for all requests: Flask makes it anew twice in each."""
        if self._serializer is None:
            self._serializer = super().get_signing_serializer(app)
        return self._serializer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if not origins.has_cookies(request):
            return NullSession()
        return super().open_session(app, request)


def _services(settings: Settings) -> web.Services:
    return web.Services(
        settings=settings,
        database=Database(settings.database_url),
        keyring=Keyring(settings.keks),
        passphrases=Passphrases(settings),
        code_key=settings.derived("mailed codes"),
        copies=CopyStore(settings.copies_url),
        tickets=settings.derived(tickets.PURPOSE),
        streams=Streams(max(1, settings.threads // 2)),
        browsers=URLSafeTimedSerializer(settings.derived("known browsers")),
    )


def _for_templates() -> dict[str, Any]:
    locale = web.locale()
    return {
        "locale": locale,
        "direction": translations.direction(locale),
        "family_first": translations.family_first(locale),
        "languages": translations.menu(),
        "person": web.current_person(),
        "is_sender": web.is_sender,
    }


def _static(filename: str) -> Response:
    if not filename.startswith(SERVED):
        raise NotFoundError
    current = request.args.get("v") == _digest(filename)
    return send_from_directory(STATIC, filename, max_age=31_536_000 if current else 60)


def _static_version(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses of static files change with their content, so that browsers may keep what they have."""
    if endpoint == "static" and "filename" in values:
        values.setdefault("v", _digest(values["filename"]))


def _digest(filename: str) -> str | None:
    path = STATIC / filename
    return _digest_of(path, path.stat().st_mtime_ns) if path.is_file() else None


@cache
def _digest_of(path: Path, _stamp: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:16]
