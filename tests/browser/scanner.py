"""A mail filter's robot: asks for every address in a mail, shows every page and presses all there is on it.

It is as thorough as one that nobody told when to stop: it types into every field, sends every form, and goes
on in whatever window that opens. It reads nobody's mailbox, and so knows no code.
"""

import re
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

from playwright.sync_api import BrowserContext, ElementHandle, Page
from playwright.sync_api import Error as PlaywrightError

from demo.maildirs import attachments_of, data_of, name_of

ADDRESS = re.compile(r"https?://[^\s\"'<>()]+")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PRESSED = (
    "form:not(:has(button)), button, a[href]:not([href^='#']), summary, "
    "[type=submit], [type=checkbox], [role=button]"
)
TYPED = "input:not([type=hidden], [type=checkbox], [type=submit], [type=file]), textarea"
#: An address that is nobody's, and digits that are the code once in ten million tries.
WORDS = {"email": "robot@filter.example", "password": "let me in, please", "text": "1234 5678"}
DEPTH = 5
#: Milliseconds that it gives a page to do something by itself.
REST = 300
#: What a control is told by: the same in the same place is pressed once. The foot is the same on all pages.
NAME = """(element) => {
  const leads = new URL(element.getAttribute("href") ?? element.form?.action ?? "", location).pathname;
  if (element.closest("footer")) return `foot ${element.tagName} ${element.form ? leads : ""}`;
  const place = `${location.protocol}${location.pathname} ${document.querySelector("h1")?.innerText}`;
  return `${place}: ${element.tagName} ${leads} ${element.innerText?.trim().slice(0, 60)}`;
}"""
IS_FORM = "(element) => element.tagName === 'FORM'"
#: What cannot be seen, too, as only a program can.
PRESS = "(element) => element.tagName === 'FORM' ? element.requestSubmit() : element.click()"


class Scanner:
    """A browser in which nobody is signed in; what lies beyond `server` it leaves alone."""

    def __init__(self, context: BrowserContext, *, server: str) -> None:
        self._context = context
        self._host = urlsplit(server).netloc
        #: What it pressed.
        self.presses: list[str] = []
        context.route(self._is_outside, lambda route: route.abort())

    def scan(self, mail: EmailMessage, folder: Path) -> None:
        """All of it: the addresses first, then the files with what those left in the browser."""
        addresses = self.addresses(mail)
        for address in addresses:
            self._fetch(address)
        files = [_saved(part, folder) for part in attachments_of(mail) if name_of(part).endswith(".html")]
        for address in [*addresses, *files]:
            self._show(address)

    def addresses(self, mail: EmailMessage) -> list[str]:
        """Every address of the server that stands in the mail's text, its HTML and its files."""
        texts = (str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text")
        found = {address.rstrip(".,") for text in texts for address in ADDRESS.findall(text)}
        return sorted(address for address in found if not self._is_outside(address))

    def _is_outside(self, address: str) -> bool:
        parts = urlsplit(address)
        return parts.scheme.startswith("http") and parts.netloc != self._host

    def _fetch(self, address: str) -> None:
        """As programs do that show nothing."""
        for method in ("HEAD", "GET"):
            with suppress(HTTPError), urlopen(Request(address, method=method), timeout=30) as answer:
                answer.read()

    def _show(self, address: str) -> None:
        page = self._context.new_page()
        with suppress(PlaywrightError):
            page.goto(address)
        self._explore(page, depth=DEPTH)
        page.close()

    def _explore(self, page: Page, *, depth: int) -> None:
        """Press one thing after another, and go on wherever that leads."""
        with suppress(PlaywrightError):
            page.wait_for_timeout(REST)
            while depth and not page.is_closed() and (control := self._next(page)):
                self._try(page, control, depth=depth)

    def _next(self, page: Page) -> ElementHandle | None:
        """The first control that was not pressed yet, which then counts as pressed."""
        for control in page.query_selector_all(PRESSED):
            name = " ".join(UUID.sub("…", control.evaluate(NAME)).split())
            if name not in self.presses:
                self.presses.append(name)
                return control
        return None

    def _try(self, page: Page, control: ElementHandle, *, depth: int) -> None:
        self._type(page)
        page.evaluate("() => { window.before = true }")
        for opened in self._press(page, control):
            self._explore(opened, depth=depth - 1)
            opened.close()
        if not page.is_closed() and not page.evaluate("() => window.before"):
            self._explore(page, depth=depth - 1)
            page.go_back()
            page.wait_for_timeout(REST)

    def _type(self, page: Page) -> None:
        for field in page.query_selector_all(TYPED):
            with suppress(PlaywrightError):
                field.fill(WORDS.get(field.get_attribute("type") or "text", "1234 5678"), timeout=500)

    def _press(self, page: Page, control: ElementHandle) -> list[Page]:
        """The windows that it opened."""
        before = self._context.pages
        with suppress(PlaywrightError):
            if control.is_visible() and control.is_enabled() and not control.evaluate(IS_FORM):
                control.click(timeout=2000)
            else:
                control.evaluate(PRESS)
        with suppress(PlaywrightError):
            page.wait_for_timeout(REST)
        return [window for window in self._context.pages if window not in before]


def _saved(part: EmailMessage, folder: Path) -> str:
    path = folder / f"{uuid4().hex}.html"
    path.write_bytes(data_of(part))
    return path.as_uri()
