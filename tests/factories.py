"""Makes what tests need of the key server: settings, organisations, people, messages; asserts nothing."""

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.orm import Session

from envelope.brand import Brand
from envelope.ids import uuid7
from envelope.options import Level
from keyserver import accounts, messages, people, profiles
from keyserver.keyring import Keyring
from keyserver.messages import Registration
from keyserver.models import Account, Person
from keyserver.openings import ENC, Ask, Released
from keyserver.passphrases import Passphrases
from keyserver.settings import Settings

SOURCE = "192.0.2.7"
PASSPHRASE = "seven green kettles sing"
KEY = bytes(32)


def make_settings(database_url: str, **changes: object) -> Settings:
    """Settings with cheap Argon2; mail goes to a folder beside nothing, which no test reads by accident."""
    settings = Settings(
        production=False,
        base_url="http://keys.test",
        database_url=database_url,
        secret_key=b"tests only, known to everybody, long enough",
        keks={1: bytes(range(32))},
        mail_url="maildir:/nonexistent",
        mail_from="sealpost@keys.test",
        copies_url="file:///nonexistent/copies",
        passphrase_memory_kib=64,
        passphrase_time_cost=1,
        passphrase_wait=timedelta(seconds=30),
    )
    return replace(settings, **changes)  # type: ignore[arg-type]  # fields by name


def make_passphrases() -> Passphrases:
    return Passphrases(make_settings("sqlite://"))


def make_keyring() -> Keyring:
    return Keyring({1: bytes(range(32))})


def make_account(
    db: Session, *, now: datetime, name: str = "Bank A", domains: tuple[str, ...] = ("a.example",)
) -> Account:
    """An account with a profile `standard`."""
    account = accounts.create(db, name, domains=domains, now=now)
    profiles.register(db, account, [make_profile()], now=now)
    return account


def make_profile(name: str = "standard", *, level: Level = Level.MEDIUM) -> profiles.Wanted:
    brand = Brand(name="Bank A", colour="#0a5c8f", logo=None, link=None)
    return profiles.Wanted(name=name, level=level, locale="de", brand=brand)


def make_person(
    db: Session, address: str = "bob@b.example", *, now: datetime, passphrase: str = PASSPHRASE
) -> Person:
    """Somebody who has registered."""
    return people.set_up(
        db,
        address=address,
        first_name="Robert",
        last_name="Baker",
        locale="en",
        passphrase=passphrase,
        now=now,
        passphrases=make_passphrases(),
    )


def make_maildir_settings(database_url: str, folder: Path) -> Settings:
    """Settings whose mail can be read in `folder`."""
    return make_settings(database_url, mail_url=f"maildir:{folder}")


@dataclass(frozen=True, kw_only=True)
class SealedMessage:
    """What a gateway and an envelope know of one message."""

    id: UUID
    key_share: bytes
    possession_proof: bytes
    registration: Registration


def make_registration(
    *recipients: str, level: Level = Level.MEDIUM, expires_after: timedelta | None = None, **options: object
) -> SealedMessage:
    """An envelope that no key server has heard of yet; `options` are further fields of its registration."""
    key_share, proof, id = os.urandom(32), os.urandom(32), uuid7()
    registration = Registration(
        id=id,
        profile="standard",
        key_share=key_share,
        possession_sha256=sha256(proof).digest(),
        policy_sha256=os.urandom(32),
        level=level,
        sender="ada@a.example",
        sender_name="Ada",
        subject="Your statement",
        sent=datetime.fromisoformat("2026-11-23T17:59:00Z"),
        expires_after=expires_after,
        recipients=dict.fromkeys(recipients or ("bob@b.example",), True),
    )
    registration = replace(registration, **options)  # type: ignore[arg-type]  # fields by name
    return SealedMessage(id=id, key_share=key_share, possession_proof=proof, registration=registration)


def make_message(
    db: Session,
    account: Account,
    *recipients: str,
    now: datetime,
    level: Level = Level.MEDIUM,
    expires_after: timedelta | None = None,
    **options: object,
) -> SealedMessage:
    """An envelope whose key share the server has."""
    sealed = make_registration(*recipients, level=level, expires_after=expires_after, **options)
    messages.register(db, account, sealed.registration, now=now, keyring=make_keyring())
    return sealed


class Page:
    """What an envelope's page does in the browser: asks with a key of its own, and opens what comes back."""

    def __init__(self, message: SealedMessage, recipient: str = "bob@b.example") -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._message, self._recipient = message, recipient
        self.opening, self.poll_secret = uuid4(), os.urandom(32)

    def ask(self, **changes: object) -> Ask:
        wanted = Ask(
            id=self.opening,
            message_id=self._message.id,
            recipient=self._recipient,
            possession_proof=self._message.possession_proof,
            public_key=self.public_key,
            poll_sha256=sha256(self.poll_secret).digest(),
        )
        return replace(wanted, **changes)  # type: ignore[arg-type]  # fields by name

    @property
    def public_key(self) -> bytes:
        return self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def open(self, released: Released) -> bytes:
        """The key share (API.md, «Release»)."""
        info = self.opening.bytes + self._message.id.bytes + self._recipient.encode()
        suite = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
        assert len(released.enc) == ENC
        return suite.decrypt(released.enc + released.sealed, self._private, b"sealpost/1 opening" + info)
