"""How alembic reaches the database: a connection it is given, else the settings of the environment."""

import os
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

import keyserver.models  # noqa: F401 - registers the tables
from keyserver.db import Base, Database, UtcDateTime
from keyserver.settings import Settings


def _render(kind: str, thing: Any, autogen_context: AutogenContext) -> str | Literal[False]:
    """New revisions say our own time type by its name."""
    if kind == "type" and isinstance(thing, UtcDateTime):
        autogen_context.imports.add("from keyserver.db import UtcDateTime")
        return "UtcDateTime()"
    return False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,  # SQLite alters a table by copying it
        render_item=_render,
    )
    with context.begin_transaction():
        context.run_migrations()


def _migrate() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    with Database(Settings.from_environ(os.environ).database_url).engine.begin() as own:
        _run(own)


_migrate()
