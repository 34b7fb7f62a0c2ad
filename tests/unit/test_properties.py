"""What holds for every mail: it is sealed or refused in words, and its content comes out as it went in."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from unicodedata import normalize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envelope import EnvelopeError, Role, compose_notice, open_payload, read_securedoc, render_securedoc
from envelope.content import Content
from envelope.fields import read_header
from envelope.mime import TooManyPartsError, read_structure
from tests.unit.sealed import BRAND, HEADER, SERVER, content_of, payload, sealed

#: No deadline: a slow machine is no fault. No database: what fails once becomes an example here.
search = settings(deadline=None, database=None, max_examples=60)

#: What mails are made of, well and badly.
LINES = st.sampled_from(
    [
        b"",
        b"From: Ada <ada@a.example>",
        b"From: \xff <a@b",
        b"To: bob@b.example, =?utf-8?b?w4Rkw6Q?= <jane@c.example>",
        b"Bcc: hidden@h.example",
        b" hidden2@h.example",
        b"Date: Mon, 99 Nov 2026 25:00:00 +9999",
        b"Subject: =?iso-2022-jp?B?GyRCJSgbKEI=?= =?x-none?q?=FF?=",
        b"MIME-Version: 1.0",
        b"Content-Type: multipart/mixed; boundary=a",
        b'Content-Type: multipart/alternative; boundary="b"',
        b"Content-Type: multipart/signed; boundary=a; protocol=x",
        b"Content-Type: multipart/digest; boundary=c",
        b"Content-Type: multipart/related",
        b"Content-Type: text/html; charset=utf-16",
        b"Content-Type: text/plain; charset=utf-7",
        b"Content-Type: text/plain; charset=punycode; name*1*=x; name*0=''%FF",
        b"Content-Type: image/png; name=../../x",
        b"Content-Type: message/rfc822",
        b"Content-Type: nonsense",
        b"Content-Disposition: attachment; filename*=utf-8''%2e%2e%2fx",
        b"Content-Id: <i@d>",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Transfer-Encoding: x-uuencode",
        b"--a",
        b"--a--",
        b"--b",
        b"--b--",
        b"--c",
        b"QUJD=REVG",
        b"QUJDREVG",
        b"A",
        b"=FF=zz=",
        b"+2AA-",
        b"begin 644 x",
        b"#0V%T",
        b"`",
        b"end",
        b'<img src="cid:i@d">',
        b"\x00\x80\xff",
    ]
)
BREAKS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
ASSEMBLED = st.lists(st.tuples(LINES, BREAKS)).map(lambda lines: b"".join(line + end for line, end in lines))
MAILS = st.one_of(ASSEMBLED, ASSEMBLED.map(lambda lines: HEADER + lines), st.binary(max_size=500))


@search
@given(MAILS)
def test_any_bytes_are_sealed_and_opened_or_refused(mail: bytes) -> None:
    content = content_of(mail)

    assert all(part.name for part in content.parts if part.role in (Role.INLINE, Role.ATTACHMENT))


@search
@given(MAILS, st.text(), st.text())
def test_any_addresses_are_sealed_or_refused(mail: bytes, sender: str, recipient: str) -> None:
    try:
        sealed(mail, sender=sender, recipients=[recipient])
    except EnvelopeError as error:
        assert error.code in ("mail", "address")


@search
@given(MAILS)
@example(b"From: a@b\r\nSubject: x\rBcc: hidden@h.example\n")
@example(HEADER + b"Reply-To: x\r\n\tBcc: y@z\r\nTo: \xe4\xf6 <\xfc@\xff>\r\nMessage-ID: <\x0b>\r\n\r\n")
def test_any_notice_is_one_well_formed_mail(mail: bytes) -> None:
    envelope = sealed(mail)
    made = {"recipient": "bob@b.example", "server": SERVER, "locale": "en", "brand": BRAND}
    securedoc = render_securedoc(envelope, **made)
    notice = b"".join(compose_notice(mail, securedoc, sealed=envelope, subject=None, **made))

    parsed = message_from_bytes(notice, policy=policy.default)
    attached = next(parsed.iter_attachments())

    assert notice.isascii()
    assert b"\n" not in notice.replace(b"\r\n", b"") and b"\r" not in notice.replace(b"\r\n", b"")
    assert max(map(len, notice.split(b"\r\n"))) < 998
    assert not any(line.startswith(b"From ") for line in notice.split(b"\r\n"))
    assert len(parsed["From"].addresses) == 1 and parsed["Bcc"] is None and not parsed.defects
    assert read_securedoc(attached.get_content().encode("ascii")).is_intact


@search
@given(MAILS)
def test_every_byte_of_a_mail_is_in_a_leaf_or_around_the_leaves(mail: bytes) -> None:
    try:
        structure = read_structure(mail)
    except TooManyPartsError:
        return
    at = 0
    for leaf in structure.leaves:
        assert at <= leaf.span[0] <= leaf.span[1] <= len(mail)
        at = leaf.span[1]

    hidden = [field for field in read_header(mail).fields if field.name in ("bcc", "resent-bcc")]
    around = len(mail) - sum(leaf.span[1] - leaf.span[0] for leaf in structure.leaves)
    source = [part for part in content_of(mail).parts if part.role is Role.SOURCE]
    assert sum(len(part.data) for part in source) == around - sum(field.end - field.start for field in hidden)


CHARSETS = [
    "utf-8",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1251",
    "iso-2022-jp",
    "shift_jis",
    "gb18030",
    "koi8-r",
]
LETTERS = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
#: Lines without what belongs to lines: breaks.
TEXTS = st.lists(st.text(LETTERS, max_size=60), min_size=1, max_size=5).map(
    lambda lines: "\n".join(lines) + "\n"
)
NAMES = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=30).map(lambda stem: f"{stem}.bin")


@st.composite
def well_formed(draw: st.DrawFn) -> EmailMessage:
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"] = "Ada <ada@a.example>", "bob@b.example"
    mail["Subject"] = draw(st.text(st.characters(categories=("L", "N")), min_size=1))
    charset = draw(st.sampled_from(CHARSETS))
    text = draw(TEXTS).encode(charset, "ignore").decode(charset)
    cte = draw(st.sampled_from(["quoted-printable", "base64"]))
    mail.set_content(text, charset=charset, cte=cte)
    if draw(st.booleans()):
        mail.add_alternative(f"<p>{draw(TEXTS)}", subtype="html", cte=cte)
    for name in draw(st.lists(NAMES, max_size=3)):
        mail.add_attachment(draw(st.binary()), maintype="application", subtype="octet-stream", filename=name)
    return mail


@search
@given(well_formed())
def test_a_well_formed_mail_comes_out_as_the_standard_library_reads_it(mail: EmailMessage) -> None:
    content = content_of(mail.as_bytes())

    assert content.headers["subject"] == " ".join(mail["Subject"].split())
    assert read(content) == expected(mail)


def read(content: Content) -> list[tuple[str, str, bytes]]:
    return [
        (part.role.value, part.name, bytes(part.data))
        for part in content.parts
        if part.role is not Role.SOURCE
    ]


def expected(mail: EmailMessage) -> list[tuple[str, str, bytes]]:
    found = []
    parsed = message_from_bytes(mail.as_bytes(), policy=policy.default)
    for part in parsed.walk():
        if part.is_attachment():
            found.append(("attachment", normalize("NFC", part.get_filename()), part.get_content()))
        elif part.get_content_maintype() == "text":
            role = "html" if part.get_content_subtype() == "html" else "text"
            found.append((role, "", part.get_content().replace("\r\n", "\n").encode()))
    return found


@search
@given(st.binary(max_size=300))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    try:
        read_securedoc(b'<script type="application/json" id="envelope">' + data + b"</script>")
    except EnvelopeError as error:
        assert error.code == "format"


@search
@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_any_altered_byte_of_a_payload_is_noticed(at: int, change: int) -> None:
    envelope = sealed(HEADER + b"\r\nHello\r\n")
    altered = bytearray(b"".join(payload(envelope)))
    altered[at % len(altered)] ^= change

    with pytest.raises(EnvelopeError):
        open_payload(
            altered,
            key_share=envelope.key_share,
            envelope_secret=envelope.envelope_secret,
            policy=envelope.policy.canonical(),
        )
