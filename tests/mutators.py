"""What happens to an HTML attachment on its way: a corpus of changes that mail filters and programs make.

Each takes a file's bytes and gives back others. None knows envelopes: they look for tags, links and lines, as
filters do. `MUTATORS` has them all by name, for tests that try a file against every one.
"""

import html
import quopri
import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import quote

Mutator = Callable[[bytes], bytes]

MUTATORS: dict[str, Mutator] = {}

_FILTER = b"https://safelinks.filter.example/?url="
_URL = re.compile(rb"https?://[A-Za-z0-9.:/_?=&;%~\[\]-]+")
_LINK = re.compile(rb"((?:href|src|action)=[\"'])(https?://[^\"']+)")
_SCRIPT = re.compile(rb"<script\b[^>]*>.*?</script>", re.DOTALL | re.IGNORECASE)
_RUN_SCRIPT = re.compile(rb"<script>.*?</script>", re.DOTALL | re.IGNORECASE)
_TAG_NAME = re.compile(rb"(</?)([A-Za-z][A-Za-z0-9]*)")
_BANNER = (
    '<table width="100%" bgcolor="#ffeb9c"><tr><td><b>CAUTION:</b> This mail came from outside. '
    "Do not open files that you do not expect – Achtung, externe Nachricht!</td></tr></table>\r\n"
).encode()


def mutator(mutate: Mutator) -> Mutator:
    """Put it into the corpus under its name."""
    MUTATORS[mutate.__name__] = mutate
    return mutate


@mutator
def links_rewritten(file: bytes) -> bytes:
    """Links lead by way of the filter (Defender Safe Links and the like)."""
    return _LINK.sub(lambda link: link[1] + _through_filter(link[2]), file)


@mutator
def addresses_rewritten(file: bytes) -> bytes:
    """All that looks like an address, wherever it stands (URL Defense and the like)."""
    return _URL.sub(lambda address: _through_filter(address[0]), file)


def _through_filter(address: bytes) -> bytes:
    return (
        _FILTER + quote(html.unescape(address.decode("ascii")), safe="").encode("ascii") + b"&amp;reserved=0"
    )


@mutator
def addresses_defanged(file: bytes) -> bytes:
    """Addresses that nobody can click any more."""
    return _URL.sub(lambda address: address[0].replace(b"http", b"hxxp").replace(b".", b"[.]"), file)


@mutator
def slashes_flipped(file: bytes) -> bytes:
    """Each slash that is not a tag's."""
    return re.sub(rb"(?<!<)/(?!>)", rb"\\", file)


@mutator
def scripts_stripped(file: bytes) -> bytes:
    """Every script element, data or not."""
    return _SCRIPT.sub(b"", file)


@mutator
def running_scripts_stripped(file: bytes) -> bytes:
    """The scripts that run; data blocks are left alone."""
    return _RUN_SCRIPT.sub(b"", file)


@mutator
def scripts_emptied(file: bytes) -> bytes:
    """What is in them goes, they stay."""
    return re.sub(rb"(<script\b[^>]*>).*?(</script>)", rb"\1\2", file, flags=re.DOTALL)


@mutator
def scripts_renamed(file: bytes) -> bytes:
    """Made harmless by another name (MIMEDefang, Anomy)."""
    return re.sub(rb"(</?)script\b", rb"\1defanged_script", file, flags=re.IGNORECASE)


@mutator
def script_touched(file: bytes) -> bytes:
    """One blank in the longest script: its hash is another one then."""
    longest = max(_RUN_SCRIPT.findall(file), key=len, default=b"<script>")
    return file.replace(longest, longest.replace(b">", b"> ", 1))


@mutator
def forms_stripped(file: bytes) -> bytes:
    """The forms with all that is in them."""
    return re.sub(rb"<form\b.*?</form>", b"", file, flags=re.DOTALL)


@mutator
def form_tags_stripped(file: bytes) -> bytes:
    """The forms' own tags only."""
    return re.sub(rb"</?form\b[^>]*>", b"", file)


@mutator
def form_targets_stripped(file: bytes) -> bytes:
    """Nothing opens a new window any more."""
    return file.replace(b' target="_blank"', b"")


@mutator
def buttons_stripped(file: bytes) -> bytes:
    """Nothing can be pressed any more."""
    return re.sub(rb"<button\b.*?</button>", b"", file, flags=re.DOTALL)


@mutator
def hidden_inputs_dropped(file: bytes) -> bytes:
    """Hidden inputs are what phishing pages have."""
    return re.sub(rb"<input type=\"hidden\"[^>]*>", b"", file)


@mutator
def styles_dropped(file: bytes) -> bytes:
    """Style sheets, as webmail drops them."""
    return re.sub(rb"<style\b.*?</style>", b"", file, flags=re.DOTALL)


@mutator
def head_dropped(file: bytes) -> bytes:
    """What a preview keeps of a page: its body."""
    return re.sub(rb"<head>.*?</head>", b"", file, flags=re.DOTALL)


@mutator
def metas_dropped(file: bytes) -> bytes:
    """Among them the page's own policy and its charset."""
    return re.sub(rb"<meta\b[^>]*>", b"", file)


@mutator
def comments_dropped(file: bytes) -> bytes:
    """Comments and the document type."""
    return re.sub(rb"<!--.*?-->|<!doctype[^>]*>", b"", file, flags=re.DOTALL)


