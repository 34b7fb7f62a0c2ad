"""Open Online: the pages that a posted file leads through, without scripts, cookies and storage.

A file has no origin, and a mail program's sandbox takes the tab's too; so every step is a form that carries
a ticket on, and what cookies say counts only where the form is seen to come from our own page. The pages
that show the message are in online_reading.py.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from flask import Blueprint, Response, g, request

from envelope.errors import EnvelopeError
from envelope.format import Header, cleartext_size
from envelope.options import Level
from envelope.reading import PayloadReader
from keyserver import copies, online, people
from keyserver.errors import (
    AlteredError,
    CopyStoreError,
    KeyServerError,
    MessageExpiredError,
    MessageLockedError,
    NotEntitledError,
    NotFoundError,
    OnlineForbiddenError,
    PassphraseNeededError,
    VisitOverError,
)
from keyserver.mailboxes import mailbox
from keyserver.models import Person
from keyserver.online import Held, OnlineView
from keyserver.tickets import Proof, Ticket
from keyserver.views import errors, online_reading, origins, registration, web
from keyserver.views.forms import Form, show
from keyserver.views.posted import PostedEnvelope
from keyserver.views.web import gettext
from translations import LOCALES

blueprint = Blueprint("online", __name__, url_prefix="/online")

LAYOUT = "online/layout.html"
#: Refusals that only whoever holds the envelope hears.
CLOSED = (MessageLockedError, MessageExpiredError, OnlineForbiddenError, NotEntitledError)


@blueprint.post("")
def take() -> Response:
    """What a file posts; say whose message it is."""
    posted = PostedEnvelope(request)
    try:
        posted.read_words()
    finally:
        web.speak(*request.accept_languages.values(), posted.locale)
    return _start_page(_ticket_for(_keep(posted)))


def enter(held: Held, *, proven: str) -> Response:
    """Open what a link mailed to `proven` led to: the press that spent it is the press that opens."""
    return _open(replace(_ticket_for(held), proven=_proof(proven)))


@blueprint.post("/open")
def open_message() -> Response:
    """The press; on to what is still wanted, if anything is."""
    return _open(_ticket())


@blueprint.post("/passphrase")
def check_passphrase() -> Response:
    """The passphrase, of the recipient or of somebody among whose addresses the recipient's is."""
    ticket, form = _ticket(), Form(request.form)
    remember = form.tick("remember")
    elsewhere = "address" in request.form
    if elsewhere:
        address = registration.address_in(form)
    else:
        address = registration.address_to_sign_in(ticket.recipient)
    person = None if form.faults else registration.person_by(form, address=address)
    if person is not None and not people.owns(web.db(), person, mailbox(ticket.recipient)):
        form.faults["address"] = gettext("The address of this message is not among those of that person.")
    if person is None or form.faults:
        return _sign_in_page(ticket, form) if elsewhere else _approval(ticket, form)
    return _open(_typed_by(person, ticket, address=address, remember=remember))


@blueprint.post("/signin")
def sign_in() -> Response:
    """For whoever has a passphrase here, but with another address than the message's."""
    return _sign_in_page(_ticket(), Form())


@blueprint.post("/code")
def code() -> Response:
    """Mail a code to the address that the message was made for; or try the one that was typed."""
    ticket, form = _ticket(), Form(request.form)
    if ticket.flow is None or "code" not in request.form:
        return _mail_code(ticket, form)
    address = registration.take_code(form, flow_id=ticket.flow)
    if address is None:
        return _code_page(ticket, form)
    ticket = replace(ticket, proven=_proof(address))
    if _look(ticket).by_code:
        return _open(ticket)
    return _welcome_page(ticket, registration.form_for(address))


@blueprint.post("/welcome")
def set_up() -> Response:
    """Names and passphrase, by whoever has just typed the code; that passphrase then counts as typed."""
    ticket = _ticket()
    address = _proven(ticket)
    if address is None:
        return _approval(ticket, Form())
    form = Form(request.form, values={"locale": web.locale()})
    remember = form.tick("remember")
    person = registration.set_up(form, address=address)
    if person is None:
        return _welcome_page(ticket, form)
    return _open(_typed_by(person, ticket, address=address, remember=remember))


