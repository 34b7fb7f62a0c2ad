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
    AddressLimitError,
    AlteredError,
    AuthenticationError,
    BadJsonError,
    BusyError,
    CodeSpentError,
    CodeWrongError,
    ConflictError,
    CopyMissingError,
    CopyStoreError,
    CrossOriginError,
    CutOffError,
    EnvelopeTooLargeError,
    FormChangedError,
    GoneError,
    InvalidFieldError,
    KeyServerError,
    LinkExpiredError,
    LinkUsedError,
    LinkWrongError,
    MessageExpiredError,
    MessageLockedError,
    NewerVersionError,
    NoEnvelopeError,
    NotEntitledError,
    NotFoundError,
    OnlineForbiddenError,
    PassphraseNeededError,
    PassphraseTooWeakError,
    PersonInactiveError,
    SenderNotAllowedError,
    ThrottledError,
    TooLargeError,
    UnknownEnvelopeError,
    UnknownProfileError,
    VisitOverError,
    WrongScopeError,
)
from keyserver.views import online_refusals, origins
from keyserver.views.web import gettext, ngettext

log = logging.getLogger(__name__)

#: What is not listed here is our own fault, and answered as one.
STATUS: dict[type[KeyServerError], HTTPStatus] = {
    AddressLimitError: HTTPStatus.CONFLICT,
    AlteredError: HTTPStatus.UNPROCESSABLE_ENTITY,
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    BadJsonError: HTTPStatus.BAD_REQUEST,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    CodeSpentError: HTTPStatus.UNPROCESSABLE_ENTITY,
    CodeWrongError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    CopyMissingError: HTTPStatus.GONE,
    CopyStoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    CrossOriginError: HTTPStatus.FORBIDDEN,
    CutOffError: HTTPStatus.BAD_REQUEST,
    EnvelopeTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    FormChangedError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    GoneError: HTTPStatus.GONE,
    InvalidFieldError: HTTPStatus.BAD_REQUEST,
    LinkExpiredError: HTTPStatus.GONE,
    LinkUsedError: HTTPStatus.GONE,
    LinkWrongError: HTTPStatus.UNPROCESSABLE_ENTITY,
    MessageExpiredError: HTTPStatus.FORBIDDEN,
    MessageLockedError: HTTPStatus.FORBIDDEN,
    NewerVersionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NoEnvelopeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotEntitledError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    OnlineForbiddenError: HTTPStatus.FORBIDDEN,
    PassphraseNeededError: HTTPStatus.FORBIDDEN,
    PassphraseTooWeakError: HTTPStatus.UNPROCESSABLE_ENTITY,
    PersonInactiveError: HTTPStatus.FORBIDDEN,
    SenderNotAllowedError: HTTPStatus.FORBIDDEN,
    ThrottledError: HTTPStatus.TOO_MANY_REQUESTS,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnknownEnvelopeError: HTTPStatus.NOT_FOUND,
    UnknownProfileError: HTTPStatus.BAD_REQUEST,
    VisitOverError: HTTPStatus.GONE,
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
    if isinstance(error, CopyStoreError):
        log.error("%s: %s", error, error.fault)
    if origins.is_for_programs(request):
        return _problem(error.code, status=status, title=str(error), **_details(error))
    return page(error, status=status)


def _refuse_early(error: HTTPException) -> Response:
    """What the framework refuses: unknown addresses, wrong methods, bodies over the limit."""
    status = error.code or 500
    if status < 400:
        return make_response(error)
    if origins.is_for_programs(request):
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
    if origins.is_for_programs(request):
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
        case PersonInactiveError():
            return gettext("This address can no longer be used here"), gettext(
                "Those who look after this server have closed its access. If you need it, ask the sender."
            )
        case AddressLimitError():
            return gettext("You have as many addresses as there is room for"), gettext(
                "Remove one of them in your profile, then try again."
            )
        case GoneError():
            return gettext("This window has nothing to open"), gettext(
                "If your message is not open on the page you came from, press its button there again."
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
    return _words_for_link(error) or online_refusals.words(error) or _words_for_status(status)


def _words_for_link(error: Exception) -> tuple[str, str] | None:
    """A link that was mailed after a message had been forwarded."""
    match error:
        case LinkUsedError():
            return gettext("This link has been used"), gettext(
                "It works once. To open the message again, forward its mail once more and take the new link."
            )
        case LinkExpiredError():
            return gettext("This link is too old"), gettext(
                "To open the message, forward its mail once more and take the new link."
            )
    return None


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
