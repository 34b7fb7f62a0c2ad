"""The embedded server around the application: its bounds of bodies and buffers; knows no page.

Waitress reads a request's whole body before the application sees it, above half a megabyte into a file
without a name in the folder for temporary files, which is gone when the request is over or the process dies.
What is sent out it would put into such a file too, above a megabyte: not here, for it may be what the key
server has just decrypted, and that must not reach a disk.
"""

from typing import Any
from wsgiref.types import WSGIApplication

import waitress

from keyserver.settings import Settings

MB = 1024 * 1024
#: Bytes of a body; the application's own limits are lower.
MOST_BODY = 72 * MB
#: Bytes of an answer that wait in memory to be sent, before its thread has to wait for a slow client.
UNSENT = 16 * MB
#: Above this an answer would go to a file: never, since UNSENT and the longest single piece stay far below.
NEVER_TO_DISK = 1024 * MB


def server(app: WSGIApplication, settings: Settings) -> Any:
    """Ready to `run`, listening already."""
    return waitress.create_server(
        app,
        listen=settings.listen,
        threads=settings.threads,
        ident=None,
        clear_untrusted_proxy_headers=False,  # the application judges them, by trusted_proxies
        max_request_body_size=MOST_BODY,
        outbuf_high_watermark=UNSENT,
        outbuf_overflow=NEVER_TO_DISK,
    )
