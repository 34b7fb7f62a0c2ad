"""The API for gateways and scripts: a bearer secret in, JSON out; API.md is its contract."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge

from envelope.brand import MAX_LOGO_SIZE, Brand, Logo
from envelope.options import Level
from keyserver import copies, gateways, messages
from keyserver.errors import AuthenticationError, InvalidFieldError, TooLargeError
from keyserver.gateways import MESSAGES, PROVISION, Caller
from keyserver.mailboxes import mailbox
from keyserver.profiles import Wanted
from keyserver.views import web
from keyserver.views.fields import Fields
from translations import LOCALES

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

#: A thousand recipients or a hundred logos fit.
LONG_BODY = 1024 * 1024
#: What is read of a copy at a time.
CHUNK = 256 * 1024
MOST_RECIPIENTS, MOST_PROFILES = 1000, 100
LONGEST_LIFE = timedelta(days=3653)
LEVELS = tuple(level.value for level in Level)


@blueprint.get("/health")
def health() -> ResponseReturnValue:
    """Whether this process can serve: for load balancers and monitors."""
    try:
        web.db().execute(text("SELECT 1"))
    except SQLAlchemyError:
        return {"status": "no database"}, 503
    return {"status": "ok"}


@blueprint.post("/provision")
def provision() -> ResponseReturnValue:
    """Register a gateway and its profiles."""
    caller = _caller(PROVISION)
    fields = Fields.of_request(limit=LONG_BODY)
    name, administrator = fields.text("gateway", longest=255), fields.text("administrator", longest=320)
    wanted = [_profile(one) for one in fields.objects("profiles", most=MOST_PROFILES)]
    fields.finish()
    if len({profile.name for profile in wanted}) != len(wanted):
        raise InvalidFieldError("profiles", "each name once")
    done = gateways.provision(
        web.db(),
        caller,
        name=name,
        administrator=administrator,
        wanted=wanted,
        now=web.now(),
        key=web.services().code_key,
    )
    answer = {"account": caller.account.name, "gateway": str(done.gateway.id), "profiles": done.profiles}
    return jsonify(answer | ({"secret": done.secret} if done.secret else {}))


@blueprint.put("/messages/<uuid:message_id>")
def register(message_id: UUID) -> ResponseReturnValue:
    """Take charge of an envelope's key share."""
    caller = _caller(MESSAGES)
    fields = Fields.of_request(limit=LONG_BODY)
    registration = _registration(message_id, fields)
    fields.finish()
    done = messages.register(
        web.db(), caller.account, registration, now=web.now(), keyring=web.services().keyring
    )
    expires = done.expires.strftime("%Y-%m-%dT%H:%M:%SZ") if done.expires else None
    return jsonify(id=str(message_id), expires=expires), 201 if done.new else 200


@blueprint.put("/messages/<uuid:message_id>/copy")
def store_copy(message_id: UUID) -> ResponseReturnValue:
    """Keep a copy of an envelope, for whoever opens it by its link."""
    account = _caller(MESSAGES).account
    message = messages.of_account(web.db(), account, message_id)
    body = _stream(limit=copies.MAX_SIZE)
    copy_id = copies.begin(web.db(), message.id, lifetime=None, now=web.now())
    web.end_transaction(commit=True)
    size = web.services().copies.write(copy_id, copies.checked(body, message))
    copies.finish(web.db(), copy_id, size=size)
    return jsonify(size=size), 201


def _caller(scope: str) -> Caller:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise AuthenticationError
    return gateways.authenticate(web.db(), secret, scope=scope, now=web.now())


def _stream(*, limit: int) -> Iterator[bytes]:
    """The body as it comes. Raises TooLargeError."""
    request.max_content_length = limit
    try:
        stream = request.stream
    except RequestEntityTooLarge:
        raise TooLargeError(limit) from None
    return iter(lambda: stream.read(CHUNK), b"")


def _profile(fields: Fields) -> Wanted:
    name = fields.text("name", longest=100)
    level = Level(fields.one_of("level", LEVELS))
    locale = fields.one_of("locale", LOCALES)
    brand = _brand(fields.object("brand"))
    fields.check("brand", brand.check)
    fields.finish()
    return Wanted(name=name, level=level, locale=locale, brand=brand)


def _brand(fields: Fields) -> Brand:
    name, colour = fields.text("name", longest=200), fields.text("colour", longest=7)
    link = fields.optional("link", lambda field: fields.text(field, longest=2000))
    logo = fields.optional("logo", lambda field: _logo(fields.object(field)))
    fields.finish()
    return Brand(name=name, colour=colour, logo=logo, link=link)


def _logo(fields: Fields) -> Logo:
    logo = Logo(type=fields.text("type", longest=20), data=fields.bytes("data", most=MAX_LOGO_SIZE))
    fields.finish()
    return logo


def _registration(message_id: UUID, fields: Fields) -> messages.Registration:
    seconds = int(LONGEST_LIFE.total_seconds())
    life = fields.optional("expires_after", lambda name: fields.number(name, least=1, most=seconds))
    return messages.Registration(
        id=message_id,
        profile=fields.text("profile", longest=100),
        key_share=fields.bytes("key_share", size=32),
        possession_sha256=fields.bytes("possession_sha256", size=32),
        policy_sha256=fields.bytes("policy_sha256", size=32),
        level=Level(fields.one_of("level", LEVELS)),
        sender=mailbox(fields.text("sender", longest=320), field="sender"),
        sender_name=fields.text("sender_name", longest=500, shortest=0),
        subject=fields.optional("subject", lambda name: fields.text(name, longest=1000, shortest=0)),
        sent=fields.time("sent"),
        expires_after=timedelta(seconds=life) if life is not None else None,
        recipients=_recipients(fields),
        mailed_code=fields.yes_or_no("mailed_code"),
        online=fields.yes_or_no("online"),
        remember=fields.yes_or_no("remember"),
        receipt=fields.yes_or_no("receipt"),
    )


def _recipients(fields: Fields) -> dict[str, bool]:
    """Address -> visible; an address that stands twice is visible if it is once."""
    found: dict[str, bool] = {}
    for one in fields.objects("recipients", most=MOST_RECIPIENTS):
        address = mailbox(one.text("address", longest=320), field="recipients")
        visible = one.yes_or_no("visible")
        one.finish()
        found[address] = found.get(address, False) or visible
    return found