@blueprint.post("/pictures")
def show_pictures() -> Response:
    """The message again, with the pictures that are on the internet."""
    return _open(_ticket(), remote=True)


@blueprint.post("/file")
def download() -> Response:
    """One of the message's files."""
    ticket, number = _ticket(), request.form.get("part", -1, type=int)
    try:
        reader = _read(ticket)
    except PassphraseNeededError:
        return _approval(ticket, Form())
    web.end_transaction(commit=True)
    return online_reading.file(reader, number)


@blueprint.post("/language")
def choose_language() -> Response:
    """The same page in another language."""
    ticket, wanted = _ticket(), request.form.get("locale", "")
    if wanted in LOCALES:
        ticket = replace(ticket, locale=web.speak(wanted))
    match request.form.get("step"):
        case "message":
            return _open(ticket)
        case "approval":
            return _approval(ticket, Form())
        case "signin":
            return _sign_in_page(ticket, Form())
        case "code":
            return _code_page(ticket, Form())
        case "welcome" if address := _proven(ticket):
            return _welcome_page(ticket, registration.form_for(address))
    return _start_page(ticket)


@blueprint.get("")
@blueprint.get("/<path:step>")
def nothing_here(step: str = "") -> Response:
    """An address that somebody typed or kept: the way begins with the file."""
    raise VisitOverError


@blueprint.errorhandler(KeyServerError)
def refuse(error: KeyServerError) -> Response:
    """In the organisation's look where it is known whose message it is; nothing here leads elsewhere."""
    status = errors.STATUS.get(type(error))
    if status is None:
        raise error
    opening = None
    if "visit" in g:
        with suppress(NotFoundError):
            opening = online.look(web.db(), *g.visit)
    return _with_policy(errors.page(error, status=status, layout=LAYOUT, opening=opening))


def _keep(posted: PostedEnvelope) -> Held:
    """Put the envelope into the copy store, still encrypted; nothing of it stays if it comes incomplete."""
    now, store = web.now(), web.services().copies
    header = online.header_of(posted.prelude)
    secret, recipient = posted.secret, posted.recipient
    visit = header.message_id, recipient
    try:
        online.admit(
            web.db(), header, recipient=recipient, envelope_secret=secret, source=web.source(), now=now
        )
    except CLOSED:
        g.visit = visit  # they hold the envelope: the page may say whose it is
        raise
    g.visit = visit
    copy_id = copies.begin(web.db(), header.message_id, lifetime=copies.POSTED_LIFETIME, now=now)
    web.end_transaction(commit=True)
    try:
        size = store.write(copy_id, _object(posted, header))
    except BaseException:
        with suppress(CopyStoreError):  # then the worker drops it later
            copies.discard(web.db(), store, copy_id)
            web.end_transaction(commit=True)
        raise
    copies.finish(web.db(), copy_id, size=size)
    return Held(copy_id=copy_id, message_id=header.message_id, recipient=recipient, envelope_secret=secret)


def _object(posted: PostedEnvelope, header: Header) -> Iterator[bytes]:
    """A copy without a policy beside it (copies.py)."""
    yield b"\n"
    size = 0
    for piece in posted.payload():
        size += len(piece)
        yield piece
    try:
        cleartext_size(size, header.segment_size)
    except EnvelopeError:
        raise AlteredError from None


def _ticket_for(held: Held) -> Ticket:
    g.visit = held.message_id, held.recipient
    return Ticket(
        copy_id=held.copy_id,
        message_id=held.message_id,
        recipient=held.recipient,
        envelope_secret=held.envelope_secret,
        until=web.now() + copies.POSTED_LIFETIME,
        locale=web.locale(),
    )


def _ticket() -> Ticket:
    """The ticket that this form carries. Raises VisitOverError."""
    ticket = Ticket.unseal(request.form.get("ticket", ""), web.services().tickets, now=web.now())
    web.speak(ticket.locale)
    g.visit = ticket.message_id, ticket.recipient
    return ticket


