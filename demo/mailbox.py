"""The mailbox page: shows all mail to whoever sits at this machine; never part of a production app."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from demo.forwarding import Forwarder
from demo.maildirs import Mail, Maildirs, attachments_of, data_of, html_of, is_notice, name_of, text_of
from keyserver.views.guards import CONTENT_POLICY

#: What a mail program lets a mail do: links open windows of their own, and nothing runs.
MAIL_SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
MAIL_POLICY = "; ".join(
    (
        f"sandbox {MAIL_SANDBOX}",
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "frame-ancestors 'self'",
    )
)


def pages(maildirs: Maildirs, forwarder: Forwarder) -> Blueprint:
    """The blueprint under /demo/."""
    demo = Blueprint(
        "demo", __name__, url_prefix="/demo", template_folder="templates", static_folder="static"
    )

    @demo.get("/")
    def addresses() -> str:
        boxes = [(address, maildirs.of(address)) for address in maildirs.addresses()]
        return render_template("demo/addresses.html", boxes=boxes)

    @demo.get("/<address>/")
    def mails(address: str) -> str:
        found = [(mail, mail.header()) for mail in maildirs.of(address)]
        return render_template("demo/mails.html", address=address, mails=found)

    @demo.get("/<address>/<mail_id>/")
    def mail(address: str, mail_id: str) -> Response:
        found = _found(maildirs.find(address, mail_id))
        content = found.read()
        files = [
            (name_of(part), len(data_of(part)), found.unpacked(name_of(part)))
            for part in attachments_of(content)
        ]
        page = render_template(
            "demo/mail.html",
            address=address,
            mail=found,
            header=content,
            text=text_of(content),
            html=html_of(content),
            sandbox=MAIL_SANDBOX,
            files=files,
            open_address=forwarder.open_address if is_notice(content) else None,
        )
        return Response(page, headers={"Content-Security-Policy": f"{CONTENT_POLICY}; frame-src 'self'"})

    @demo.get("/<address>/<mail_id>/html")
    def mail_html(address: str, mail_id: str) -> Response:
        html = html_of(_found(maildirs.find(address, mail_id)).read())
        page = html.replace("<head>", '<head>\n<base target="_blank">', 1)
        return Response(page, headers={"Content-Security-Policy": MAIL_POLICY})

    @demo.post("/<address>/<mail_id>/forward")
    def forward(address: str, mail_id: str) -> ResponseReturnValue:
        forwarder.forward(_found(maildirs.find(address, mail_id)).path.read_bytes(), sender=address)
        flash(f"Forwarded to {forwarder.open_address}. The answer comes into this mailbox.")
        return redirect(url_for("demo.mails", address=address), 303)

    @demo.get("/<address>/<mail_id>/<int:number>")
    def attachment(address: str, mail_id: str, number: int) -> Response:
        parts = attachments_of(_found(maildirs.find(address, mail_id)).read())
        if number >= len(parts):
            abort(404)
        answer = Response(data_of(parts[number]), content_type="application/octet-stream")
        answer.headers.set("Content-Disposition", "attachment", filename=name_of(parts[number]))
        return answer

    return demo


def _found(mail: Mail | None) -> Mail:
    return mail if mail else abort(404)
