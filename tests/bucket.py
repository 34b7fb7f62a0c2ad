"""An S3 bucket of this machine's own: moto's server in a process of its own, as real as HTTP is."""

import subprocess
import sys
from contextlib import suppress
from http.client import HTTPConnection
from socket import create_server
from time import monotonic, sleep
from uuid import uuid4

#: Seconds until somebody who waits wants to know why.
PATIENCE = 60.0


class Bucket:
    """A server with one bucket; whoever asks gets a prefix in it."""

    def __init__(self) -> None:
        with create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "moto.server",
            "-H",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        quiet = subprocess.DEVNULL
        self._server = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
        deadline = monotonic() + PATIENCE
        while not self._answers():
            assert self._server.poll() is None and monotonic() < deadline, (
                "the bucket's server does not start"
            )
            sleep(0.05)

    def url(self, *, bucket: str = "copies") -> str:
        """For SEALPOST_COPIES_URL."""
        return f"s3://id:secret@{bucket}/{uuid4()}?endpoint=http://127.0.0.1:{self.port}"

    def objects(self, url: str) -> int:
        """How many lie there."""
        prefix = url.partition("?")[0].rpartition("/")[2]
        return self.ask("GET", f"/copies?list-type=2&prefix={prefix}").count("<Key>")

    def unfinished(self) -> int:
        """How many writes were begun and neither completed nor taken back."""
        return self.ask("GET", "/copies?uploads").count("<Upload>")

    def ask(self, method: str, path: str, body: bytes | None = None) -> str:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, body)
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer

    def stop(self) -> None:
        self._server.terminate()
        self._server.wait()

    def _answers(self) -> bool:
        with suppress(OSError):
            return "Error" not in self.ask("PUT", "/copies")
        return False