def _open(ticket: Ticket, *, remote: bool = False) -> Response:
    """The message, if what was shown until now is enough; what was shown stands, whatever becomes of it."""
    web.end_transaction(commit=True)
    opening = _look(ticket)
    try:
        reader = _read(ticket)
    except PassphraseNeededError:
        return _approval(ticket, Form())
    web.end_transaction(commit=True)  # laying out takes a while: no writer waits for it
    return online_reading.message(replace(ticket, opened=True), reader, opening, remote=remote)


def _read(ticket: Ticket) -> PayloadReader:
    held = Held(
        copy_id=ticket.copy_id,
        message_id=ticket.message_id,
        recipient=ticket.recipient,
        envelope_secret=ticket.envelope_secret,
    )
    shown = online.Shown(
        typed=_typed(ticket),
        person=web.current_person(),
        by_device=web.by_device(),
        proven=_proven(ticket) or registration.proven_address(),
    )
    services = web.services()
    return online.read(
        web.db(),
        held,
        shown,
        again=ticket.opened,
        source=web.source(),
        now=web.now(),
        store=services.copies,
        keyring=services.keyring,
    )


def _typed(ticket: Ticket) -> Person | None:
    """Whose passphrase was typed in this visit, unless it has been changed since."""
    if ticket.typed is None:
        return None
    person = people.by_id(web.db(), UUID(ticket.typed.subject))
    return person if person and person.active and person.epoch == ticket.typed.epoch else None


def _typed_by(person: Person, ticket: Ticket, *, address: str, remember: bool) -> Ticket:
    """Where cookies count, the person is also signed in from now on."""
    if origins.has_cookies(request):
        web.sign_in(person, address=address, remember=remember and _look(ticket).level != Level.HIGH)
    return replace(ticket, typed=Proof(subject=str(person.id), epoch=person.epoch))


def _proof(address: str) -> Proof:
    address = mailbox(address)
    return Proof(subject=address, epoch=people.epoch_of(web.db(), address))


def _proven(ticket: Ticket) -> str | None:
    """The address that was proven in this visit, unless somebody has set a passphrase by it since."""
    proof = ticket.proven
    if proof is None or people.epoch_of(web.db(), proof.subject) != proof.epoch:
        return None
    return proof.subject


def _look(ticket: Ticket) -> OnlineView:
    return online.look(web.db(), ticket.message_id, ticket.recipient)


def _mail_code(ticket: Ticket, form: Form) -> Response:
    opening = _look(ticket)
    flow = registration.mail_code(form, address=ticket.recipient, organisation=opening.organisation)
    if flow is None:
        return _approval(ticket, form)
    return _code_page(replace(ticket, flow=flow), Form())


def _start_page(ticket: Ticket) -> Response:
    return _page("start", ticket, Form())


def _approval(ticket: Ticket, form: Form) -> Response:
    """What has to be shown before the message is, and how."""
    address = registration.address_to_sign_in(ticket.recipient)
    return _page(
        "approval",
        ticket,
        form,
        address=address,
        may_reset=address == mailbox(ticket.recipient),
        was_here=web.known_browser(address) is not None,
    )


def _sign_in_page(ticket: Ticket, form: Form) -> Response:
    return _page("signin", ticket, form)


def _code_page(ticket: Ticket, form: Form) -> Response:
    return _page("code", ticket, form)


def _welcome_page(ticket: Ticket, form: Form) -> Response:
    return _page("welcome", ticket, form, rules=registration.rules())


def _page(step: str, ticket: Ticket, form: Form, **context: object) -> Response:
    """One step of the way; its template has the step's name."""
    opening = _look(ticket)
    cookies = origins.has_cookies(request)
    page = show(
        f"online/{step}.html",
        form,
        opening=opening,
        step=step,
        server=web.services().settings.base_url,
        ticket=ticket.seal(web.services().tickets),
        may_remember=cookies and opening.level != Level.HIGH,
        **context,
    )
    return _with_policy(page)


def _with_policy(page: Response) -> Response:
    page.headers["Content-Security-Policy"] = online_reading.policy("script-src 'self'")
    return page
