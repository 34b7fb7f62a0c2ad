"""A browser window as a person uses it, the same in every engine; knows nothing of what stands in it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import ElementHandle, Frame, Page
from playwright.sync_api import Error as PlaywrightError
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
#: A person gives up some time; it says nothing about speed.
PATIENCE = 30.0

FIND = (Path(__file__).parent / "find.js").read_text("utf-8")
PLACE = f"""(sought) => {{
  const element = ({FIND})(sought);
  element?.scrollIntoView({{block: "center", behavior: "instant"}});
  const place = element?.getBoundingClientRect();
  return place && document.readyState === "complete" ? [innerWidth, innerHeight, place.x, place.y] : null;
}}"""

#: Text is there to read before it is laid out.
IS_STYLED = """() => document.readyState === "complete" &&
  [...document.querySelectorAll("link[rel=stylesheet]")].every((link) => link.sheet)"""
FRAME_TEXT = """() =>
  [...document.querySelectorAll("iframe")].map((f) => f.contentDocument?.body?.innerText ?? "").join("\\n")"""
RUN_AXE = """() => axe.run(document, {iframes: false}).then((result) => result.violations.map(
  (rule) => `${rule.id}: ${rule.nodes.map((node) => node.html + " " + node.failureSummary).join(" | ")}`))"""

T = TypeVar("T")


class NotSeenError(AssertionError):
    """What the test looked for did not appear; carries what was there instead."""


def wait_for(look: Callable[[], T], what: str, *, instead: Callable[[], str] = str) -> T:
    """The first true answer of `look`; whoever waits says for `what`."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = look()
        except (PlaywrightError, WebDriverException) as error:  # the page is on its way to another one
            answer, last = None, str(error)
        else:
            last = ""
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise NotSeenError(f"{what} did not come; {last or 'instead: ' + instead()}")
        time.sleep(0.05)


class Window(ABC):
    """What both drivers can do, in a person's terms."""

    @abstractmethod
    def goto(self, url: str) -> None: ...

    @abstractmethod
    def evaluate(self, function: str, argument: object = None) -> Any:
        """Run the source of a function in the page and return what it returns."""

    @abstractmethod
    def settle(self, function: str) -> Any:
        """The same for a function that returns a promise."""

    @abstractmethod
    def screenshot(self, path: Path) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @property
    @abstractmethod
    def closed(self) -> bool: ...

    @abstractmethod
    def _click(self, *sought: str) -> bool:
        """Click if it is there; see `FIND`."""

    @abstractmethod
    def _type(self, label: str, text: str) -> bool:
        """Type into an emptied field if it is there."""

    @abstractmethod
    def click_opening(self, words: str) -> "Window":
        """Click, and return the window that opens."""

    @abstractmethod
    def frame(self) -> "Window":
        """What its first frame shows, as a window of its own: also where no page may look into it."""

    @abstractmethod
    def download(self, words: str, *, within: str = "") -> Path:
        """Click, and return the file that arrives on disk; `within` is what the button's list entry says."""

    def text(self) -> str:
        return str(self.evaluate("() => document.body ? document.body.innerText : ''"))

    def url(self) -> str:
        return str(self.evaluate("() => location.href"))

    def frame_text(self) -> str:
        """What the message's own frame shows."""
        return str(self.evaluate(FRAME_TEXT))

    def click(self, words: str, *, within: str = "") -> None:
        wait_for(lambda: self._click("control", words, within), f"«{words}»", instead=self.text)

    def tick(self, label: str) -> None:
        wait_for(lambda: self._click("field", label), f"the box «{label}»", instead=self.text)

    def fill(self, label: str, text: str) -> None:
        wait_for(lambda: self._type(label, text), f"the field «{label}»", instead=self.text)

    def see(self, *texts: str) -> str:
        """Wait until all of it is there to read; return all that is there to read."""
        for text in texts:
            wait_for(lambda wanted=text: wanted in self.text(), f"«{text}»", instead=self.text)
        return self.text()

    def see_in_frame(self, text: str) -> str:
        wait_for(
            lambda: text in self.frame_text(), f"«{text}»", instead=lambda: self.frame_text() or self.text()
        )
        return self.frame_text()

    def until_closed(self) -> None:
        wait_for(lambda: self.closed, "the window's end", instead=self.text)

    def until_styled(self) -> None:
        """What judges looks comes after this."""
        wait_for(lambda: self.evaluate(IS_STYLED), "the page's style", instead=self.text)

    def axe(self) -> list[str]:
        """What the accessibility checker finds: rule, and the elements that break it."""
        self.until_styled()
        self.evaluate(f"() => {{ {AXE.read_text('utf-8')} }}")
        return [str(finding) for finding in self.settle(RUN_AXE)]


