"""The tables; knows how things are stored, not what may be done with them."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from keyserver.db import Base

ADDRESS = String(320)  # RFC 3696 erratum 1690: 64 before the @, 255 after it
SHA256 = LargeBinary(32)
#: SQLite: rows stand in the order of their key, and a release dirties fewer pages.
BY_KEY = {"sqlite_with_rowid": False}


def table(model: type[Base]) -> Table:
    """The table behind a mapped class, for statements that go past the ORM."""
    return cast("Table", model.__table__)


class Account(Base):
    """A sending organisation."""

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created: Mapped[datetime]


class AccountDomain(Base):
    """A domain that an account sends from; one account only."""

    __tablename__ = "account_domain"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)


class AccountAdministrator(Base):
    """A person who administers an account (S24)."""

    __tablename__ = "account_administrator"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    created: Mapped[datetime]


class ProvisioningToken(Base):
    """What an operator hands to whoever sets up a gateway; only its hash is kept."""

    __tablename__ = "provisioning_token"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    sha256: Mapped[bytes] = mapped_column(SHA256)
    created: Mapped[datetime]
    expires: Mapped[datetime]


class Gateway(Base):
    """A gateway of an account, by the name it gives itself, and the hash of its present secret."""

    __tablename__ = "gateway"
    __table_args__ = (Index("uq_gateway_account_id_name", "account_id", "name", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str] = mapped_column(String(255))
    secret_sha256: Mapped[bytes] = mapped_column(SHA256)
    created: Mapped[datetime]
    revoked: Mapped[datetime | None]


class Profile(Base):
    """An encryption profile as a gateway registered it (S2, S71)."""

    __tablename__ = "profile"
    __table_args__ = (Index("uq_profile_account_id_name", "account_id", "name", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str] = mapped_column(String(100))
    level: Mapped[str] = mapped_column(String(10))
    locale: Mapped[str] = mapped_column(String(10))
    brand_name: Mapped[str] = mapped_column(String(200))
    brand_colour: Mapped[str] = mapped_column(String(7))
    brand_link: Mapped[str | None] = mapped_column(String(2000))
    logo_type: Mapped[str | None] = mapped_column(String(20))
    logo: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated: Mapped[datetime]


class Person(Base):
    """Who signs in. Without a passphrase hash: known by address, but has not set a passphrase yet.

    Raising `epoch` ends every session of this person.
    """

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    locale: Mapped[str] = mapped_column(String(10))
    passphrase_hash: Mapped[str | None] = mapped_column(String(200))
    epoch: Mapped[int] = mapped_column(Integer, default=0)
    active: Mapped[bool] = mapped_column(default=True)
    created: Mapped[datetime]


class PersonAddress(Base):
    """An address and whose it is; lower-cased, see mailboxes.py."""

    __tablename__ = "person_address"

    address: Mapped[str] = mapped_column(ADDRESS, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    created: Mapped[datetime]


class ProvenAddress(Base):
    """A further address that a person has proven to read; several may, where a mailbox is shared.

    Nobody signs in with it or sets a passphrase by it: else who shares a mailbox could take over the person.
    """

    __tablename__ = "proven_address"

    address: Mapped[str] = mapped_column(ADDRESS, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)
    created: Mapped[datetime]


class Device(Base):
    """A remembered device: the hash of its cookie, and what its owner recognises it by."""

    __tablename__ = "device"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    secret_sha256: Mapped[bytes] = mapped_column(SHA256)
    label: Mapped[str] = mapped_column(String(100))
    created: Mapped[datetime]
    last_used: Mapped[datetime]
    expires: Mapped[datetime]


class MailedCode(Base):
    """A code on its way to an address: proves, once, that whoever types it reads that mailbox."""

    __tablename__ = "mailed_code"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(ADDRESS)
    code_hmac: Mapped[bytes] = mapped_column(SHA256)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    created: Mapped[datetime]
    expires: Mapped[datetime] = mapped_column(index=True)
    redeemed: Mapped[datetime | None]


class Message(Base):
    """The record of one envelope: its wrapped key share and who may have it until when."""

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_sender_registered_id", "sender", "registered", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    profile_id: Mapped[UUID] = mapped_column(ForeignKey("profile.id"))
    kek_version: Mapped[int] = mapped_column(Integer)
    wrapped_share: Mapped[bytes] = mapped_column(LargeBinary(60))  # nonce (12), share (32), tag (16)
    possession_sha256: Mapped[bytes] = mapped_column(SHA256)
    policy_sha256: Mapped[bytes] = mapped_column(SHA256)
    #: Of everything the gateway registered: tells «the same again» from «other values».
    registration_sha256: Mapped[bytes] = mapped_column(SHA256)
    level: Mapped[str] = mapped_column(String(10))
    #: What the sender allows or wants besides (envelope/options.py).
    mailed_code: Mapped[bool]
    online: Mapped[bool]
    remember: Mapped[bool]
    receipt: Mapped[bool]
    sender: Mapped[str] = mapped_column(ADDRESS)
    sender_name: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str | None] = mapped_column(String(1000))
    sent: Mapped[datetime]
    registered: Mapped[datetime]
    expires: Mapped[datetime | None]
    locked: Mapped[datetime | None]
    lock_reason: Mapped[str | None] = mapped_column(String(500))


class MessageRecipient(Base):
    """One address that an envelope was made for; `registered` repeats the message's, to list an inbox by."""

    __tablename__ = "message_recipient"
    __table_args__ = (
        Index("ix_message_recipient_address_registered_message_id", "address", "registered", "message_id"),
        BY_KEY,
    )

    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    address: Mapped[str] = mapped_column(ADDRESS, primary_key=True)
    visible: Mapped[bool]
    registered: Mapped[datetime]
    first_opened: Mapped[datetime | None]
    last_opened: Mapped[datetime | None]


