"""Tokens: their text, what is stored of them, what is no token."""

import pytest

from keyserver.tokens import Token


def test_token_is_found_again_by_its_text() -> None:
    token = Token.mint("sealpost-gateway")

    found = Token.parse(token.text)

    assert found == token
    assert found is not None and found.matches(token.sha256)


def test_other_secret_does_not_match() -> None:
    assert not Token.mint("sealpost-gateway").matches(Token.mint("sealpost-gateway").sha256)


def test_secret_is_not_shown() -> None:
    token = Token.mint("sealpost-gateway")

    assert token.secret not in repr(token)


@pytest.mark.parametrize(
    "text", ["", "x", "sealpost-gateway.1.2", "sealpost-gateway." + "0" * 32 + ".short", "\0"]
)
def test_what_is_no_token_is_none(text: str) -> None:
    assert Token.parse(text) is None
