"""What a message looks like once it is open: pictures, links, hostile mail, several attachments, paper."""

import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from demo import samples
from tests.browser.journey import until_state
from tests.browser.person import Person
from tests.browser.stack import Demo, mail_to, readdressed
from tests.browser.windows import Window, wait_for

PIXEL = (Path(__file__).parents[2] / "demo" / "logos" / "tidewater.png").read_bytes()
#: The width of a picture in the message once it is loaded, 0 while it is not.
WIDTH = """(selector) => {
  const image = document.querySelector("iframe").contentDocument.querySelector(selector);
  return image && image.complete ? image.naturalWidth : 0;
}"""
PRESS_ALL = """() => {
  for (const link of document.querySelector("iframe").contentDocument.querySelectorAll("a")) link.click();
}"""


class Elsewhere:
    """A web server that a mail's pictures lie on; knows what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(PIXEL)))
                self.end_headers()
                self.wfile.write(PIXEL)

            def log_message(self, *_arguments: object) -> None:
                """Not into the tests' output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    yield server
    server.close()


def opened_html(person: Person, demo: Demo, address: str, *, folder: Path, html: str) -> Window:
    """The HTML as it stands in the opened message."""
    mail = mail_to(address, "[no passphrase] News")
    mail.add_alternative(html, subtype="html")
    envelope = person.open(demo.send(mail).save(address, folder))
    envelope.click("Open message")
    until_state(envelope, "open")
    return envelope


def test_inline_picture_is_shown(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    sample = readdressed(dict(samples.samples())["02-inline-image"], address)
    sample.replace_header("Subject", "[no passphrase] Your home insurance")

    envelope = person.open(demo.send(sample).save(address, tmp_path))
    envelope.click("Open message")

    envelope.see_in_frame("Bicycles, away from home too")
    wait_for(
        lambda: envelope.evaluate(WIDTH, "img[alt^='Premium']") == 420,
        "the chart",
        instead=envelope.frame_text,
    )
    assert "Attachments" not in envelope.text()


def test_remote_pictures_wait_for_the_button(
    person: Person, demo: Demo, address: str, tmp_path: Path, elsewhere: Elsewhere
) -> None:
    html = (
        f'<p>Our news</p><img id="one" src="{elsewhere.url}/one.png" alt="">'
        f'<p style="background: url({elsewhere.url}/two.png)">More</p>'
    )
    envelope = opened_html(person, demo, address, folder=tmp_path, html=html)
    envelope.see_in_frame("Our news")
    envelope.see("Pictures from the internet are not shown")
    assert elsewhere.asked == []

    envelope.click("Show pictures")

    wait_for(lambda: envelope.evaluate(WIDTH, "#one") == 80, "the picture", instead=envelope.frame_text)
    assert "/one.png" in elsewhere.asked


def test_hostile_html_runs_nothing_and_asks_nobody(
    person: Person, demo: Demo, address: str, tmp_path: Path, elsewhere: Elsewhere
) -> None:
    """S57: what a stranger wrote is shown in a scriptless sandbox."""
    url = elsewhere.url
    html = f"""
      <script>top.document.title = 'taken'</script>
      <img src=x onerror="top.document.title = 'taken'">
      <iframe src="{url}/frame"></iframe><object data="{url}/object"></object>
      <link rel="stylesheet" href="{url}/sheet.css"><link rel="prefetch" href="{url}/prefetch">
      <style>@import "{url}/import.css"; body {{ background: url({url}/background.png) }}</style>
      <base href="{url}/"><meta http-equiv="refresh" content="0; url={url}/refresh">
      <form action="{url}/form"><input name="passphrase" autofocus></form>
      <svg><a href="javascript:top.document.title = 'taken'"><text>press</text></a></svg>
      <a href="javascript:top.document.title = 'taken'">press me</a> <p>The end</p>"""

    person.forgive(
        "Content Security Policy"
    )  # Chromium tells what it blocked, even in a document that shows nothing
    envelope = opened_html(person, demo, address, folder=tmp_path, html=html)

    envelope.see_in_frame("The end")
    envelope.evaluate(PRESS_ALL)
    assert envelope.evaluate("() => document.title") != "taken"
    assert elsewhere.asked == []
    assert envelope.evaluate("() => document.querySelector('iframe').contentDocument.forms.length") == 0


def test_frame_is_as_tall_as_the_message(person: Person, demo: Demo, address: str, tmp_path: Path) -> None:
    lines = "".join(f"<p>Line {number}</p>" for number in range(120))

    envelope = opened_html(person, demo, address, folder=tmp_path, html=lines)

    envelope.see_in_frame("Line 119")
    hidden = """() => {
      const frame = document.querySelector("iframe"), root = frame.contentDocument.documentElement;
      return frame.clientHeight > 2000 && root.scrollHeight <= root.clientHeight;
    }"""
    wait_for(lambda: envelope.evaluate(hidden), "a frame without a scrollbar", instead=envelope.text)


def test_all_attachments_come_as_one_archive(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    mail = mail_to(address, "[no passphrase] Two files")
    mail.add_attachment(b"one", "application", "pdf", filename="same name.pdf")
    mail.add_attachment(b"two", "application", "pdf", filename="same name.pdf")
    envelope = person.open(demo.send(mail).save(address, tmp_path))
    envelope.click("Open message")

    archive = zipfile.ZipFile(envelope.download("Download all"))

    assert archive.testzip() is None
    assert sorted(archive.read(name) for name in archive.namelist()) == [b"one", b"two"]
    assert len(set(archive.namelist())) == 2


def test_names_of_strangers_are_shown_as_text(
    person: Person, demo: Demo, address: str, tmp_path: Path
) -> None:
    """S57: names, subjects and file names are somebody else's words."""
    mail = mail_to(address, "[no passphrase] <img src=x onerror=alert(1)> </script><script>alert(2)</script>")
    mail.replace_header("From", '"<b>Ada</b> & Söhne ﷽" <ada.moreau@tidewater.example>')
    mail.add_attachment(b"data", "application", "pdf", filename="../<script>alert(3)<\u202efdp.exe")

    envelope = person.open(demo.send(mail).save(address, tmp_path))
    envelope.see("<b>Ada</b> & Söhne ﷽")
    envelope.click("Open message")

    envelope.see("<img src=x onerror=alert(1)> </script><script>alert(2)</script>")
    saved = envelope.download("Download", within="alert(3)")
    assert saved.read_bytes() == b"data"
    assert "\u202e" not in envelope.text() and "\u202e" not in saved.name
