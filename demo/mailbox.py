"""The mailbox page: shows all mail to whoever sits at this machine; never part of a production app."""

from flask import Blueprint, Response, abort, render_template

from demo.maildirs import Mail, Maildirs, attachments_of, data_of, name_of, text_of


def pages(maildirs: Maildirs) -> Blueprint:
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
    def mail(address: str, mail_id: str) -> str:
        found = _found(maildirs.find(address, mail_id))
        content = found.read()
        files = [
            (name_of(part), len(data_of(part)), found.unpacked(name_of(part)))
            for part in attachments_of(content)
        ]
        return render_template(
            "demo/mail.html", address=address, mail=found, header=content, text=text_of(content), files=files
        )

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
