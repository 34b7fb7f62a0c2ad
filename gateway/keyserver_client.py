"""The key server's API over HTTP (keyserver/API.md); turns what goes wrong into the gateway's two errors."""

import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import urllib3
from urllib3.exceptions import HTTPError

from gateway.errors import PermanentError, TemporaryError
from gateway.settings import KeyServer

log = logging.getLogger(__name__)

#: Seconds. Registration is one small transaction; a server that needs longer is better asked again later.
TIMEOUT = urllib3.Timeout(connect=10.0, read=30.0)
#: A copy goes to the server's own store before it answers; the first time counts for each piece on its way.
UPLOAD_TIMEOUT = urllib3.Timeout(connect=60.0, read=120.0)
MOST_ANSWER = 256 * 1024

#: Answers that end a mail: nobody can make the key server take it as it is. Everything else may be put right
#: by an operator (a revoked secret, a profile not yet provisioned, a wrong address), so the mail waits.
PERMANENT = {
    "sender-not-allowed": "5.7.1",
    "invalid-field": "5.6.0",
    "bad-json": "5.6.0",
    "too-large": "5.3.4",
    "conflict": "5.6.0",
}


class KeyServerClient:
    """One key server, over kept connections; safe to use from several threads."""

    def __init__(self, settings: KeyServer, *, connections: int = 4) -> None:
        self._settings = settings
        options: dict[str, Any] = {
            "maxsize": connections,
            "retries": False,
            "ca_certs": str(settings.ca_file) if settings.ca_file else None,
            "headers": {"User-Agent": "sealpost-gateway", "Accept": "application/json"},
        }
        self._pool: urllib3.PoolManager = (
            urllib3.ProxyManager(settings.proxy, **options)
            if settings.proxy
            else urllib3.PoolManager(**options)
        )

    def __repr__(self) -> str:
        return f"KeyServerClient({self._settings.url})"

    def close(self) -> None:
        self._pool.clear()

    def register(self, message_id: UUID, message: dict[str, Any]) -> None:
        """PUT a message; again with the same values is harmless. Raises TemporaryError, PermanentError."""
        secret = read_secret(self._settings.secret_file)
        self._ask("PUT", f"/api/v1/messages/{message_id}", message, secret=secret)

    def store_copy(self, message_id: UUID, pieces: Callable[[], Iterable[bytes]]) -> None:
        """PUT a registered message's copy, streamed; `pieces` gives it anew at each call. Again is harmless.
        Raises TemporaryError, PermanentError."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(sum(map(len, pieces()))),
        }
        secret = read_secret(self._settings.secret_file)
        path = f"/api/v1/messages/{message_id}/copy"
        self._send("PUT", path, pieces(), headers=headers, secret=secret, timeout=UPLOAD_TIMEOUT)

    def provision(self, body: dict[str, Any], *, secret: str) -> dict[str, Any]:
        """POST the gateway and its profiles; `secret` is a provisioning token or the gateway's own secret.
        Raises TemporaryError, PermanentError."""
        return self._ask("POST", "/api/v1/provision", body, secret=secret)

    def _ask(self, method: str, path: str, body: dict[str, Any], *, secret: str) -> dict[str, Any]:
        octets = json.dumps(body, separators=(",", ":")).encode("ascii")
        return self._send(method, path, octets, headers={"Content-Type": "application/json"}, secret=secret)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes],
        *,
        headers: dict[str, str],
        secret: str,
        timeout: urllib3.Timeout = TIMEOUT,
    ) -> dict[str, Any]:
        try:
            response = self._pool.request(
                method,
                self._settings.url + path,
                body=body,
                headers={**self._pool.headers, "Authorization": f"Bearer {secret}", **headers},
                timeout=timeout,
                redirect=False,
                preload_content=False,
            )
            answer = _answer(response)
        except HTTPError as error:
            # The error's text holds the whole address and the pool: its class says enough.
            raise TemporaryError(
                "unreachable", f"the key server did not answer ({type(error).__name__})"
            ) from error
        if response.status in {200, 201} and answer is not None:
            return answer
        raise _error(response.status, answer or {})


def read_secret(file: Path) -> str:
    """The gateway's secret, read each time: provisioning anew takes effect at once. Raises TemporaryError."""
    try:
        return file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise TemporaryError("no-secret", f"{file} cannot be read: provision this gateway first") from error


def _answer(response: urllib3.BaseHTTPResponse) -> dict[str, Any] | None:
    """The JSON object in an answer, None if there is none."""
    try:
        data = response.read(MOST_ANSWER)
        # What is longer than that is left unread, so this connection cannot be used again.
        response.close() if len(data) == MOST_ANSWER else response.release_conn()
        answer = json.loads(data)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _error(status: int, answer: dict[str, Any]) -> TemporaryError | PermanentError:
    code, title = str(answer.get("code", "no-api"))[:64], str(answer.get("title", ""))[:200]
    text = f"the key server answered {status}: {title} {answer.get('field', '')}".strip()
    if 400 <= status < 500 and code in PERMANENT:
        return PermanentError(code, text, status=PERMANENT[code])
    retry_after = answer.get("retry_after")
    return TemporaryError(code, text, retry_after=retry_after if isinstance(retry_after, int) else None)
