"""Renders the server's own mails and hands them to a mail server or a folder; decides nothing about when."""

import mailbox
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, quote, unquote, urlsplit

import jinja2

import translations
from keyserver import receipts
from keyserver.outbox import Waiting

#: How long a mail server may take for one answer.
PATIENCE_SECONDS = 30
#: Mails that answer one.
ANSWERS = ("forwarded", "forwarded_refused", "forwarded_unread")


class Transport(Protocol):
    """Where mail leaves. Raises OSError (smtplib's errors are some) when it could not be handed over."""

    def send(self, mail: EmailMessage, *, to: str) -> None: ...


class Renderer:
    """From a waiting mail to one that can be sent: text first, HTML beside it, in its locale."""

    def __init__(self, *, base_url: str, mail_from: str) -> None:
        self._base_url, self._from = base_url, mail_from
        loader = jinja2.PackageLoader("keyserver")
        self._environments = {
            suffix: jinja2.Environment(
                loader=loader,
                autoescape=suffix == "html",  # noqa: S701 - plain text is not markup
                extensions=["jinja2.ext.i18n"],
                undefined=jinja2.StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
            )
            for suffix in ("txt", "html")
        }

    def render(self, waiting: Waiting) -> EmailMessage:
        """The whole mail, without Bcc and secrets other than those of its context."""
        context = self._context(waiting)
        subject = self._part(f"{waiting.name}/subject.txt", context)
        mail = EmailMessage(policy=SMTP)
        mail["From"] = f"Sealpost <{self._from}>"
        mail["To"] = waiting.address
        mail["Subject"] = " ".join(subject.split())
        mail["Date"] = format_datetime(localtime())
        mail["Message-ID"] = make_msgid(domain=self._from.rpartition("@")[2])
        # No out-of-office answers (RFC 3834 section 5).
        mail["Auto-Submitted"] = "auto-replied" if waiting.name in ANSWERS else "auto-generated"
        mail.set_content(self._part(f"{waiting.name}/body.txt", context))
        mail.add_alternative(self._part(f"{waiting.name}/body.html", context), subtype="html")
        if waiting.name == receipts.NAME:
            host = urlsplit(self._base_url).hostname or ""
            _report(mail, "disposition-notification", receipts.notification(waiting.context, host=host))
        mail["Content-Language"] = waiting.locale  # last: what is set before belongs to the first part
        return mail

    def _context(self, waiting: Waiting) -> dict[str, Any]:
        context = {
            **waiting.context,
            "address": waiting.address,
            "locale": waiting.locale,
            "direction": translations.direction(waiting.locale),
        }
        if "flow" in context:
            context["flow_url"] = f"{self._base_url}/code/{context['flow']}"
        if "link" in context:
            context["link_url"] = f"{self._base_url}/forwarded/{context['link']}#{context['code']}"
        for name in {"when", "sent"} & context.keys():
            context[name] = translations.moment(datetime.fromisoformat(context[name]), waiting.locale)
        return context

    def _part(self, name: str, context: dict[str, Any]) -> str:
        environment = self._environments[name.rpartition(".")[2]].overlay()
        words = translations.load(context["locale"])
        environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
        return environment.get_template(f"mail/{name}").render(context).strip() + "\n"


def _report(mail: EmailMessage, kind: str, fields: dict[str, str]) -> None:
    """Make a mail for people a report for programs as well (RFC 6522): its text stands before `fields`."""
    mail.make_mixed()
    part = EmailMessage()
    part["Content-Type"] = f"message/{kind}"
    part.set_payload("".join(f"{name}: {value}\r\n" for name, value in fields.items()))
    mail.attach(part)
    del mail["Content-Type"]
    mail["Content-Type"] = f"multipart/report; report-type={kind}"


def _is_report(mail: EmailMessage) -> bool:
    return mail.get_content_type() == "multipart/report"


def transport_for(url: str) -> Transport:
    """The transport that a mail_url of the settings names."""
    parts = urlsplit(url)
    return _Folder(Path(parts.path)) if parts.scheme == "maildir" else _Server(parts)


class _Folder:
    """A Maildir per address: for developers, tests and the demo."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def send(self, mail: EmailMessage, *, to: str) -> None:
        """Deliver into `<root>/<address>`."""
        name = quote(to.lower(), safe="@+=!#$%&'*?^`{|}~")  # no slash, and so no way out of the root
        self._root.mkdir(parents=True, exist_ok=True)
        mailbox.Maildir(self._root / name.lstrip(".")).add(mail.as_bytes())


class _Server:
    """An SMTP server: in clear for a relay on this machine, else with verified TLS."""

    def __init__(self, url: SplitResult) -> None:
        self._url = url

    def __repr__(self) -> str:
        return f"_Server({self._url.hostname})"

    def send(self, mail: EmailMessage, *, to: str) -> None:
        """Deliver by one session."""
        with self._connect() as server:
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
            # Nothing answers a report, not even a bounce (RFC 8098 section 3).
            server.send_message(mail, from_addr="" if _is_report(mail) else None, to_addrs=[to])

    def _connect(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "", self._url.port or 0
        trusted = ssl.create_default_context()
        if self._url.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, timeout=PATIENCE_SECONDS, context=trusted)
        server = smtplib.SMTP(host, port, timeout=PATIENCE_SECONDS)
        if self._url.scheme == "smtp+tls":
            try:
                server.starttls(context=trusted)
            except OSError:
                server.close()
                raise
        return server
