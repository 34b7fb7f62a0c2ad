"""Sealing: time, memory and size, against encrypting, encoding and writing the same bytes."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from statistics import median
from time import perf_counter

import pybase64
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench import Row
from envelope import Level, Options, SealedEnvelope, compose_notice, render_securedoc, seal
from envelope.brand import Brand
from envelope.format import SEGMENT_SIZE, TAG_SIZE

LARGE, SMALL = 25_000_000, 10_000
#: What a small mail may take, all in: the one figure that is a time.
SMALL_SECONDS = 0.003
ALLOWANCE = 96 * 1024
#: Many, so that some of them meet no neighbour on a shared machine.
LARGE_ROUNDS, SMALL_ROUNDS = 25, 250
SERVER = "https://keys.a.example"
#: Six letters for each of its own, in a file of ASCII.
WIDEST = "ru"
OPTIONS = Options(level=Level.HIGH)
BRAND = Brand(name="Bank A", colour="#0a5c8f")


def run() -> Iterable[Row]:
    """The rows of this room."""
    large, small = mail_of(LARGE), mail_of(SMALL)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "securedoc.html"
        floor, sealing = times(
            lambda: write_floor(large, path), lambda: write_sealed(large, path), rounds=LARGE_ROUNDS
        )
        (small_sealing,) = times(lambda: write_sealed(small, path), rounds=SMALL_ROUNDS)
    yield Row(
        what="sealing 25 MB to disk / AES-GCM + base64 + write",
        ratio=median(one / other for one, other in zip(sealing, floor, strict=True)),
        limit=4,
        note=f"{min(sealing) * 1e3:.0f} ms against {min(floor) * 1e3:.0f} ms at best",
    )
    yield Row(
        what="sealing 10 kB to disk, all in / 3 ms",
        ratio=min(small_sealing) / SMALL_SECONDS,
        limit=1,
        note=f"{min(small_sealing) * 1e3:.2f} ms at best",
    )
    yield memory(large)
    for name, mail in (("25 MB", large), ("10 kB", small)):
        yield from sizes(name, mail)


def mail_of(size: int) -> bytes:
    """A mail of about `size` bytes: a text, its HTML and attachments in base64 that do not compress."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada Lovelace <ada@a.example>", "Bob <bob@b.example>"
    mail["Subject"], mail["Date"] = "The figures", "Mon, 23 Nov 2026 18:00:00 +0100"
    mail.set_content("Dear Bob,\n\nhere are the figures.\n\nAda\n")
    mail.add_alternative("<p>Dear Bob,</p><p>here are the figures.</p><p>Ada</p>\n", subtype="html")
    for number in range(3):
        data = os.urandom(size // 3 * 57 // 78)  # 57 bytes make a line of 76 letters and its end
        mail.add_attachment(data, maintype="application", subtype="pdf", filename=f"figures-{number}.pdf")
    return mail.as_bytes().replace(b"\n", b"\r\n")


def securedoc_of(mail: bytes, locale: str = "en") -> tuple[SealedEnvelope, list[bytes]]:
    """The mail sealed, and its file in chunks."""
    envelope = seal(
        mail, OPTIONS, sender="ada@a.example", recipients=["bob@b.example"], now=datetime.now(UTC)
    )
    return envelope, render_securedoc(
        envelope, recipient="bob@b.example", server=SERVER, locale=locale, brand=BRAND
    )


def notice_of(mail: bytes, locale: str) -> list[bytes]:
    """The whole mail that carries the file, in chunks."""
    envelope, securedoc = securedoc_of(mail, locale)
    return compose_notice(
        mail,
        securedoc,
        sealed=envelope,
        recipient="bob@b.example",
        server=SERVER,
        locale=locale,
        brand=BRAND,
        subject=None,
    )


def write_sealed(mail: bytes, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(securedoc_of(mail)[1])


def write_floor(data: bytes, path: Path) -> None:
    """What cannot be spared: encrypt, encode and write the mail's bytes."""
    cipher, view = AESGCM(bytes(32)), memoryview(data)
    buffer = memoryview(bytearray(SEGMENT_SIZE + TAG_SIZE))
    with path.open("wb") as file:
        for at in range(0, len(data), SEGMENT_SIZE):
            cleartext = view[at : at + SEGMENT_SIZE]
            sealed = buffer[: len(cleartext) + TAG_SIZE]
            cipher.encrypt_into(at.to_bytes(12, "big"), cleartext, None, sealed)
            file.write(pybase64.b64encode(sealed))


def times(*jobs: Callable[[], None], rounds: int) -> list[list[float]]:
    """The times of each job, in seconds, round by round: they take turns, so that noise meets them all."""
    taken: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for job, own in zip(jobs, taken, strict=True):
            start = perf_counter()
            job()
            own.append(perf_counter() - start)
    return taken


def memory(mail: bytes) -> Row:
    """The peak of a process of its own that reads, seals and writes the mail, above what it is before.

    By VmHWM: a child's ru_maxrss begins with its parent's.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mail.eml"
        path.write_bytes(mail)
        child = [sys.executable, "-c", "from bench.sealing import report_peak; report_peak()", str(path)]
        told = subprocess.run(child, check=True, capture_output=True, text=True).stdout
    idle, peak = map(int, told.split())
    note = f"{(peak - idle) / 1e6:.0f} MB above {idle / 1e6:.0f} MB idle"
    return Row(
        what="peak memory of sealing 25 MB / the mail", ratio=(peak - idle) / len(mail), limit=4, note=note
    )


def report_peak() -> None:
    """In the child: the peak after a small mail, then after the one named on the command line."""
    path = Path(sys.argv[1])
    write_sealed(mail_of(SMALL), path.with_name("small.html"))
    idle = peak_memory()
    write_sealed(path.read_bytes(), path.with_name("securedoc.html"))
    print(idle, peak_memory())


def peak_memory() -> int:
    """Bytes (Linux)."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def sizes(name: str, mail: bytes) -> Iterable[Row]:
    """File and notice against the mail and what they may have beside it, in the locale that takes most."""
    for what, chunks in (("securedoc", securedoc_of(mail, WIDEST)[1]), ("notice", notice_of(mail, WIDEST))):
        size = sum(map(len, chunks))
        note = f"{size - len(mail):+,} bytes"
        allowed = len(mail) + ALLOWANCE
        yield Row(what=f"{what} of {name} / mail + 96 kB", ratio=size / allowed, limit=1, note=note)
