"""What the demo's operators decide: the key server's environment, and one gateway for two organisations."""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

LOGOS = Path(__file__).parent / "logos"
DOMAINS = ("tidewater.example", "rosenhof.example")
ACCOUNT = "Tidewater and Rosenhof"
ADMINISTRATOR = "post@tidewater.example"
#: Where recipients forward what they cannot open.
OPEN_ADDRESS = "open@tidewater.example"

GATEWAY = """\
# Written at each start of the demo; see the gateway's documentation for what else can stand here.
[gateway]
listen = "127.0.0.1:{smtp_port}"
hostname = "gateway.tidewater.example"
queue = "{var}/queue"
relay = "127.0.0.1:{sink_port}"
max_size = "25 MB"
retry_first = "2s"

[keyserver]
url = "{url}"
secret_file = "{var}/gateway.secret"
open_address = "{open_address}"

[administrator]
address = "{administrator}"

[profiles.standard]
level = "medium"
expires_after = "365d"
brand = {tidewater}

[profiles.high]
level = "high"
brand = {tidewater}

[profiles.none]
level = "none"
show_subject = true
brand = {tidewater}

[profiles.japan]
level = "medium"
locale = "ja"
brand = {tidewater}

[profiles.aes-192]
level = "medium"
algorithm = "AES-192"
brand = {tidewater}

[profiles.code]
level = "medium"
mailed_code = true
brand = {tidewater}

[profiles.proven]
level = "proven"
brand = {tidewater}

[profiles.link]
level = "medium"
carrier = "link"
brand = {tidewater}

[profiles.both]
level = "medium"
carrier = "both"
brand = {tidewater}

[profiles.link-high]
level = "high"
carrier = "link"
brand = {tidewater}

[profiles.both-proven]
level = "proven"
carrier = "both"
brand = {tidewater}

[profiles.link-none]
level = "none"
carrier = "link"
show_subject = true
brand = {tidewater}

[profiles.remember]
level = "medium"
remember = true
brand = {tidewater}

[profiles.no-script]
level = "medium"
script = false
brand = {tidewater}

[profiles.no-applet]
level = "medium"
applet = false
brand = {tidewater}

[profiles.receipt]
level = "medium"
receipt = true
brand = {tidewater}

# The clinic asks for the passphrase each time, and its rules name AES-192.
[profiles.clinic]
level = "high"
algorithm = "AES-192"
locale = "de"
brand = {rosenhof}

{tags}[[rules]]
sender = "*@rosenhof.example"
profile = "clinic"

[[rules]]
recipient = "*@sakura.example"
profile = "japan"

[policy]
default = "standard"
"""
TAG = """\
[[rules]]
subject_tag = "{tag}"
profile = "{profile}"

"""
#: What in a subject chooses which profile; the first that is there wins.
TAGS = {
    "[high]": "high",
    "[192]": "aes-192",
    "[no passphrase]": "none",
    "[code]": "code",
    "[proven]": "proven",
    "[link]": "link",
    "[both]": "both",
    "[link, high]": "link-high",
    "[both, proven]": "both-proven",
    "[link, no passphrase]": "link-none",
    "[remember]": "remember",
    "[no script]": "no-script",
    "[no applet]": "no-applet",
    "[receipt]": "receipt",
}
BRAND = '{{ name = "{name}", colour = "{colour}", logo = "{logo}", link = "https://www.{domain}" }}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where this demo runs: its folder and its ports."""

    var: Path
    port: int
    smtp_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def mail(self) -> Path:
        return self.var / "mail"

    @property
    def inbound(self) -> Path:
        """The Maildir of mail to the open address, which the key server's worker empties."""
        return self.var / "inbound"

    @property
    def gateway_toml(self) -> Path:
        return self.var / "gateway.toml"

    @property
    def gateway_secret(self) -> Path:
        return self.var / "gateway.secret"


def environment(place: Place, *, sink_port: int) -> dict[str, str]:
    """The key server's settings, as production would have them; its secrets are drawn once and kept."""
    return {
        "SEALPOST_BASE_URL": place.url,
        "SEALPOST_LISTEN": f"127.0.0.1:{place.port}",
        "SEALPOST_DATABASE_URL": f"sqlite:///{place.var}/keys.sqlite",
        "SEALPOST_SECRET_KEY_FILE": str(_kept(place.var / "secret_key", secrets.token_urlsafe(48))),
        "SEALPOST_KEKS_FILE": str(_kept(place.var / "keks", f"1:{_key()}")),
        "SEALPOST_MAIL_URL": f"smtp://127.0.0.1:{sink_port}",
        "SEALPOST_COPIES_URL": (place.var / "copies").as_uri(),
        "SEALPOST_MAIL_FROM": "secure-mail@tidewater.example",
        "SEALPOST_OPEN_ADDRESS": OPEN_ADDRESS,
        "SEALPOST_INBOUND_URL": f"maildir:{quote(str(place.inbound))}",
    }


def write_gateway_toml(place: Place, *, sink_port: int) -> None:
    tidewater = _brand("Tidewater Mutual", colour="#0f5c7a", name="tidewater")
    rosenhof = _brand("Klinik am Rosenhof", colour="#8a2f4f", name="rosenhof")
    text = GATEWAY.format(
        var=place.var,
        url=place.url,
        smtp_port=place.smtp_port,
        sink_port=sink_port,
        administrator=ADMINISTRATOR,
        open_address=OPEN_ADDRESS,
        tags="".join(TAG.format(tag=tag, profile=profile) for tag, profile in TAGS.items()),
        tidewater=tidewater,
        rosenhof=rosenhof,
    )
    place.gateway_toml.write_text(text, "utf-8")


def _brand(organisation: str, *, colour: str, name: str) -> str:
    logo = LOGOS / f"{name}.png"
    return BRAND.format(name=organisation, colour=colour, logo=logo, domain=f"{name}.example")


def _kept(path: Path, text: str) -> Path:
    """The secret that the file holds since the first start."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
    return path


def _key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
