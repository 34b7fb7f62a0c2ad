"""A mail's HTML for the server's page: harmless, calm, and quick whatever a sender thinks of."""

import pytest

from keyserver import mailhtml


def shown(html: str, *, remote: bool = False) -> str:
    return mailhtml.document(html, lambda name: f"data:image/png;base64,{name}", remote=remote)[0]


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<svg><script>alert(1)</script></svg>",
        "<svg onload=alert(1)>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src onerror=alert(1)&gt;'>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data='x.swf'></object><embed src=x><base href='https://evil.example/'>",
        "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
        "<form action='https://evil.example/'><input name=q><button>x</button></form>",
        "<link rel=stylesheet href='https://evil.example/x.css'>",
        "<body onload=alert(1)>",
    ],
)
def test_nothing_that_runs_or_sends_is_left(html: str) -> None:
    body = shown(html).partition("<body")[2].lower()

    for bad in ("script", "onerror", "onload", "evil.example", "<form", "<input", "<iframe", "<svg", "<base"):
        assert bad not in body.replace("&lt;img src onerror=alert(1)&gt;", "")


def test_what_mails_are_made_of_stays() -> None:
    mail = (
        "<html><head><title>T</title><style>td{color:red}</style></head>"
        '<body bgcolor="#eee" style="margin:0"><table width="600" cellpadding="4"><tr>'
        '<td align="center"><font color="navy">Hi</font></td></tr></table>'
    )

    found = shown(mail)

    for kept in ("td{color:red}", 'bgcolor="#eee"', 'style="margin:0"', 'width="600"', 'color="navy"'):
        assert kept in found
    assert ">T<" not in found


def test_links_open_beside_the_page_and_tell_nothing() -> None:
    found = shown('<a href="https://a.example/" target="_top" rel="opener">x</a><a href="#top">y</a>')

    assert '<a href="https://a.example/" target="_blank" rel="noopener noreferrer">' in found
    assert "#top" not in found


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://track.example/1.png">',
        '<img src="//track.example/1.png">',
        '<td background="http://track.example/1.png">x',
        '<p style="background:url(https://track.example/1.png)">',
        "<p style=\"background: URL( 'https://track.example/1.png' )\">",
        "<style>p{background:url(//track.example/1.png)}</style>",
    ],
)
def test_pictures_from_the_internet_are_held_back_until_asked_for(html: str) -> None:
    html = f"<table><tr>{html}</table>"
    held, wants = mailhtml.document(html, lambda _: None, remote=False)

    assert wants
    assert "track.example" not in held
    assert "img-src data:&quot;" not in held
    assert "track.example" in shown(html, remote=True)


def test_styles_from_the_internet_never_come() -> None:
    found = shown("<style>@import 'https://track.example/x.css'; p{margin:0}</style>", remote=True)

    assert "track.example" not in found
    assert "p{margin:0}" in found


@pytest.mark.parametrize(
    "html", ['<img src="cid:logo%40a.example">', "<p style='background:url(cid:logo@a.example)'>"]
)
def test_pictures_of_the_mail_are_put_in_place(html: str) -> None:
    assert "data:image/png;base64,logo@a.example" in shown(html)


def test_embedded_pictures_stay_and_other_data_goes() -> None:
    found = shown('<img src="data:image/gif;base64,R0"><img src="data:text/html;base64,PH">')

    assert "data:image/gif;base64,R0" in found
    assert "PH" not in found


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 30_000,
        "<ul><li>" * 15_000,
        "<b><div>" * 15_000,
        "<p style='" + "url(" * 500_000 + "'>",
        "<style>" + "url(//a)" * 200_000 + "</style>",
        "<p title='" + "<style>" * 29_000 + "'>",
    ],
    ids=lambda html: html[:12],
)
def test_html_that_is_made_to_take_long_comes_to_an_end_with_what_follows_it(html: str) -> None:
    """Just within the bounds; beyond them the same takes minutes."""
    assert mailhtml.is_showable(html)

    assert "Kind regards" in shown(f"{html}<p>Kind regards")


@pytest.mark.parametrize("html", ["<div>" * 30_001, "x" * (mailhtml.LONGEST + 1)])
def test_html_beyond_the_bounds_is_not_shown(html: str) -> None:
    assert not mailhtml.is_showable(html)
