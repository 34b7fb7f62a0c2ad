"""Ids and base64url."""

import pytest

from envelope import b64u_decode, b64u_encode, uuid7
from envelope.errors import FormatError


def test_ids_are_uuids_of_version_seven_in_the_order_of_time() -> None:
    made = [uuid7() for _ in range(1000)]

    assert {(id.version, id.variant) for id in made} == {(7, "specified in RFC 4122")}
    assert len(set(made)) == 1000
    assert [id.int >> 80 for id in made] == sorted(id.int >> 80 for id in made)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xfb\xff", b"\xfb\xff\xfe", bytes(range(256))])
def test_bytes_come_back_from_base64url(data: bytes) -> None:
    text = b64u_encode(data)

    assert not set(text) & set("+/=")
    assert b64u_decode(text, size=len(data)) == b64u_decode(text.encode()) == data


@pytest.mark.parametrize("text", ["A", "AA==", "AB", "A A", "AA\n", "A+8", "ÄÖ", "AAA=", "\0\0"])
def test_anything_but_the_one_spelling_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        b64u_decode(text)


def test_another_size_is_refused() -> None:
    with pytest.raises(FormatError):
        b64u_decode("AAAA", size=2)
