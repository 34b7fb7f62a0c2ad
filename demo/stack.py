"""The demo's process tree: what is started in which order, when it is ready, how it ends; shows nothing."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.error import URLError
from urllib.request import urlopen

from demo import organisation, sink
from demo.organisation import Place

#: What the operators of a real installation type, by the program's name.
PROGRAMS = {"sealpost": "keyserver.cli", "sealpost-gateway": "gateway.cli"}
#: Seconds until somebody who waits wants to know why.
PATIENCE = 60.0


class DemoError(Exception):
    """The demo cannot go on; says what to do about it."""


@contextmanager
def running(place: Place) -> Iterator["Stack"]:
    """Everything started and ready; on leaving, everything this started is ended."""
    for port in (place.port, place.smtp_port):
        _demand_free(port)
    place.var.mkdir(parents=True, exist_ok=True)
    (place.var / "log").mkdir(exist_ok=True)
    with ExitStack() as parts:
        sink_port = parts.enter_context(sink.listening(place))
        stack = Stack(place, parts, sink_port=sink_port)
        stack.start()
        yield stack


class Stack:
    """The running parts."""

    def __init__(self, place: Place, parts: ExitStack, *, sink_port: int) -> None:
        self._place = place
        self._parts = parts
        self._sink_port = sink_port
        others = {name: value for name, value in os.environ.items() if not name.startswith("SEALPOST_")}
        self._environment = {**others, **organisation.environment(place, sink_port=sink_port)}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """As an operator would: database, key server, account, gateway."""
        place = self._place
        self.command("sealpost", "db", "upgrade")
        self._launch("keyserver", [sys.executable, "-m", "demo.portal", str(place.mail)])
        self.until(lambda: _answers(f"{place.url}/api/v1/health"), "the key server does not answer")
        organisation.write_gateway_toml(place, sink_port=self._sink_port)
        self._provision()
        self._launch("worker", [*_program("sealpost"), "worker"])
        self._launch("gateway", [*_program("sealpost-gateway"), "run", "--config", str(place.gateway_toml)])
        self.until(lambda: _listens(place.smtp_port), "the gateway does not answer")

    def command(self, program: str, *arguments: str, given: str = "") -> str:
        """What a command prints that is `given` this to read. Raises DemoError with its complaint."""
        done = subprocess.run(
            [*_program(program), *arguments],
            env=self._environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"{program} {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
        return done.stdout

    def watch(self) -> None:
        """Return never, unless a part ends by itself: then raise DemoError."""
        while True:
            self._complain_about_the_dead()
            time.sleep(0.5)

    def until(self, reached: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            self._complain_about_the_dead()
            if time.monotonic() > deadline:
                raise DemoError(f"{complaint}; see {self._place.var / 'log'}")
            time.sleep(0.05)

    def _provision(self) -> None:
        """The gateway's profiles to the key server; the first time with the token of its account."""
        provision = ("provision", "--config", str(self._place.gateway_toml))
        if self._place.gateway_secret.exists():
            self.command("sealpost-gateway", *provision)
            return
        self.command("sealpost-gateway", *provision, "--token-file", "-", given=self._token())

    def _token(self) -> str:
        """Of the account, which is there already if an earlier start was interrupted."""
        if organisation.ACCOUNT in self.command("sealpost", "account", "list"):
            return self.command("sealpost", "account", "token", organisation.ACCOUNT)
        domains = [word for domain in organisation.DOMAINS for word in ("--domain", domain)]
        return self.command("sealpost", "account", "create", organisation.ACCOUNT, *domains)

    def _launch(self, name: str, command: list[str]) -> None:
        """Start a part that ends with the demo. Ctrl-C is for the demo alone; it ends its parts in order."""
        log = self._parts.enter_context((self._place.var / "log" / f"{name}.log").open("ab"))
        part = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
        )
        self._parts.callback(_end, part)
        self._running[name] = part

    def _complain_about_the_dead(self) -> None:
        for name, part in self._running.items():
            if part.poll() is not None:
                raise DemoError(f"the {name} ended by itself; see {self._place.var / 'log' / name}.log")


def _program(name: str) -> list[str]:
    return [sys.executable, "-c", f"from {PROGRAMS[name]} import main; main()"]


def _end(part: subprocess.Popen[bytes]) -> None:
    part.terminate()
    try:
        part.wait(timeout=15)
    except subprocess.TimeoutExpired:
        part.kill()
        part.wait()


def _demand_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(
                f"port {port} of this machine is taken: end what uses it, or choose others"
            ) from error


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
