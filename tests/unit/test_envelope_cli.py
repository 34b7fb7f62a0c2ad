"""`sealpost-envelope` as a person types it."""

import json
from pathlib import Path
from stat import S_IMODE

import pytest
from click.testing import CliRunner, Result

from envelope.cli import main
from tests.unit.sealed import HEADER, SERVER

BODY = (
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHello\x1b[31m\r\n'
    b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nPDF\r\n"
    b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nPDF 2\r\n--b--\r\n"
)


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    path = tmp_path / "mail.eml"
    path.write_bytes(HEADER + BODY)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def seal(mail: Path, *more: object) -> Result:
    return run(
        "seal", mail, "--out", mail.parent, "--key-share", mail.parent / "share", "--server", SERVER, *more
    )


def test_mail_is_sealed_inspected_and_opened(mail: Path) -> None:
    folder, file = mail.parent, mail.parent / "securedoc.html"

    told = json.loads(seal(mail, "--level", "medium", "--expires-after", 3).output)
    inspected = run("inspect", file).output
    opened = run("open", file, "--key-share", folder / "share", "--out", folder / "parts")

    assert told["files"] == [str(file)]
    assert told["id"] in inspected and "as it was sent" in inspected and "level:       medium" in inspected
    assert "subject: Hello" in opened.output and "Hello\ufffd[31m" in opened.output
    assert sorted(path.name for path in (folder / "parts").iterdir()) == [
        *("a-2.pdf", "a.pdf", "source.txt", "text.txt")
    ]
    assert (folder / "parts" / "a-2.pdf").read_bytes() == b"PDF 2"


def test_key_share_is_written_for_its_owner_alone_and_nowhere_else(mail: Path) -> None:
    result = seal(mail)

    share = (mail.parent / "share").read_text().strip()
    assert S_IMODE((mail.parent / "share").stat().st_mode) == 0o600
    assert share not in result.output and share not in (mail.parent / "securedoc.html").read_text()


def test_existing_key_share_is_never_overwritten(mail: Path) -> None:
    (mail.parent / "share").write_text("precious")

    result = seal(mail)

    assert result.exit_code == 1 and "File exists" in result.output
    assert (mail.parent / "share").read_text() == "precious"
    assert not (mail.parent / "securedoc.html").exists()


def test_each_recipient_gets_a_file_of_their_own(mail: Path) -> None:
    seal(mail, "--recipient", "bob@b.example", "--recipient", "eve@e.example")

    assert (
        "made for:    eve@e.example"
        in run("inspect", mail.parent / "eve@e.example" / "securedoc.html").output
    )


def test_inspect_shows_no_secret(mail: Path) -> None:
    seal(mail)
    file = mail.parent / "securedoc.html"
    secret = json.loads(file.read_text().split('id="envelope">')[1].split("</script>")[0])["secret"]

    assert secret not in run("inspect", file).output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], ["opens:       in the page or at the key server", "remembering: not allowed"]),
        (["--remember", "--level", "medium"], ["remembering: allowed"]),
        (["--no-script"], ["opens:       at the key server"]),
        (["--no-applet"], ["opens:       at the key server"]),
        (["--no-online"], ["opens:       in the page\n"]),
        (["--level", "proven"], ["level:       proven"]),
    ],
)
def test_inspect_says_how_a_file_opens(mail: Path, words: list[str], told: list[str]) -> None:
    """S59-S60, S132-S133."""
    seal(mail, *words)

    inspected = run("inspect", mail.parent / "securedoc.html").output

    assert [line for line in told if line not in inspected] == []


def test_what_the_key_server_has_to_be_told_is_printed(mail: Path) -> None:
    told = json.loads(seal(mail, "--level", "medium", "--mailed-code", "--no-online", "--remember").output)

    assert {name: told[name] for name in ("level", "mailed_code", "online", "remember")} == {
        "level": "medium",
        "mailed_code": True,
        "online": False,
        "remember": True,
    }


def test_places_beside_the_key_server_are_in_the_file(mail: Path) -> None:
    """S47: a separate URL for the payload."""
    seal(mail, "--post-url", "https://files.a.example", "--open-address", "open@keys.a.example")
    text = (mail.parent / "securedoc.html").read_text()

    assert 'action="https://files.a.example/online"' in text and "open@keys.a.example" in text


def test_envelope_that_nobody_could_open_is_not_sealed(mail: Path) -> None:
    result = seal(mail, "--no-script", "--no-online")

    assert result.exit_code == 1 and "contradict each other" in result.output
    assert not (mail.parent / "securedoc.html").exists()


def test_altered_file_says_so(mail: Path) -> None:
    seal(mail)
    file = mail.parent / "securedoc.html"
    text = file.read_text()
    at = text.rindex('">') - 20
    file.write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])

    assert "altered on the way" in run("inspect", file).output
    assert "altered or cut" in run("open", file, "--key-share", mail.parent / "share").output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["inspect", "mail.eml"], "no envelope"),
        (["open", "securedoc.html", "--key-share", "other"], "another envelope"),
        (["open", "securedoc.html", "--key-share", "mail.eml"], "no envelope"),
        (["seal", "mail.eml", "--out", ".", "--key-share", "new", "--server", "x"], "https://host"),
        (["seal", "empty", "--out", ".", "--key-share", "new", "--server", SERVER], "without"),
        (
            ["seal", "mail.eml", "--out", ".", "--key-share", "new", "--server", SERVER, "--recipient", "x"],
            "address",
        ),
        (
            ["seal", "mail.eml", "--out", ".", "--key-share", "new", "--server", SERVER, "--colour", "x"],
            "#rrggbb",
        ),
    ],
)
def test_refusal_is_one_line(
    mail: Path, words: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(mail)
    (mail.parent / "other").write_text("A" * 43)
    (mail.parent / "empty").write_bytes(b"")
    monkeypatch.chdir(mail.parent)

    result = run(*words)

    assert result.exit_code == 1 and result.output.count("\n") == 1
    assert told in result.output
    assert not (mail.parent / "new").exists()
