"""Where a mail ends, whatever pieces it comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.data_stream import DataStream


def read(*chunks: bytes) -> tuple[bytes, bytes, bool]:
    stream = DataStream()
    data = b""
    for chunk in chunks:
        if not stream.ended:
            data += stream.feed(chunk)
    return data, stream.rest, stream.ended


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n..a\r\n.\r\n", b".\r\n.a\r\n"),
        (b"a\nb\r\n.\r\n", b"a\r\nb\r\n"),
        (b"a\rb\r\n.\r\n", b"a b\r\n"),
        (b"a\r\r\nb\r\n.\r\n", b"a \r\nb\r\n"),
        (b"\x00\r\n.\r\n", b"\x00\r\n"),
        (
            b"a\n.\nMAIL FROM:<eve@x.example>\n.\r\nb\r\n.\r\n",
            b"a\r\n.\r\nMAIL FROM:<eve@x.example>\r\n.\r\nb\r\n",
        ),
        (b"a\r.\rb\r\n.\r\n", b"a . b\r\n"),
    ],
)
def test_mail_ends_only_at_crlf_dot_crlf(sent: bytes, kept: bytes) -> None:
    assert read(sent) == (kept, b"", True)


def test_commands_behind_the_mail_are_left_over() -> None:
    assert read(b"a\r\n.\r\nQUIT\r\n") == (b"a\r\n", b"QUIT\r\n", True)


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"..", b"\r\n."])))
def test_any_cut_gives_the_same_mail(pieces: list[bytes]) -> None:
    sent = b"".join(pieces) + b"\r\n.\r\n"

    assert read(*pieces, b"\r\n.\r\n")[0] == read(sent)[0] == read(*(bytes([b]) for b in sent))[0]


@given(st.lists(st.text(alphabet=".abc \u20ac", max_size=8)))
def test_stuffed_mail_comes_out_as_it_was(lines: list[str]) -> None:
    mail = b"".join(line.encode() + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line.startswith(".") else b"") + line.encode() + b"\r\n" for line in lines)

    assert read(stuffed + b".\r\n") == (mail, b"", True)
