"""Builds mails byte by byte, well and badly formed, for tests; asserts nothing."""

import base64

from tests.unit.sealed import HEADER

PDF = b"%PDF-1.7 offer"


def mail_of(*lines: str | bytes, header: bytes = HEADER) -> bytes:
    """A mail from lines; text is UTF-8."""
    return header + b"\r\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\r\n"


def multipart(kind: str, *parts: bytes, boundary: str = "b", header: bytes = HEADER) -> bytes:
    """A multipart with its parts, each with its own header."""
    start = header + f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    delimiter = f"--{boundary}\r\n".encode()
    return start + b"".join(delimiter + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def part(type: str, body: bytes, *more: str) -> bytes:
    lines = [f"Content-Type: {type}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def encoded(type: str, data: bytes, *more: str) -> bytes:
    return part(type, base64.encodebytes(data), "Content-Transfer-Encoding: base64", *more)


PLAIN = part("text/plain", b"Hello")
HTML = part("text/html", b'<p>Hello <img src="cid:logo@a.example">')
LOGO = encoded("image/png", b"\x89PNG", "Content-ID: <logo@a.example>", "Content-Disposition: inline")
OFFER = encoded("application/pdf", PDF, 'Content-Disposition: attachment; filename="offer.pdf"')
