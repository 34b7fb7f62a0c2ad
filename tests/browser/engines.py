"""Starts and ends the real browsers, each person with a profile of their own; kills only what it started.

Chromium and Firefox by Playwright, as the distribution has them; WebKitGTK by WebDriver on a virtual screen.
No one driver does all three: Debian has no geckodriver, and Playwright wants a WebKit of its own.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserType, Playwright, sync_playwright
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service
from urllib3.exceptions import HTTPError

from tests.browser.install import find
from tests.browser.person import Person, PlaywrightPerson, WebKitPerson
from tests.browser.windows import PATIENCE

ENGINES = ("chromium", "firefox", "webkit")
FLAGS = (
    "--no-sandbox",  # of no use here, and impossible for root and in most containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Engines:
    """The three, each started when first asked for."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._downloads = home / "downloads"  # Firefox has one folder for all of its profiles
        self._downloads.mkdir()
        self._open = ExitStack()
        self._playwright: Playwright | None = None
        self._browsers: dict[str, Browser] = {}
        self._screen: str | None = None

    def close(self) -> None:
        self._open.close()

    @contextmanager
    def person(
        self, engine: str, folder: Path, *, dark: bool = False, locale: str = "en-US", scripts: bool = True
    ) -> Iterator[Person]:
        """A fresh profile, whose windows all close in the end.

        `dark` is not to be had in Firefox, `locale` not in WebKitGTK, whose driver also tells nothing of
        requests and of the console. Pages run no scripts unless `scripts`; the tests' own still run.
        """
        start = self._webkit if engine == "webkit" else partial(self._by_playwright, engine)
        with start(folder, dark, locale, scripts=scripts) as person:
            yield person

    @contextmanager
    def _by_playwright(
        self, engine: str, folder: Path, dark: bool, locale: str, *, scripts: bool
    ) -> Iterator[Person]:
        context = self._browser(engine, scripts=scripts).new_context(
            color_scheme="dark" if dark else "light", locale=locale, java_script_enabled=scripts
        )
        downloads = self._downloads if engine == "firefox" else folder
        try:
            yield PlaywrightPerson(engine, downloads, context=context, scripts=scripts)
        finally:
            context.close()

    @contextmanager
    def lasting(self, engine: str, profile: Path) -> Iterator[Person]:
        """Somebody with a profile on disk, which is the same after a restart.

        Not in WebKitGTK: there what a driver starts keeps nothing on disk.
        """
        launch = self._starter(engine).launch_persistent_context
        context = launch(profile, **self._program(engine), locale="en-US")
        try:
            yield PlaywrightPerson(engine, self._downloads, context=context)
        finally:
            context.close()

    def _browser(self, engine: str, *, scripts: bool) -> Browser:
        """Whether scripts run is the profile's to say, except in Firefox: there it is the browser's."""
        prefs: dict[str, Any] = {}
        if engine == "firefox" and not scripts:
            prefs = {"firefox_user_prefs": {"javascript.enabled": False}}
        key = f"{engine} {bool(prefs)}"
        if key not in self._browsers:
            browser = self._starter(engine).launch(**self._program(engine), **prefs)
            self._open.callback(browser.close)
            self._browsers[key] = browser
        return self._browsers[key]

    def _starter(self, engine: str) -> BrowserType:
        if self._playwright is None:
            self._playwright = self._open.enter_context(sync_playwright())
        found: BrowserType = getattr(self._playwright, engine)
        return found

    def _program(self, engine: str) -> dict[str, Any]:
        """Which program it is and how it is started, in Playwright's words."""
        if engine == "chromium":
            return {"executable_path": find("chromium"), "args": FLAGS, "env": self._environment()}
        return {
            "executable_path": find("firefox-esr"),
            "channel": "moz-firefox",
            "env": self._environment(),
            "downloads_path": self._downloads,
        }

    @contextmanager
    def _webkit(self, folder: Path, dark: bool, locale: str, *, scripts: bool) -> Iterator[Person]:
        environment = self._environment(HOME=str(folder), DISPLAY=self._display())
        if dark:
            environment["GTK_THEME"] = "Adwaita:dark"
        with ExitStack() as started:
            driver = _webkit_driver(started, environment, scripts=scripts)
            yield WebKitPerson(folder, driver=driver)

    def _environment(self, **more: str) -> dict[str, str | float | bool]:
        """A home of its own: Firefox refuses to run as root in another user's."""
        return {"PATH": os.environ["PATH"], "HOME": str(self._home), "LANG": "C.UTF-8", **more}

    def _display(self) -> str:
        """The virtual screen, started when first wanted; the X server chooses a free number."""
        if self._screen is None:
            reading, writing = os.pipe()
            command = [
                find("Xvfb") or "",
                "-displayfd",
                str(writing),
                "-screen",
                "0",
                "1280x1000x24",
                "-nolisten",
                "tcp",
            ]
            server = subprocess.Popen(
                command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            os.close(writing)
            self._open.callback(server.wait)
            self._open.callback(server.terminate)
            with os.fdopen(reading) as number:
                self._screen = f":{number.readline().strip()}"
        return self._screen


def _webkit_driver(
    started: ExitStack, environment: Mapping[str, str | float | bool], *, scripts: bool, tries: int = 3
) -> WebDriver:
    """A browser that answers: of some hundred one dies as it starts, and its driver would wait for ever."""
    options = Options()
    options.binary_location = find("MiniBrowser") or ""
    options.add_argument("--automation")
    if not scripts:
        options.add_argument("--enable-javascript=false")
    service = Service(find("WebKitWebDriver"), env=environment)
    service.start()
    started.callback(service.stop)
    patience = ClientConfig(remote_server_addr=service.service_url, timeout=PATIENCE)
    try:
        driver = WebDriver(RemoteConnection(client_config=patience), options=options)
    except (WebDriverException, HTTPError):
        if tries == 1:
            raise
        return _webkit_driver(started, environment, scripts=scripts, tries=tries - 1)
    started.callback(driver.quit)
    return driver
