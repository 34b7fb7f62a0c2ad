"""Makes an envelope of a mail in the queue, registers it, writes its notices; sends nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from envelope import compose_notice, render_securedoc, seal
from envelope.ids import b64u_encode
from envelope.options import utc_text
from envelope.sealing import SealedEnvelope
from gateway import header_block
from gateway.control import Control, Stage
from gateway.keyserver_client import KeyServerClient
from gateway.queue import Entry
from gateway.settings import Profile


def seal_entry(entry: Entry, profile: Profile) -> None:
    """accepted -> sealed: envelope and key share are on disk when this returns. Raises EnvelopeError.

    The message id is the entry's own: whoever seals this mail again after a crash makes no second message.
    """
    control = entry.control
    with entry.open_mail() as file:
        headers = header_block.read(file)
        file.seek(0)
        sealed = seal(
            file.read(),
            profile.options(),
            sender=control.sender,
            recipients=[recipient.address for recipient in control.recipients],
            now=datetime.now(UTC),
            message_id=control.id,
        )
    entry.store_sealed(sealed.dump, headers=headers)
    entry.save(replace(control, stage=Stage.SEALED, key_share=sealed.key_share))


def register_entry(entry: Entry, client: KeyServerClient) -> None:
    """sealed -> registered: after this the key share is the key server's alone. Raises TemporaryError,
    PermanentError."""
    with entry.open_sealed() as file:
        sealed = SealedEnvelope.load(file)
    client.register(entry.control.id, registration(entry.control, sealed))
    entry.save(replace(entry.control, stage=Stage.REGISTERED, key_share=None, attempts=0, last_fault=""))


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

    def __init__(self, entry: Entry, profile: Profile, *, server: str) -> None:
        with entry.open_sealed() as file:
            self._sealed = SealedEnvelope.load(file)
        self._headers = entry.read_headers()
        self._profile = profile
        self._server = server

    def render(self, recipient: str) -> list[bytes]:
        """The whole notice for one recipient, in chunks; with the mail's trace, so that no loop hides in it.

        Rendered before the next hop hears of it: what fails here is not taken for a broken connection.
        """
        profile = self._profile
        securedoc = render_securedoc(
            self._sealed, recipient=recipient, server=self._server, locale=profile.locale, brand=profile.brand
        )
        notice = compose_notice(
            self._headers,
            securedoc,
            sealed=self._sealed,
            recipient=recipient,
            server=self._server,
            locale=profile.locale,
            brand=profile.brand,
            subject=self._sealed.policy.subject,
        )
        return [header_block.only(self._headers, "received"), *notice]
