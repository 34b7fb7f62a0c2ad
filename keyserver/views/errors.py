"""How each refusal looks from outside: a calm page for people, problem+json (RFC 9457) for programs."""

import logging
from http import HTTPStatus
from math import ceil
from typing import Any

import flask_login
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from envelope.ids import uuid7
from keyserver.errors import (
    AuthenticationError,
    BadJsonError,
    CodeSpentError,
    CodeWrongError,
    ConflictError,
    CopyMissingError,
    CrossOriginError,
    GoneError,
    InvalidFieldError,
    KeyServerError,
    MessageExpiredError,
    MessageLockedError,
    NotEntitledError,
    NotFoundError,
    PassphraseNeededError,
    PassphraseTooWeakError,
    SenderNotAllowedError,
    ThrottledError,
    TooLargeError,
    UnknownProfileError,
    WrongScopeError,
)
from keyserver.views import guards
from keyserver.views.web import gettext, ngettext

log = logging.getLogger(__name__)

#: What is not listed here is our own fault, and answered as one.
STATUS: dict[type[KeyServerError], HTTPStatus] = {
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    BadJsonError: HTTPStatus.BAD_REQUEST,
    CodeSpentError: HTTPStatus.UNPROCESSABLE_ENTITY,
    CodeWrongError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    CopyMissingError: HTTPStatus.GONE,
    CrossOriginError: HTTPStatus.FORBIDDEN,
    GoneError: HTTPStatus.GONE,
    InvalidFieldError: HTTPStatus.BAD_REQUEST,
    MessageExpiredError: HTTPStatus.FORBIDDEN,
    MessageLockedError: HTTPStatus.FORBIDDEN,
    NotEntitledError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    PassphraseNeededError: HTTPStatus.FORBIDDEN,
    PassphraseTooWeakError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SenderNotAllowedError: HTTPStatus.FORBIDDEN,
    ThrottledError: HTTPStatus.TOO_MANY_REQUESTS,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnknownProfileError: HTTPStatus.BAD_REQUEST,
    WrongScopeError: HTTPStatus.FORBIDDEN,
}
#: API codes of what the framework refuses before any view is asked.
FRAMEWORK_CODES = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}


def register(app: Flask) -> None:
    """Answer every exception that a view lets through; the transaction is over by then."""
    app.register_error_handler(KeyServerError, _refuse)
    app.register_error_handler(HTTPException, _refuse_early)
    app.register_error_handler(Exception, _fail)


def page(error: Exception, *, status: int, layout: str = "base.html", **context: Any) -> Response:
    """The page for a refusal; `context` goes to the template as it is."""
    title, sentence = _words(error, status)
    answer = make_response(
        render_template(
            "errors/error.html",
            layout=layout,
            title=title,
            sentence=sentence,
            reason=getattr(error, "reason", None),
            expired_at=getattr(error, "expired_at", None),
            **context,
        ),
        status,
    )
    if isinstance(error, ThrottledError):
        answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _refuse(error: KeyServerError) -> Response:
    status = STATUS.get(type(error))
    if status is None:
        return _fail(error)
    if guards.for_programs(request):
        return _problem(error.code, status=status, title=str(error), **_details(error))
    return page(error, status=status)


def _refuse_early(error: HTTPException) -> Response:
    """What the framework refuses: unknown addresses, wrong methods, bodies over the limit."""
    status = error.code or 500
    if status < 400:
        return make_response(error)
    if guards.for_programs(request):
        return _problem(FRAMEWORK_CODES.get(status, "bad-json"), status=status, title="")
    answer = page(error, status=status)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ())
    return answer


def _fail(error: Exception) -> Response:
    """Our own fault: the log has the trace under an id, the answer has the id and nothing else."""
    fault = str(uuid7())
    log.error("request failed id=%s", fault, exc_info=error)
    # The database may be what failed: nobody is looked up for this answer (flask-login keeps here who it is).
    g._login_user = flask_login.AnonymousUserMixin()
    if guards.for_programs(request):
        return _problem("server-error", status=500, title="", id=fault)
    return page(error, status=500, id=fault)


def _problem(code: str, *, status: int, title: str, **details: Any) -> Response:
    phrase = HTTPStatus(status).phrase
    answer = jsonify(type="about:blank", title=title or phrase, status=int(status), code=code, **details)
    answer.status_code = status
    answer.content_type = "application/problem+json"
    if "retry_after" in details:
        answer.headers["Retry-After"] = str(details["retry_after"])
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _details(error: KeyServerError) -> dict[str, Any]:
    """The fields of API.md that belong to one code."""
    match error:
        case MessageLockedError():
            return {"reason": error.reason}
        case MessageExpiredError():
            return {"expired_at": f"{error.expired_at:%Y-%m-%dT%H:%M:%SZ}"}
        case ThrottledError():
            return {"retry_after": error.seconds}
        case InvalidFieldError():
            return {"field": error.field}
    return {}


def _words(error: Exception, status: int) -> tuple[str, str]:
    """What a page says: what happened, and what to do now."""
    match error:
        case MessageLockedError():
            return gettext("The sender has locked this message"), gettext(
                "It cannot be opened for now. If you need it, ask the sender."
            )
        case MessageExpiredError():
            return gettext("This message has expired"), gettext(
                "It can no longer be opened. If you need it, ask the sender."
            )
        case NotEntitledError():
            return gettext("This message is for another address"), gettext(
                "Sign in with the address that it was sent to."
            )
        case GoneError():
            return gettext("This window has nothing to open"), gettext(
                "If your message is not open in the file, press its button there again."
            )
        case CopyMissingError():
            return gettext("This message is no longer here"), gettext(
                "Open the file from the mail once more, or ask the sender to send it again."
            )
        case ThrottledError():
            return gettext("Please wait a little"), wait(error)
        case CrossOriginError():
            return gettext("This came from another page"), gettext(
                "For your safety only this server’s own pages can do that. Begin again at the start page."
            )
    return _words_for_status(status)


def _words_for_status(status: int) -> tuple[str, str]:
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return gettext("This page does not exist"), gettext(
            "Perhaps its address was mistyped, or it is no longer there."
        )
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return gettext("That was too much at once"), gettext("Go back, send less, and try again.")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return gettext("That did not work"), gettext("Go back and try again.")
    return gettext("Something went wrong here"), gettext("It is not your fault. Try again in a few minutes.")


def wait(error: ThrottledError) -> str:
    """How long somebody who tried too often is asked to wait, rounded up to minutes."""
    minutes = ceil(error.seconds / 60)
    return ngettext(
        "There were too many attempts. Try again in %(minutes)s minute.",
        "There were too many attempts. Try again in %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}
