"""A mail's HTML made harmless and put into a document of its own; fetches nothing and knows no part.

Nothing of it may run or fetch: it is sanitised here, its document has a strict policy, and the frame that
shows it has no scripts. Each would do alone. The reader in the browser does the same (mailbody.js).
"""

import re
from collections.abc import Callable
from html import escape
from urllib.parse import unquote

import nh3

#: Characters and tags of one body: more could cost the sanitiser seconds, so it is not shown as HTML.
LONGEST = 2 * 1024 * 1024
MOST_TAGS = 30_000

_REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_EMBEDDED = re.compile(r"data:image/", re.IGNORECASE)
_CID = re.compile(r"cid:", re.IGNORECASE)
_LINK = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_BODY = re.compile(r"<(/?)body\b", re.IGNORECASE)
_IMPORT = re.compile(r"@import[^;]*(?:;|$)", re.IGNORECASE)
_URL = re.compile(r"url\(", re.IGNORECASE)
_SHEET = re.compile(r"<style\b[^>]*>", re.IGNORECASE)
_COLOUR = re.compile(r"#?\w{1,30}", re.ASCII)

#: The mail's own body becomes a section: what it says of itself, like its colour, goes along.
_TAGS = nh3.ALLOWED_TAGS - {"area", "map"} | {"big", "font", "main", "section", "style", "tfoot"}
_DROPPED = {"button", "datalist", "iframe", "noscript", "object", "option", "script", "select", "svg", "math"}
_DROPPED |= {"template", "textarea", "title", "audio", "video", "frameset", "noembed", "noframes", "xmp"}
_CELL = {"background", "colspan", "rowspan", "headers", "scope", "nowrap"}
_ATTRIBUTES = {
    "*": {"align", "bgcolor", "class", "dir", "height", "id", "lang", "style", "title", "valign", "width"},
    "a": {"href", "name"},
    "blockquote": {"type"},
    "col": {"span"},
    "colgroup": {"span"},
    "details": {"open"},
    "font": {"color", "face", "size"},
    "hr": {"color", "noshade", "size"},
    "img": {"alt", "border", "hspace", "src", "vspace"},
    "li": {"value"},
    "ol": {"reversed", "start", "type"},
    "style": {"media", "type"},
    "table": {"background", "border", "bordercolor", "cellpadding", "cellspacing", "rules", "summary"},
    "td": _CELL,
    "th": _CELL,
    "tr": {"background"},
    "ul": {"type"},
}

#: How the body looks where the mail says nothing itself: on white paper, whatever the page around it.
STYLE = (
    "html{color-scheme:light;background:#fff;color:#1b1e23;overflow-wrap:break-word;"
    'font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}'
    "body{box-sizing:border-box;min-height:100vh;margin:0;padding:1rem}img,table{max-width:100%}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; img-src data:"
_DOCUMENT = """<!doctype html><html><head><meta charset="utf-8">\
<meta http-equiv="Content-Security-Policy" content="{policy}">\
<meta http-equiv="x-dns-prefetch-control" content="off"><meta name="referrer" content="no-referrer">\
<meta name="viewport" content="width=device-width"><style>{style}</style></head>\
<body{paper}>{body}</body></html>"""

#: The address that stands for a picture of the mail, by its Content-ID, or None where it has none.
Picture = Callable[[str], str | None]


def is_showable(html: str) -> bool:
    """Whether it is small enough to be made harmless."""
    return len(html) <= LONGEST and html.count("<") <= MOST_TAGS


def document(html: str, picture: Picture, *, remote: bool) -> tuple[str, bool]:
    """The document for the frame, and whether the mail has pictures on the internet.

    They are in it with `remote` alone.
    """
    cleaner = _Cleaner(picture, remote=remote)
    body = cleaner.clean(html)
    policy = f"{_POLICY} https: http:" if remote else _POLICY
    paper = f' bgcolor="{cleaner.paper}"' if cleaner.paper else ""
    return _DOCUMENT.format(policy=escape(policy), style=STYLE, paper=paper, body=body), cleaner.wants_remote


class _Cleaner:
    """One pass over one mail."""

    def __init__(self, picture: Picture, *, remote: bool) -> None:
        self._picture, self._remote = picture, remote
        self.wants_remote = False
        #: The colour that the mail's body asks for.
        self.paper = ""

    def clean(self, html: str) -> str:
        cleaned = nh3.clean(
            _BODY.sub(r"<\1section", html),
            tags=_TAGS,
            clean_content_tags=_DROPPED,
            attributes=_ATTRIBUTES,
            attribute_filter=self._attribute,
            url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
            url_relative=lambda address: address if _REMOTE.match(address) else None,
            link_rel="noopener noreferrer",
            set_tag_attribute_values={"a": {"target": "_blank"}},
        )
        return self._sheets(cleaned)

    def _attribute(self, tag: str, name: str, value: str) -> str | None:
        if name in ("src", "background"):
            return self._address(value.strip())
        if name == "style":
            return self._style(value)
        if (tag, name) == ("section", "bgcolor") and _COLOUR.fullmatch(value):
            self.paper = value
        if name == "href":
            return value if _LINK.match(value.strip()) else None
        return value

    def _address(self, address: str) -> str | None:
        if _CID.match(address):
            return self._picture(unquote(address[4:].strip()))
        if _REMOTE.match(address):
            self.wants_remote = True
            return address if self._remote else None
        return address if _EMBEDDED.match(address) else None

    def _sheets(self, html: str) -> str:
        """The mail's own style sheets, as the sanitiser let them through."""
        settled: list[str] = []
        at = 0
        for found in _SHEET.finditer(html):
            end = html.find("</style", found.end())
            if end < 0:
                break
            if found.start() >= at:
                settled += [html[at : found.end()], self._style(html[found.end() : end])]
                at = end
        return "".join([*settled, html[at:]])

    def _style(self, css: str) -> str:
        """Addresses in it settled alike. What hides from the pattern by escapes the policy stops."""
        css = _IMPORT.sub("", css)
        settled: list[str] = []
        at = 0
        for found in _URL.finditer(css):
            end = css.find(")", found.end())
            if end < 0:
                break
            if found.start() >= at:
                address = self._address(css[found.end() : end].strip(" \t\r\n\f\"'"))
                settled += [css[at : found.start()], f'url("{address}")' if address else "none"]
                at = end + 1
        return "".join([*settled, css[at:]])
