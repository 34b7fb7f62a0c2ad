"""Makes this gateway and its profiles known to the key server (S71, S72); keeps the secret it gets."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from envelope.brand import Brand
from envelope.ids import b64u_encode
from gateway.durable import replacing
from gateway.errors import PermanentError, ProvisioningError, TemporaryError
from gateway.keyserver_client import KeyServerClient, read_secret
from gateway.profiles import Profile
from gateway.settings import Settings

#: What to do about the answers that an operator is likely to meet.
ADVICE = {
    "unauthenticated": "the key server does not know this token or secret: ask its operator for a new token",
    "wrong-scope": "this token or secret may not provision gateways",
    "no-api": "there is no key server at this address: see keyserver.url",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What the key server has now."""

    account: str
    gateway: str
    profiles: tuple[str, ...]
    new_secret: bool


def provision(
    settings: Settings, *, token: str | None = None, profiles: Collection[str] | None = None
) -> Provisioned:
    """Register this gateway and its profiles, all or those named; again is harmless.

    With a provisioning token the gateway gets a new secret, which is on disk before anything else happens;
    without one it shows the secret that it has. Raises ProvisioningError.
    """
    chosen = [each for name, each in settings.profiles.items() if profiles is None or name in profiles]
    client = KeyServerClient(settings.keyserver, connections=1)
    try:
        secret = token or read_secret(settings.keyserver.secret_file)
        answer = client.provision(_body(settings, chosen), secret=secret)
    except (TemporaryError, PermanentError) as error:
        raise ProvisioningError(ADVICE.get(error.code, str(error))) from error
    finally:
        client.close()
    return _keep(settings, answer)


def _keep(settings: Settings, answer: dict[str, Any]) -> Provisioned:
    file, secret = settings.keyserver.secret_file, answer.get("secret")
    if isinstance(secret, str):
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(file) as new:
                new.write(secret.encode("ascii") + b"\n")
        except OSError as error:
            raise ProvisioningError(f"{file} cannot be written: {error.strerror}") from error
    profiles = answer.get("profiles")
    if not isinstance(profiles, list):
        raise ProvisioningError("the key server's answer names no profiles")
    return Provisioned(
        account=str(answer.get("account", "")),
        gateway=str(answer.get("gateway", "")),
        profiles=tuple(map(str, profiles)),
        new_secret=isinstance(secret, str),
    )


def _body(settings: Settings, profiles: Collection[Profile]) -> dict[str, Any]:
    return {
        "gateway": settings.hostname,
        "administrator": settings.administrator,
        "profiles": [
            {
                "name": profile.name,
                "level": profile.options.level.value,
                "locale": profile.locale,
                "brand": _brand(profile.brand),
            }
            for profile in profiles
        ],
    }


def _brand(brand: Brand) -> dict[str, Any]:
    logo = brand.logo and {"type": brand.logo.type, "data": b64u_encode(brand.logo.data)}
    return {"name": brand.name, "colour": brand.colour, "link": brand.link, "logo": logo}
