"""Encryption profiles as gateways registered them: level, locale, brand; assigns none to a mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from envelope.brand import Brand, Logo
from envelope.ids import uuid7
from envelope.options import Level
from keyserver.errors import NotFoundError, UnknownProfileError
from keyserver.models import Account, Profile


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A profile as a gateway wants it registered, already checked."""

    name: str
    level: Level
    locale: str
    brand: Brand


def register(db: Session, account: Account, wanted: Sequence[Wanted], *, now: datetime) -> None:
    """Add or update these profiles by name; others of the account stay, since messages refer to them."""
    found = db.scalars(select(Profile).where(Profile.account_id == account.id))
    known = {profile.name: profile for profile in found}
    for new in wanted:
        profile = known.get(new.name) or Profile(id=uuid7(), account_id=account.id, name=new.name)
        profile.level, profile.locale, profile.updated = new.level.value, new.locale, now
        profile.brand_name, profile.brand_colour = new.brand.name, new.brand.colour
        profile.brand_link = new.brand.link
        logo = new.brand.logo
        profile.logo_type, profile.logo = (logo.type, logo.data) if logo else (None, None)
        db.add(profile)
    db.flush()


def id_of(db: Session, account: Account, name: str) -> UUID:
    """The account's profile of that name. Raises UnknownProfileError."""
    found = db.scalar(select(Profile.id).where(Profile.account_id == account.id, Profile.name == name))
    if found is None:
        raise UnknownProfileError
    return found


def brand_of(db: Session, profile_id: UUID) -> Brand:
    """How the organisation looks. Raises NotFoundError."""
    profile = db.get(Profile, profile_id)
    if profile is None:
        raise NotFoundError
    logo = Logo(type=profile.logo_type, data=profile.logo) if profile.logo_type and profile.logo else None
    return Brand(name=profile.brand_name, colour=profile.brand_colour, logo=logo, link=profile.brand_link)


def locale_of(db: Session, profile_id: UUID) -> str:
    """The language that the organisation writes in. Raises NotFoundError."""
    found = db.scalar(select(Profile.locale).where(Profile.id == profile_id))
    if found is None:
        raise NotFoundError
    return found
