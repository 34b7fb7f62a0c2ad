"""`python -m demo`: start everything, send the sample mails, say where to look, end on Ctrl-C."""

import argparse
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

from demo import samples
from demo.maildirs import Maildirs
from demo.organisation import Place
from demo.stack import DemoError, Stack, running

WHERE = """
  Mailboxes      {url}/demo/
                 and as Maildirs under {mail}/
  Portal         {url}/
  Send mail to   127.0.0.1:{smtp_port}  (SMTP, no password; from anybody@tidewater.example to anybody)
  Logs           {log}/

demo ready, Ctrl-C ends it"""


def main() -> int:
    place = _place(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may have set the first to be ignored
        signal.signal(number, _interrupt)
    try:
        with suppress(KeyboardInterrupt), running(place) as stack:
            _send_samples(place, stack)
            print(
                WHERE.format(url=place.url, mail=place.mail, smtp_port=place.smtp_port, log=place.var / "log")
            )
            sys.stdout.flush()
            stack.watch()
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def _place(arguments: list[str]) -> Place:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Sealpost on this machine, to look at"
    )
    parser.add_argument("--port", type=int, default=8600, help="of the key server and the mailbox page")
    parser.add_argument("--smtp-port", type=int, default=2525, help="of the gateway, where mail goes in")
    parser.add_argument("--var", type=Path, default=Path("var/demo"), help="the folder that holds everything")
    options = parser.parse_args(arguments)
    return Place(var=options.var.resolve(), port=options.port, smtp_port=options.smtp_port)


def _send_samples(place: Place, stack: Stack) -> None:
    """Each sample once in the life of the folder: a sent one is noted down when it has arrived."""
    noted = place.var / "samples"
    sent = noted.read_text("utf-8").split() if noted.exists() else []
    under_way = [
        (name, *samples.send(mail, port=place.smtp_port))
        for name, mail in samples.samples()
        if name not in sent
    ]
    for name, message_id, recipients in under_way:
        arrived = partial(_arrived, Maildirs(place.mail), message_id, recipients=recipients)
        stack.until(arrived, f"the sample {name} did not arrive")
        with noted.open("a", encoding="utf-8") as note:
            note.write(f"{name}\n")


def _arrived(maildirs: Maildirs, message_id: str, *, recipients: list[str]) -> bool:
    return all(maildirs.holds(address, message_id) for address in recipients)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
