"""Somebody at a browser: windows that share one profile, and what the browser complained about."""

from abc import ABC, abstractmethod
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.windows import PlaywrightWindow, SeleniumWindow, Window

#: The cookie of a sign-in, as a key server without HTTPS names it.
SESSION = "sealpost-session"


class Person(ABC):
    """What both drivers can do, in a person's terms."""

    def __init__(self, engine: str, downloads: Path) -> None:
        self.engine = engine
        self._downloads = downloads
        self.complaints: list[str] = []
        self._forgiven: list[str] = []

    @abstractmethod
    def new_window(self) -> Window: ...

    @abstractmethod
    def end_session(self, url: str) -> None:
        """Lose the sign-in at a key server, as by closing the browser, but not what it remembers longer."""

    def open(self, address: str | Path) -> Window:
        window = self.new_window()
        window.goto(address.as_uri() if isinstance(address, Path) else address)
        return window

    def forgive(self, *texts: str) -> None:
        """Complaints that say this are what the journey is about: a refusal shows in the console, too."""
        self._forgiven += texts

    def unforgiven(self) -> list[str]:
        return [said for said in self.complaints if not any(text in said for text in self._forgiven)]


class PlaywrightPerson(Person):
    """At Chromium or Firefox."""

    def __init__(
        self, engine: str, downloads: Path, *, context: BrowserContext, scripts: bool = True
    ) -> None:
        super().__init__(engine, downloads)
        self._scripts = scripts
        self._context = context
        context.on("request", lambda request: self._note_request(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda said: self._note_console(said.type, said.text))

    def new_window(self) -> Window:
        announces = self.engine == "chromium"
        return PlaywrightWindow(
            self._context.new_page(),
            self._downloads,
            announces_downloads=announces,
            by_hand=self._scripts or self.engine == "chromium",
        )

    def end_session(self, url: str) -> None:
        assert any(cookie.get("name") == SESSION for cookie in self._context.cookies(url))
        self._context.clear_cookies(name=SESSION)

    def set_offline(self, *, offline: bool) -> None:
        self._context.set_offline(offline)

    def _note_console(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def _note_request(self, url: str) -> None:
        """A request that leaves this machine is a fault of its own."""
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in {
            "127.0.0.1",
            "localhost",
        }:
            self.complaints.append(f"asked for {url}")


class WebKitPerson(Person):
    """At WebKitGTK, whose driver tells nothing of requests and of the console."""

    def __init__(self, downloads: Path, *, driver: WebDriver) -> None:
        super().__init__("webkit", downloads)
        self._driver = driver
        self._unused = [driver.current_window_handle]

    def new_window(self) -> Window:
        if not self._unused:
            self._driver.switch_to.window(
                self._driver.window_handles[0]
            )  # the current one may be closed by now
            self._driver.switch_to.new_window("window")
            self._unused.append(self._driver.current_window_handle)
        return SeleniumWindow(self._driver, self._downloads, self._unused.pop())

    def end_session(self, url: str) -> None:
        window = self.open(f"{url}/static/img/mark.svg")
        assert self._driver.get_cookie(SESSION)
        self._driver.delete_cookie(SESSION)
        window.close()
