"""securedoc.html as it is written and read back (FORMAT.md section 5)."""

import base64
import hashlib
import html
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest

import translations
from envelope import (
    Algorithm,
    EnvelopeError,
    Level,
    Options,
    SealedEnvelope,
    open_payload,
    read_securedoc,
    render_securedoc,
)
from envelope.brand import Brand, Logo
from tests.unit.sealed import BRAND, HEADER, MEDIUM, SERVER, payload, sealed

LOGO = Logo("image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12)
LONG = "大きさ</script><!--&\"'From \u2028" * 60


def rendered(
    envelope: SealedEnvelope, *, locale: str = "en", brand: Brand = BRAND, server: str = SERVER
) -> bytes:
    chunks = render_securedoc(envelope, recipient="bob@b.example", server=server, locale=locale, brand=brand)
    return b"".join(chunks)


def scripts_of(file: bytes) -> list[bytes]:
    """What stands in the scripts that run, as a browser reads it."""
    return [
        script.replace(b"\r\n", b"\n") for script in re.findall(rb"<script>(.*?)</script>", file, re.DOTALL)
    ]


@pytest.mark.parametrize("locale", translations.LOCALES)
def test_file_travels_as_7bit_in_every_locale(locale: str) -> None:
    """S73-S76: the envelope speaks the profile's locale."""
    options = Options(level=Level.HIGH, show_subject=True, expires_after=timedelta(days=1))
    mail = (
        b"From: "
        + "Ädä".encode() * 300
        + b" <ada@a.example>\r\nTo: bob@b.example\r\nSubject: "
        + LONG.encode()
    )
    brand = Brand(name="銀" * 100, colour="#ffee00", logo=LOGO, link="https://a.example/?" + "&" * 90)

    file = rendered(sealed(mail, options), locale=locale, brand=brand)

    assert file.isascii()
    assert b"\n" not in file.replace(b"\r\n", b"") and b"\r" not in file.replace(b"\r\n", b"")
    assert max(map(len, file.split(b"\r\n"))) < 998
    assert not any(line.startswith(b"From ") for line in file.split(b"\r\n"))
    assert f'<html lang="{locale}" dir="ltr">'.encode() in file


def test_file_reads_back_and_opens() -> None:
    envelope = sealed(HEADER + b"\r\nHello\r\n")

    found = read_securedoc(rendered(envelope, locale="de"))

    assert (found.server, found.recipient, found.locale) == (SERVER, "bob@b.example", "de")
    assert found.policy == envelope.policy.canonical() and found.size == envelope.size and found.is_intact
    opened = open_payload(
        found.payload,
        key_share=envelope.key_share,
        envelope_secret=found.envelope_secret,
        policy=found.policy,
    )
    assert opened.parts[0].text() == "Hello\n"


def test_long_policy_reads_back_though_its_line_is_broken() -> None:
    recipients = [f"recipient-{number}@b.example" for number in range(200)]
    mail = b"From: ada@a.example\r\nTo: " + ", ".join(recipients).encode() + b"\r\n\r\n"
    envelope = sealed(mail, recipients=recipients)

    assert read_securedoc(rendered(envelope)).policy == envelope.policy.canonical()


@pytest.mark.parametrize("algorithm", [*Algorithm])
def test_only_the_files_own_scripts_may_run(algorithm: Algorithm) -> None:
    """S57: the script that opens AES-192 is only where it is needed."""
    file = rendered(sealed(HEADER, replace(MEDIUM, algorithm=algorithm)))

    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts_of(file)]
    policy = html.unescape(
        re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', file.decode())[0]
    )

    assert f"script-src 'sha256-{digests[0]}' 'sha256-{digests[1]}';" in policy and len(digests) == 2
    assert "default-src 'none'" in policy and f"connect-src {SERVER};" in policy


def test_script_is_the_same_in_every_envelope_of_a_release() -> None:
    one, other = sealed(HEADER), sealed(HEADER + b"\r\nAnother\r\n")

    assert scripts_of(rendered(one)) == scripts_of(rendered(other, locale="ja"))