@mutator
def lines_rewrapped(file: bytes) -> bytes:
    """Every line cut after 76 letters, wherever that is."""
    lines = file.split(b"\r\n")
    return b"\r\n".join(b"\r\n".join(re.findall(rb".{1,76}", line)) for line in lines)


@mutator
def lines_indented(file: bytes) -> bytes:
    """A space in front of every line (format=flowed, badly)."""
    return b"".join(b" " + line for line in file.splitlines(keepends=True))


@mutator
def line_ends_halved(file: bytes) -> bytes:
    """LF where CRLF was, as files are saved on many systems."""
    return file.replace(b"\r\n", b"\n")


@mutator
def white_space_collapsed(file: bytes) -> bytes:
    """One blank for many, line breaks included."""
    return re.sub(rb"\s+", b" ", file)


@mutator
def written_in_utf16(file: bytes) -> bytes:
    """Saved anew as UTF-16 with its byte order mark."""
    return file.decode("ascii").encode("utf-16")


@mutator
def declared_windows_1252(file: bytes) -> bytes:
    """Another charset declared."""
    return file.replace(b'<meta charset="utf-8">', b'<meta charset="windows-1252">')


@mutator
def byte_order_mark_added(file: bytes) -> bytes:
    """UTF-8's, in front."""
    return b"\xef\xbb\xbf" + file


@mutator
def banner_before_everything(file: bytes) -> bytes:
    """A warning in front of the document."""
    return _BANNER + file


@mutator
def banner_at_top(file: bytes) -> bytes:
    """A warning at the top of the body."""
    return file.replace(b"<body>", b"<body>" + _BANNER, 1)


@mutator
def banner_at_bottom(file: bytes) -> bytes:
    """A disclaimer at the end of the body."""
    head, end, tail = file.rpartition(b"</body>")
    return head + _BANNER + end + tail


@mutator
def banner_after_everything(file: bytes) -> bytes:
    """A disclaimer behind the document."""
    return file + _BANNER


@mutator
def truncated_at_half(file: bytes) -> bytes:
    """A download that broke off."""
    return file[: len(file) // 2]


@mutator
def truncated_in_the_last_input(file: bytes) -> bytes:
    """It broke off shortly before its end."""
    return file[: file.rindex(b"<input") + 60]


@mutator
def requoted(file: bytes) -> bytes:
    """Quoted-printable and back, through a program that keeps lines by LF."""
    return quopri.decodestring(quopri.encodestring(file.replace(b"\r\n", b"\n"), quotetabs=True))


@mutator
def unquoted(file: bytes) -> bytes:
    """Taken for quoted-printable, which it was not."""
    return quopri.decodestring(file)


@mutator
def tags_in_capitals(file: bytes) -> bytes:
    """Names of elements in capital letters."""
    return _outside_scripts(file, lambda text: _TAG_NAME.sub(lambda tag: tag[1] + tag[2].upper(), text))


@mutator
def document_type_rewritten(file: bytes) -> bytes:
    """As XML tools write it."""
    return file.replace(b"<!doctype html>", b'<!DOCTYPE html SYSTEM "about:legacy-compat">')


def _outside_scripts(file: bytes, change: Mutator) -> bytes:
    """A change to all but what is in scripts and style sheets, their tags included."""
    pieces = re.split(rb"((?<=>)[^<]*(?:<(?!/s)[^<]*)*(?=</(?:script|style)>))", file)
    return b"".join(piece if number % 2 else change(piece) for number, piece in enumerate(pieces))


@mutator
def reserialised(file: bytes) -> bytes:
    """Parsed and written anew: attributes in the order of the alphabet, references decoded."""
    return _Writer.rewritten(file, quote=b'"')


@mutator
def reserialised_with_single_quotes(file: bytes) -> bytes:
    """The same, as another program writes it."""
    return _Writer.rewritten(file, quote=b"'")


@mutator
def quotes_dropped(file: bytes) -> bytes:
    """Around values that need none, as minifiers write."""
    return re.sub(rb'(<input\b[^>]*?\bname=)"([a-z]+)"', rb"\1\2", file)


class _Writer(HTMLParser):
    """Writes the page again that it is fed."""

    def __init__(self, quote: str) -> None:
        super().__init__()
        self.quote = quote
        self.written: list[str] = []

    @classmethod
    def rewritten(cls, file: bytes, *, quote: bytes) -> bytes:
        writer = cls(quote.decode("ascii"))
        writer.feed(file.decode("utf-8", "replace"))
        writer.close()
        return "".join(writer.written).encode("utf-8")

    def handle_decl(self, decl: str) -> None:
        self.written.append(f"<!{decl}>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.written.append(f"<{tag}{''.join(map(self.attribute, sorted(attrs, key=lambda attr: attr[0])))}>")

    def attribute(self, attribute: tuple[str, str | None]) -> str:
        name, value = attribute
        if value is None:
            return f" {name}"
        escaped = value.replace("&", "&amp;").replace(self.quote, f"&#{ord(self.quote)};")
        return f" {name}={self.quote}{escaped}{self.quote}"

    def handle_endtag(self, tag: str) -> None:
        self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        raw = self.cdata_elem is not None
        self.written.append(data if raw else html.escape(data, quote=False))
