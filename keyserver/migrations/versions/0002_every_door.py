"""What the doors besides the file need: options of a message, copies, one-time links, further addresses,
and how an opening was approved."""

import sqlalchemy as sa
from alembic import op

from keyserver.db import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: What messages that are there already were registered without; opening online does no harm to any.
OPTIONS = {"mailed_code": sa.false(), "online": sa.true(), "remember": sa.false(), "receipt": sa.false()}


def upgrade() -> None:
    for name, value in OPTIONS.items():
        op.add_column("message", sa.Column(name, sa.Boolean(), nullable=False, server_default=value))
    with op.batch_alter_table("message") as message:
        for name in OPTIONS:
            message.alter_column(name, server_default=None)
    op.create_index("ix_message_sender_registered_id", "message", ["sender", "registered", "id"])
    op.add_column("opening", sa.Column("approval", sa.String(length=10), nullable=True))
    op.create_table(
        "proven_address",
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_proven_address_person_id_person")
        ),
        sa.PrimaryKeyConstraint("address", "person_id", name=op.f("pk_proven_address")),
    )
    op.create_index("ix_proven_address_person_id", "proven_address", ["person_id"])
    op.create_table(
        "stored_copy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("stored", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_stored_copy_message_id_message")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_copy")),
    )
    op.create_index("ix_stored_copy_expires", "stored_copy", ["expires"])
    op.create_index("ix_stored_copy_message_id", "stored_copy", ["message_id"])
    op.create_table(
        "forwarded_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("copy_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(length=60), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
        sa.Column("used", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["copy_id"], ["stored_copy.id"], name=op.f("fk_forwarded_link_copy_id_stored_copy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forwarded_link")),
    )
    op.create_index("ix_forwarded_link_copy_id", "forwarded_link", ["copy_id"])
    op.create_index("ix_forwarded_link_expires", "forwarded_link", ["expires"])