class PlaywrightWindow(Window):
    """A page of Chromium or Firefox."""

    def __init__(
        self, page: Page | Frame, downloads: Path, *, announces_downloads: bool, by_hand: bool = True
    ) -> None:
        self.page = page
        self._downloads = downloads
        self._announces_downloads = announces_downloads
        #: Else elements are told that they were clicked: in Firefox without scripts the driver cannot click.
        self._by_hand = by_hand

    def goto(self, url: str) -> None:
        self.page.goto(url, wait_until="commit")

    def evaluate(self, function: str, argument: object = None) -> Any:
        return self.page.evaluate(function, argument)

    settle = evaluate

    def screenshot(self, path: Path) -> None:
        self.page.screenshot(path=path, full_page=True)

    def close(self) -> None:
        self.page.close()

    @property
    def closed(self) -> bool:
        with suppress(PlaywrightError):
            self.page.evaluate("() => 0")  # only while it is asked does the driver hear what happened
        return self.page.is_closed()

    def _element(self, *sought: str) -> ElementHandle | None:
        return self.page.evaluate_handle(FIND, sought).as_element()

    def _click(self, *sought: str) -> bool:
        element = self._element(*sought)
        if element and self._by_hand:
            element.click()
        elif element:
            self.page.evaluate("(element) => element.click()", element)
        return element is not None

    def _type(self, label: str, text: str) -> bool:
        element = self._element("field", label)
        if element and self._by_hand:
            element.fill(text)
        elif element:
            self.page.evaluate("([element, text]) => { element.value = text; }", [element, text])
        return element is not None

    def click_opening(self, words: str) -> Window:
        with (self.page.page if isinstance(self.page, Frame) else self.page).expect_popup() as popup:
            self.click(words)
        return PlaywrightWindow(
            popup.value,
            self._downloads,
            announces_downloads=self._announces_downloads,
            by_hand=self._by_hand,
        )

    def frame(self) -> Window:
        element = wait_for(lambda: self.page.query_selector("iframe"), "a frame", instead=self.text)
        window = copy(self)
        window.page = element.content_frame()
        return window

    def download(self, words: str, *, within: str = "") -> Path:
        if not self._announces_downloads:  # Firefox: the event never comes (seen with Playwright 1.64)
            return arrival(self._downloads, lambda: self.click(words, within=within))
        with self.page.expect_download() as download:
            self.click(words, within=within)
        path = self._downloads / download.value.suggested_filename
        download.value.save_as(path)
        return path


class SeleniumWindow(Window):
    """A window of WebKitGTK; the driver has one current window, so each step first turns to its own."""

    def __init__(self, driver: WebDriver, downloads: Path, handle: str) -> None:
        self.driver = driver
        self._downloads = downloads
        self._handle = handle
        self._within_frame = False

    def _turn(self) -> WebDriver:
        self.driver.switch_to.window(self._handle)
        if self._within_frame:
            self.driver.switch_to.frame(0)
        return self.driver

    def frame(self) -> Window:
        window = copy(self)
        window._within_frame = True
        return window

    def goto(self, url: str) -> None:
        self._turn().get(url)

    def evaluate(self, function: str, argument: object = None) -> Any:
        return self._turn().execute_script(f"return ({function})(arguments[0])", argument)

    def settle(self, function: str) -> Any:
        return self._turn().execute_async_script(f"({function})().then(arguments[0])")

    def screenshot(self, path: Path) -> None:
        self._turn().save_screenshot(str(path))

    def close(self) -> None:
        self._turn().close()

    @property
    def closed(self) -> bool:
        return self._handle not in self.driver.window_handles

    def _element(self, *sought: str) -> WebElement | None:
        """The element once its page is there and it stands still, all of it in view.

        This driver presses where it was before, and if only its edge is in view, that edge.
        """
        before = self.evaluate(PLACE, sought)
        element: WebElement | None = self.evaluate(FIND, sought)
        return element if before and before == self.evaluate(PLACE, sought) else None

    def _click(self, *sought: str) -> bool:
        element = self._element(*sought)
        if element:
            element.click()
        return element is not None

    def _type(self, label: str, text: str) -> bool:
        element = self._element("field", label)
        if element:
            element.clear()
            element.send_keys(text)
        return element is not None

    def click_opening(self, words: str) -> Window:
        before = set(self.driver.window_handles)
        self.click(words)
        opened = wait_for(lambda: set(self.driver.window_handles) - before, "a new window", instead=self.text)
        return SeleniumWindow(self.driver, self._downloads, opened.pop())

    def download(self, words: str, *, within: str = "") -> Path:
        return arrival(self._downloads, lambda: self.click(words, within=within))


def arrival(folder: Path, act: Callable[[], None]) -> Path:
    """The file that `act` brings into the folder, once it is whole."""
    before = set(folder.iterdir())
    act()
    sizes: list[int] = []

    def whole() -> Path | None:
        new = [path for path in set(folder.iterdir()) - before if path.suffix not in {".part", ".wkdownload"}]
        if not new:
            return None
        sizes.append(new[0].stat().st_size)
        return new[0] if len(sizes) > 2 and sizes[-1] and sizes[-3] == sizes[-1] else None

    return wait_for(whole, "the download")
