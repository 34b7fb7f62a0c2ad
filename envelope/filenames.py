"""File names of parts: bare, harmless, never empty; touches no file system."""

import re
import unicodedata

from envelope.fields import harmless, readable

#: Characters; with 255 bytes the limit of the usual file systems, a number in front included.
MAX_LENGTH = 120
MAX_BYTES = 240

_SLASH = re.compile(r"[/\\]")

#: What a part without a name is called, by its type; else by the type's first half.
_NAMES = {
    "application/ms-tnef": "winmail.dat",
    "application/vnd.ms-tnef": "winmail.dat",
    "application/pdf": "document.pdf",
    "application/pgp-encrypted": "version.asc",
    "application/pgp-keys": "key.asc",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/x-pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-signature": "smime.p7s",
    "application/zip": "attachment.zip",
    "image/gif": "picture.gif",
    "image/jpeg": "picture.jpg",
    "image/png": "picture.png",
    "image/svg+xml": "picture.svg",
    "image/tiff": "picture.tiff",
    "image/webp": "picture.webp",
    "message/delivery-status": "delivery-status.txt",
    "message/disposition-notification": "disposition-notification.txt",
    "message/rfc822": "message.eml",
    "message/global": "message.eml",
    "text/calendar": "invitation.ics",
    "text/csv": "table.csv",
    "text/html": "text.html",
    "text/rfc822-headers": "headers.txt",
    "text/vcard": "contact.vcf",
    "text/x-vcard": "contact.vcf",
}


def bare(name: str, type: str) -> str:
    """What a stranger called a file, as a bare name; by its type when nothing is left of it."""
    last = _SLASH.split(unicodedata.normalize("NFC", readable(harmless(name))))[-1]
    return _shortened(last.strip(" .")) or _by_type(type)


def titled(title: str, extension: str) -> str:
    """A bare name made of a text for people, such as a subject; "" when nothing is left of it."""
    stem = _shortened(_SLASH.sub("-", harmless(title)).strip(" .-"), spare=len(extension))
    return stem and stem + extension


def _by_type(type: str) -> str:
    family = type.partition("/")[0]
    return _NAMES.get(type, "attachment.txt" if family == "text" else "attachment.bin")


def _shortened(name: str, spare: int = 0) -> str:
    """The name within the limits, its extension kept."""
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode("utf-8", "replace")) > 16:
        stem, dot, extension = name, "", ""
    spare += len((dot + extension).encode("utf-8", "replace"))
    stem = (
        stem[: MAX_LENGTH - spare].encode("utf-8", "replace")[: MAX_BYTES - spare].decode("utf-8", "ignore")
    )
    return stem.rstrip(" .") + dot + extension
