"""Mailbox fields and the one spelling of an address."""

import pytest

from envelope.addresses import Mailbox, first_address, normalise, parse_mailboxes
from envelope.errors import AddressError


@pytest.mark.parametrize(
    ("address", "spelling"),
    [
        ("ada@a.example", "ada@a.example"),
        (" Ada.B+c@A.Example ", "Ada.B+c@a.example"),
        ("root@localhost", "root@localhost"),
        ('"a b"@a.example', '"a b"@a.example'),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
        ("ädä@BÜCHER.example", "ädä@bücher.example"),
    ],
)
def test_address_has_one_spelling(address: str, spelling: str) -> None:
    assert normalise(address) == spelling
    assert normalise(spelling) == spelling


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "ada",
            "@a.example",
            "ada@",
            "a b@c.example",
            "a@b@c",
            "a@-b.example",
            "a@b..c",
            "a@.b",
            "<a@b>",
        ),
        *("a@b\r\nBcc: c@d", "a\0@b", "a@b,c@d", "a@b c", "x" * 250 + "@a.example", "ada\u202e@a.example"),
    ],
)
def test_what_cannot_be_delivered_to_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        normalise(address)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("ada@a.example", [("", "ada@a.example")]),
        ("Ada <ada@a.example>, <bob@b.example>", [("Ada", "ada@a.example"), ("", "bob@b.example")]),
        ('"Lovelace, Ada" <ada@a.example>', [("Lovelace, Ada", "ada@a.example")]),
        ('"A \\"B\\" C" <a@b.example>', [('A "B" C', "a@b.example")]),
        ("=?utf-8?Q?Ad=C3=A4?= <a@b.example>", [("Adä", "a@b.example")]),
        ("=?utf-8?Q?Doe,_Jane?= <a@b.example>", [("Doe, Jane", "a@b.example")]),
        ('"=?utf-8?Q?Ad=C3=A4?=" <a@b.example>', [("Adä", "a@b.example")]),
        ("ada@a.example (Ada (of A))", [("Ada of A", "ada@a.example")]),
        ("Ada (the first) <ada@a.example>", [("Ada", "ada@a.example")]),
        ("friends: ada@a.example, Bob <bob@b.example>;", [("", "ada@a.example"), ("Bob", "bob@b.example")]),
        ("undisclosed-recipients:;", []),
        ("<@relay.example:ada@a.example>", [("", "ada@a.example")]),
        ('"a b"@a.example', [("", '"a b"@a.example')]),
        ("Ada ada@a.example", [("Ada", "ada@a.example")]),
        ("bank@good.example <evil@e.example>", [("bank@good.example", "evil@e.example")]),
        ("Ada Lovelace", [("Ada Lovelace", "")]),
        ("Ada\u202e <a@b.example>", [("Ada", "a@b.example")]),
        ("Ada <ada@a.example", [("Ada", "ada@a.example")]),
        (",,;", []),
    ],
)
def test_mailboxes_are_read(value: str, read: list[tuple[str, str]]) -> None:
    assert [(mailbox.name, mailbox.address) for mailbox in parse_mailboxes([value])] == read


@pytest.mark.parametrize(
    "value", ["(" * 50_000, '"' * 50_000, "<" * 50_000, "a@b," * 50_000, ("x " * 50_000) + "@"]
)
def test_hostile_fields_are_read_in_one_go(value: str) -> None:
    assert len(parse_mailboxes([value])) <= 50_000


def test_first_address_is_the_first_that_can_be_delivered_to() -> None:
    mailbox = first_address(["nobody, Ada <Ada@A.example>, bob@b.example"])

    assert mailbox is not None and (mailbox.name, mailbox.address) == ("Ada", "Ada@a.example")
    assert first_address(["nobody"]) is None


def test_mailbox_reads_back_from_its_text() -> None:
    mailboxes = parse_mailboxes(['"Lovelace, \\"A\\"" <a@b.example>, Ädä <c@d.example>, e@f.example'])

    assert parse_mailboxes([", ".join(map(str, mailboxes))]) == mailboxes


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("Dr. Lena Vogt", "Dr. Lena Vogt <l@a.example>"),
        ("Vogt, Lena", '"Vogt, Lena" <l@a.example>'),
        ("boss@bank.example", '"boss@bank.example" <l@a.example>'),
    ],
)
def test_name_is_quoted_for_readers_only_where_it_could_mislead(name: str, read: str) -> None:
    mailbox = Mailbox(name, "l@a.example")

    assert str(mailbox) == read
    assert parse_mailboxes([read]) == [mailbox]
