"""The cleartext's layout (FORMAT.md section 3); what openers refuse is what the vectors show."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envelope import Content, EnvelopeError, Part, Role
from envelope.content import MAX_INFLATED_SIZE, MAX_PARTS, pack, read_manifest, read_part

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = TEXTS.filter(bool)
PARTS = st.one_of(
    st.builds(
        Part,
        role=st.sampled_from([Role.TEXT, Role.HTML]),
        type=TEXTS,
        data=st.binary(max_size=2000),
        group=st.integers(min_value=0),
    ),
    st.builds(Part, role=st.just(Role.ATTACHMENT), type=TEXTS, data=st.binary(), name=NAMES),
    st.builds(Part, role=st.just(Role.INLINE), type=TEXTS, data=st.binary(), name=NAMES, id=NAMES),
    st.builds(Part, role=st.just(Role.SOURCE), type=TEXTS, data=st.binary()),
)
CONTENTS = st.builds(Content, headers=st.dictionaries(TEXTS, TEXTS), parts=st.lists(PARTS).map(tuple))


def attached(data: bytes = b"") -> Part:
    return Part(role=Role.ATTACHMENT, type="application/pdf", name="a.pdf", data=data)


def laid_out(parts: list[Part]) -> bytes:
    return b"".join(pack(Content(headers={}, parts=tuple(parts))))


def unpack(cleartext: bytes, cut: int = 1 << 20) -> Content:
    """All of a cleartext that is there in pieces of `cut` bytes."""

    def read(start: int, length: int) -> list[bytes]:
        run = cleartext[start : start + length]
        return [run[at : at + cut] for at in range(0, len(run), cut)]

    manifest = read_manifest(read, len(cleartext))
    parts = (
        Part(
            role=part.role,
            type=part.type,
            data=b"".join(read_part(read, part)),
            name=part.name,
            id=part.id,
            group=part.group,
        )
        for part in manifest.parts
    )
    return Content(headers=manifest.headers, parts=tuple(parts))


@settings(deadline=None, database=None)
@given(CONTENTS, st.integers(min_value=1, max_value=5000))
def test_any_content_comes_back_in_any_pieces(content: Content, cut: int) -> None:
    assert unpack(b"".join(pack(content)), cut) == content


@settings(deadline=None, database=None)
@given(st.binary(max_size=200))
def test_any_other_manifest_is_refused(manifest: bytes) -> None:
    with pytest.raises(EnvelopeError):
        unpack(len(manifest).to_bytes(4, "big") + manifest)


@pytest.mark.parametrize(
    "manifest",
    [
        b'{"headers":{},"parts":NaN}',
        b'{"headers":{"to":1},"parts":[]}',
        b'{"headers":{},"parts":[1]}',
        b'{"headers":{},"parts":{}}',
        b"[" * 100_000,
        b'{"headers":{},"parts":[{"role":"attachment","type":"x","encoding":"identity","length":0,"size":0}]}',
        b'{"headers":{},"parts":[{"role":"text","type":"x","encoding":"identity","length":true,"size":true}]}',
        b'{"headers":{},"parts":[{"role":["text"],"type":"x","encoding":"identity","length":0,"size":0}]}',
    ],
)
def test_manifest_of_another_kind_is_refused(manifest: bytes) -> None:
    with pytest.raises(EnvelopeError) as refused:
        unpack(len(manifest).to_bytes(4, "big") + manifest)

    assert refused.value.code == "format"


def test_deflated_bytes_that_are_none_are_refused() -> None:
    entry = b'{"role":"text","type":"x","encoding":"deflate-raw","length":2,"size":9}'
    manifest = b'{"headers":{},"parts":[' + entry + b"]}"

    with pytest.raises(EnvelopeError) as refused:
        unpack(len(manifest).to_bytes(4, "big") + manifest + b"\xff\xff")

    assert refused.value.code == "format"


def test_bodies_are_deflated_where_that_pays_and_files_never() -> None:
    text = Part(role=Role.TEXT, type="text/plain", data=b"Hello " * 1000)

    assert len(laid_out([text])) < 300
    assert len(laid_out([Part(role=Role.TEXT, type="text/plain", data=os.urandom(6000))])) > 6000
    assert len(laid_out([attached(b"Hello " * 1000)])) > 6000


def test_what_is_deflated_stays_within_what_an_opener_inflates() -> None:
    half = Part(role=Role.TEXT, type="text/plain", data=bytes(MAX_INFLATED_SIZE // 2 + 1))

    cleartext = laid_out([half, half])

    assert len(cleartext) > MAX_INFLATED_SIZE // 2
    assert [len(part.data) for part in unpack(cleartext).parts] == [len(half.data)] * 2


def test_more_than_an_opener_accepts_is_not_packed() -> None:
    with pytest.raises(EnvelopeError) as too_many:
        laid_out([attached()] * (MAX_PARTS + 1))
    with pytest.raises(EnvelopeError) as too_long:
        pack(Content(headers={"to": "x" * 1_048_576}, parts=()))

    assert too_many.value.code == too_long.value.code == "limit-exceeded"