class StoredCopy(Base):
    """An envelope in the copy store, where it lies under this id. Before `size` is known it is being written.

    A message's own copy, which its link leads to, has the message's id and no `expires`: it goes with the
    message. Others were posted to be opened online, and stay for minutes.
    """

    __tablename__ = "stored_copy"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), index=True)
    size: Mapped[int | None] = mapped_column(BigInteger)
    stored: Mapped[datetime]
    expires: Mapped[datetime | None] = mapped_column(index=True)


class ForwardedLink(Base):
    """A one-time link to an envelope that its recipient forwarded to us.

    `sealed_secret` is the envelope secret, sealed under a key that comes from the link's own secret.
    """

    __tablename__ = "forwarded_link"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    copy_id: Mapped[UUID] = mapped_column(ForeignKey("stored_copy.id"), index=True)
    address: Mapped[str] = mapped_column(ADDRESS)
    secret_sha256: Mapped[bytes] = mapped_column(SHA256)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary(60))
    created: Mapped[datetime]
    expires: Mapped[datetime] = mapped_column(index=True)
    used: Mapped[datetime | None]


class Opening(Base):
    """One request to open one message. `sealed` (enc || ciphertext) lives for minutes, from approval on."""

    __tablename__ = "opening"
    __table_args__ = (
        ForeignKeyConstraint(
            ["message_id", "address"], ["message_recipient.message_id", "message_recipient.address"]
        ),
        Index("ix_opening_message_id_source_asked", "message_id", "source", "asked"),
        BY_KEY,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID]
    address: Mapped[str] = mapped_column(ADDRESS)
    #: The address as the page wrote it: HPKE's info binds these very bytes.
    recipient: Mapped[str] = mapped_column(ADDRESS)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(65))
    poll_sha256: Mapped[bytes] = mapped_column(SHA256)
    source: Mapped[str] = mapped_column(String(45))
    #: ``waiting``, ``released`` (approved, not fetched yet) or ``fetched``.
    state: Mapped[str] = mapped_column(String(10))
    asked: Mapped[datetime]
    expires: Mapped[datetime] = mapped_column(index=True)
    released: Mapped[datetime | None]
    #: Who typed their passphrase within this opening.
    proven_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary(113))
    #: What was shown for it: ``passphrase``, ``session``, ``device`` or ``code``.
    approval: Mapped[str | None] = mapped_column(String(10))


class Outbox(Base):
    """A mail still to be sent; the row goes with the mail, and its context with it."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due", "due"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(ADDRESS)
    name: Mapped[str] = mapped_column(String(50))
    locale: Mapped[str] = mapped_column(String(10))
    context: Mapped[dict[str, Any]] = mapped_column(JSON)
    created: Mapped[datetime]
    #: Not before; a worker that takes the row moves it on, so that others leave it alone meanwhile.
    due: Mapped[datetime]
    #: Not after: whoever waits for it has stopped waiting.
    until: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)


class Throttle(Base):
    """How often something was tried lately, by a digest of what is counted."""

    __tablename__ = "throttle"

    key: Mapped[bytes] = mapped_column(SHA256, primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    last: Mapped[datetime] = mapped_column(index=True)


class AuditEntry(Base):
    """One security event; each entry's digest covers the one before it."""

    __tablename__ = "audit_entry"
    __table_args__ = (BY_KEY,)

    chain: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    event: Mapped[str] = mapped_column(String(50))
    data: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(SHA256)
