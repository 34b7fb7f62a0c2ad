"""The trail: chained per account, kept from change, and its verifier."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from keyserver import audit

TAMPER = [
    "UPDATE audit_entry SET data = '{\"n\": 7}' WHERE number = 2",
    "UPDATE audit_entry SET event = 'other' WHERE number = 2",
    "DELETE FROM audit_entry WHERE number = 2",
]


@pytest.fixture
def account_id(db: Session, now: datetime) -> UUID:
    """An account with three entries in its chain."""
    account_id = uuid4()
    for number in range(3):
        audit.record(db, "tested", account_id=account_id, now=now, n=number)
    return account_id


def verdicts(db: Session) -> dict[str, audit.Verdict]:
    return {verdict.chain: verdict for verdict in audit.verify(db)}


def test_each_account_has_a_chain(db: Session, account_id: UUID, now: datetime) -> None:
    audit.record(db, "tested", account_id=None, now=now)

    found = verdicts(db)

    assert found.keys() == {str(account_id), audit.SYSTEM}
    assert found[str(account_id)].entries == 3
    assert found[str(account_id)].broken_at is None
    assert found[audit.SYSTEM].head != found[str(account_id)].head


@pytest.mark.parametrize("statement", TAMPER)
def test_database_refuses_to_change_entries(db: Session, account_id: UUID, statement: str) -> None:
    with pytest.raises(DBAPIError, match="audit entries stay"):
        db.execute(text(statement))


@pytest.mark.parametrize("statement", TAMPER)
def test_verifier_finds_what_was_changed(db: Session, account_id: UUID, statement: str) -> None:
    _without_triggers(db)
    db.execute(text(statement))

    assert verdicts(db)[str(account_id)].broken_at == 2


def test_end_that_was_cut_shows_against_a_note_kept_elsewhere(db: Session, account_id: UUID) -> None:
    noted = verdicts(db)[str(account_id)]
    _without_triggers(db)
    db.execute(text("DELETE FROM audit_entry WHERE number = 3"))

    assert verdicts(db)[str(account_id)] != noted


def _without_triggers(db: Session) -> None:
    """What somebody with the database's own password can do."""
    if db.get_bind().dialect.name == "sqlite":
        db.execute(text("DROP TRIGGER audit_entry_update"))
        db.execute(text("DROP TRIGGER audit_entry_delete"))
    else:
        db.execute(text("DROP TRIGGER audit_entry_stays ON audit_entry"))
