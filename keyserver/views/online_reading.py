"""The pages of Open Online that hold what was decrypted: the message and its files; decides nothing."""

import unicodedata
from urllib.parse import quote

from flask import Response, render_template, request

from envelope.filenames import bare
from envelope.reading import PayloadReader
from keyserver import mailview
from keyserver.online import OnlineView
from keyserver.tickets import Ticket
from keyserver.views import origins, web

#: What is only this server's own, also where the page's own origin is taken from it by a sandbox.
_OWN = "style-src 'self' {server}{styles}; img-src 'self' {server} data:{images}; form-action 'self' {server}"


def policy(*more: str, styles: str = "", images: str = "") -> str:
    """The content security policy of these pages."""
    own = _OWN.format(server=web.services().settings.base_url, styles=styles, images=images)
    return "; ".join(("default-src 'none'", *more, own, "frame-ancestors 'none'", "base-uri 'none'"))


def message(ticket: Ticket, reader: PayloadReader, opening: OnlineView, *, remote: bool) -> Response:
    """The message itself. The frames in it inherit this page's policy, which therefore lets no script run."""
    view = mailview.view_of(reader, remote=remote)
    page = render_template(
        "online/message.html",
        opening=opening,
        step="message",
        server=web.services().settings.base_url,
        mail=view,
        remote=remote,
        ticket=ticket.seal(web.services().tickets),
        is_confined=not origins.has_cookies(request),
    )
    answer = Response(mailview.filled(page, reader, view.mark) if view.mark in page else page)
    images = " https: http:" if remote else ""
    answer.headers["Content-Security-Policy"] = policy(styles=" 'unsafe-inline'", images=images)
    return answer


def file(reader: PayloadReader, number: int) -> Response:
    """A download, decrypted as it leaves."""
    found = mailview.file_of(reader, number)
    stream = web.services().streams.of(bytes(piece) for piece in reader.pieces(number))
    answer = Response(stream, mimetype="application/octet-stream")
    answer.headers["Content-Length"] = str(found.size)
    answer.headers.set("Content-Disposition", "attachment", **_names(found.name))
    return answer


def _names(name: str) -> dict[str, str]:
    """As headers can say it (RFC 6266 section 4.3): in ASCII, and besides as it is where that differs."""
    if name.isascii():
        return {"filename": name}
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return {"filename": bare(plain, ""), "filename*": f"UTF-8''{quote(name, safe='')}"}
