"""What the gateway reads of a header block, and what it changes."""

from io import BytesIO

import pytest

from gateway import header_block


@pytest.mark.parametrize(
    ("mail", "block"),
    [
        (b"A: 1\r\nB: 2\r\n\r\nbody: 3\r\n", b"A: 1\r\nB: 2\r\n"),
        (b"A: 1\r\n folded\r\n\tagain\r\n\r\n", b"A: 1\r\n folded\r\n\tagain\r\n"),
        (b"A: 1\r\nno field here\r\nB: 2\r\n", b"A: 1\r\n"),
        (b"From ada Mon Nov 23\r\nA: 1\r\n\r\n", b"From ada Mon Nov 23\r\nA: 1\r\n"),
        (b"\r\nA: 1\r\n", b""),
        (b" folded: nothing\r\n", b""),
        (b"A: 1", b"A: 1"),
        (b"", b""),
    ],
)
def test_block_ends_where_programs_that_show_mail_end_it(mail: bytes, block: bytes) -> None:
    assert header_block.read(BytesIO(mail)) == block


def test_block_beyond_the_limit_counts_as_body() -> None:
    assert len(header_block.read(BytesIO(b"A: 1\r\n" * 1_000_000))) <= header_block.MOST


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        (b"[secure] Offer", b"Offer"),
        (b"Re: [SECURE] Offer", b"Re: Offer"),
        (b"Offer[secure]", b"Offer"),
        (b"[secure]", b""),
        (b"=?utf-8?q?=5Bsecure=5D_Stra=C3=9Fe?=", b"=?utf-8?q?Stra=C3=9Fe?="),
        (b"=?utf-8?q?=5Bsecure=5D_a=0D=0AX-Evil=3A_1?=", b"a X-Evil: 1"),
    ],
)
def test_tag_is_taken_out_of_the_subject_and_nothing_else_changes(subject: bytes, left: bytes) -> None:
    block = b"To:  bob@b.example\r\nSubject: " + subject + b"\r\nX: [secure]\r\n"

    assert header_block.without_tags(block, ["[secure]"]) == (
        b"To:  bob@b.example\r\nSubject: " + left + b"\r\nX: [secure]\r\n"
    )


def test_block_without_the_tag_stays_as_it_is() -> None:
    block = b"Subject:   odd \r\n  folding\r\n"

    assert header_block.without_tags(block, ["[secure]"]) == block


@pytest.mark.parametrize(
    ("value", "sender"),
    [
        (b"Ada <ada@BANK.example>", "ada@bank.example"),
        (b"nobody at all", ""),
        (b"<>", ""),
        (b"\xff\xfe <ada@bank.example>", "ada@bank.example"),
    ],
)
def test_sender_is_the_first_address_in_from(value: bytes, sender: str) -> None:
    assert header_block.sender(b"From: " + value + b"\r\n") == sender


def test_hops_are_counted_and_our_own_among_them() -> None:
    block = b"Received: from a by b; today\r\n"
    block += b"Received: from c\r\n\tby mx1.bank.example (Sealpost) with ESMTP; today\r\n"

    assert header_block.hops(block, "mx1.bank.example") == (2, 1)
