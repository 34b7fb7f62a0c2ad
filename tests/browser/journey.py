"""The steps that journeys have in common, each as a person takes it; asserts nothing but having got there."""

from tests.browser.stack import Demo
from tests.browser.windows import Window, wait_for

PASSPHRASE = "lavender tractor umbrella"


def state(envelope: Window) -> str:
    return str(envelope.evaluate("() => document.getElementById('main').dataset.state"))


def until_state(envelope: Window, wanted: str) -> None:
    wait_for(
        lambda: state(envelope) == wanted,
        f"state {wanted}",
        instead=lambda: state(envelope) + envelope.text(),
    )


def register(window: Window, demo: Demo, address: str, *, remember: bool = False) -> None:
    """From the sign-in page to a passphrase of one's own, by a mailed code; ends before the last press."""
    window.click("Get a code by mail")
    window.see("Type the code from the mail", address)
    window.fill("Code", demo.code_for(address))
    window.click("Continue")
    window.fill("First name", "Nora")
    window.fill("Last name", "Lind")
    window.fill("New passphrase", PASSPHRASE)
    if remember:
        window.tick("Remember me")
    window.click("Continue")


def approve(window: Window) -> None:
    """The one press that opens; the window then closes itself."""
    window.see("Open this message?")
    window.click("Open message")
    window.until_closed()


def open_as_newcomer(envelope: Window, demo: Demo, address: str, *, remember: bool = False) -> None:
    """The whole way of somebody who never was here."""
    window = envelope.click_opening("Open message")
    register(window, demo, address, remember=remember)
    approve(window)
    until_state(envelope, "open")