def test_file_fetches_nothing_and_names_no_other_host() -> None:
    file = rendered(sealed(HEADER), brand=replace(BRAND, logo=LOGO)).decode()
    page = re.sub(r"<(script|style)\b.*?</\1>", "", file, flags=re.DOTALL)

    assert re.findall(r'(?:src|href|action)="(?!data:|#)(.*?)"', page) == [f"{SERVER}/online"]


def test_logo_that_would_make_the_file_too_large_is_left_out() -> None:
    largest = Logo("image/png", LOGO.data.ljust(16_384, b"\1"))
    small, large = (
        rendered(sealed(HEADER), locale="ru", brand=replace(BRAND, logo=logo)) for logo in (LOGO, largest)
    )

    assert b"data:image/png" in small
    assert b"data:image/png" not in large
    assert len(large) < len(small) < 96 * 1024


def test_strangers_words_are_shown_as_text() -> None:
    mail = b'From: "<script>alert(1)</script>" <ada@a.example>\r\nSubject: </script><b>\r\n\r\n'
    options = Options(level=Level.HIGH, show_subject=True)

    file = rendered(sealed(mail, options), brand=replace(BRAND, name="<i>Bank</i>"))

    assert file.count(b"</script>") == 3
    assert b"<b>" not in file and b"<i>" not in file and b"alert(1)<" not in file


def test_bcc_recipient_is_only_in_their_own_copy() -> None:
    """D10."""
    envelope = sealed(HEADER + b"Bcc: eve@e.example\r\n", recipients=["bob@b.example", "eve@e.example"])

    assert b"eve@e.example" not in rendered(envelope)


def test_altered_payload_is_noticed_without_a_key() -> None:
    envelope = sealed(HEADER + b"\r\nHello\r\n")
    file = rendered(envelope)
    letter = envelope.carrier[1][5:25]

    altered = read_securedoc(file.replace(letter, letter[::-1]))
    rewrapped = read_securedoc(file.replace(letter, letter[:9] + b"\r\n\t " + letter[9:]))

    assert not altered.is_intact
    assert rewrapped.is_intact and rewrapped.payload == payload(envelope)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"<html>",
        b'<script type="application/json" id="envelope">{}</script>',
        b'<script type="application/json" id="envelope">[1]</script>',
        b'<script type="application/json" id="envelope"></script>',
    ],
)
def test_what_is_no_securedoc_is_refused(file: bytes) -> None:
    with pytest.raises(EnvelopeError) as refused:
        read_securedoc(file)

    assert refused.value.code == "format"


@pytest.mark.parametrize(
    "server",
    ["", "keys.a.example", "https://a.example/", "https://a.example/x", "https://a.example; script-src *"],
)
def test_server_that_is_no_origin_is_refused(server: str) -> None:
    with pytest.raises(EnvelopeError):
        rendered(sealed(HEADER), server=server)


def test_brand_that_pages_cannot_show_is_refused() -> None:
    with pytest.raises(EnvelopeError) as refused:
        rendered(sealed(HEADER), brand=replace(BRAND, colour="red;}"))

    assert refused.value.code == "brand"


def test_sealed_envelope_is_kept_without_its_key_share() -> None:
    envelope = sealed(HEADER + b"\r\n" + b"Hello\r\n" * 50_000)
    dumped = io.BytesIO()

    envelope.dump(dumped)
    dumped.seek(0)
    loaded = SealedEnvelope.load(dumped)

    assert loaded.key_share == b""
    assert rendered(loaded) == rendered(envelope)
    assert loaded.possession_sha256 == envelope.possession_sha256
    assert envelope.key_share not in dumped.getvalue()


@pytest.mark.parametrize("left", [0, 10, 400, -1])
def test_dump_that_was_cut_off_is_refused(left: int) -> None:
    dumped = io.BytesIO()
    sealed(HEADER).dump(dumped)

    with pytest.raises(EnvelopeError):
        SealedEnvelope.load(io.BytesIO(dumped.getvalue()[:left]))


def test_secrets_are_in_no_repr() -> None:
    envelope = sealed(HEADER)
    found = read_securedoc(rendered(envelope))

    assert repr(envelope.envelope_secret) not in repr(envelope) + repr(found)
    assert repr(envelope.key_share) not in repr(envelope)
