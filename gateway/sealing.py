"""Seals a mail in the queue, registers it, stores its copy, writes its notices; sends nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from envelope import compose_notice, render_securedoc, seal
from envelope.ids import b64u_encode
from envelope.links import read_link
from envelope.options import Options, utc_text
from envelope.sealing import SealedEnvelope
from envelope.securedoc import MAX_PAGE
from gateway import header_block, override_headers
from gateway.control import Carrier, Control, Stage
from gateway.keyserver_client import KeyServerClient
from gateway.profiles import Profile
from gateway.queue import Entry
from gateway.settings import KeyServer


def seal_entry(entry: Entry, profile: Profile) -> None:
    """accepted -> sealed: envelope and key share are on disk when this returns. Raises EnvelopeError,
    PermanentError.

    The message id is the entry's own: whoever seals this mail again after a crash makes no second message.
    """
    control = entry.control
    with entry.open_mail() as file:
        headers = header_block.read(file)
        file.seek(0)
        sealed = seal(
            file.read(),
            _options(control, profile),
            sender=control.sender,
            recipients=[recipient.address for recipient in control.recipients],
            now=datetime.now(UTC),
            message_id=control.id,
        )
    entry.store_sealed(sealed.dump, headers=headers)
    carrier = profile.carrier_of(MAX_PAGE + sum(map(len, sealed.carrier)))
    entry.save(replace(control, stage=Stage.SEALED, key_share=sealed.key_share, carrier=carrier))


def _options(control: Control, profile: Profile) -> Options:
    """The profile's, and what the mail's own headers change of them. Raises PermanentError, OptionsError."""
    return replace(profile.options, **override_headers.read(control.overrides))


def register_entry(entry: Entry, client: KeyServerClient) -> None:
    """sealed -> registered: after this the key share is the key server's alone. Raises TemporaryError,
    PermanentError."""
    client.register(entry.control.id, registration(entry.control, _sealed(entry)))
    entry.save(replace(entry.control, stage=Stage.REGISTERED, key_share=None, attempts=0, last_fault=""))


def store_entry(entry: Entry, client: KeyServerClient) -> None:
    """registered -> stored: the key server has the copy that the link in the notices leads to. Raises
    TemporaryError, PermanentError."""
    client.store_copy(entry.control.id, _sealed(entry).copy)
    entry.save(replace(entry.control, stage=Stage.STORED, attempts=0, last_fault=""))


def _sealed(entry: Entry) -> SealedEnvelope:
    with entry.open_sealed() as file:
        return SealedEnvelope.load(file)


def registration(control: Control, sealed: SealedEnvelope) -> dict[str, Any]:
    """The message as the key server's API takes it, made of what was sealed alone: always the same."""
    policy = sealed.policy
    return {
        "profile": control.treatment.profile,
        "key_share": b64u_encode(control.key_share or b""),
        "possession_sha256": b64u_encode(sealed.possession_sha256),
        "policy_sha256": b64u_encode(policy.digest()),
        "level": policy.level.value,
        "sender": policy.sender,
        "sender_name": policy.sender_name,
        "subject": policy.subject,
        "sent": utc_text(policy.sent),
        "expires_after": int((policy.expires - policy.sent).total_seconds()) if policy.expires else None,
        "mailed_code": sealed.options.mailed_code,
        "online": sealed.options.online,
        "remember": sealed.options.may_be_remembered,
        "receipt": sealed.options.receipt,
        "recipients": [
            {"address": recipient.address, "visible": recipient.address in policy.recipients}
            for recipient in control.recipients
        ],
    }


class Notices:
    """The notices of one registered mail, rendered one by one as they are asked for."""

    def __init__(self, entry: Entry, profile: Profile, *, keyserver: KeyServer) -> None:
        self._sealed = _sealed(entry)
        self._headers = entry.read_headers()
        self._carrier = entry.control.carrier
        self._profile = profile
        self._server = keyserver.url
        self._open_address = keyserver.open_address

    def render(self, recipient: str) -> list[bytes]:
        """The whole notice for one recipient, in chunks; with the mail's trace, so that no loop hides in it.

        Rendered before the next hop hears of it: what fails here is not taken for a broken connection.
        """
        notice = compose_notice(
            self._headers,
            None if self._carrier is Carrier.LINK else self._securedoc(recipient),
            sealed=self._sealed,
            recipient=recipient,
            server=self._server,
            locale=self._profile.locale,
            brand=self._profile.brand,
            subject=self._sealed.policy.subject,
            link=None if self._carrier is Carrier.ATTACHMENT else self._link(recipient),
            open_address=self._open_address,
        )
        return [header_block.only(self._headers, "received"), *notice]

    def _securedoc(self, recipient: str) -> list[bytes]:
        return render_securedoc(
            self._sealed,
            recipient=recipient,
            server=self._server,
            locale=self._profile.locale,
            brand=self._profile.brand,
            post_url=self._profile.post_url,
            open_address=self._open_address,
        )

    def _link(self, recipient: str) -> str:
        return read_link(
            self._server,
            message_id=self._sealed.message_id,
            envelope_secret=self._sealed.envelope_secret,
            recipient=recipient,
        )
