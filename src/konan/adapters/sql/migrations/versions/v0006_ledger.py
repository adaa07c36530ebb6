"""The ledger of what was live when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; deployments that exist get their first entry with their next change."""
    op.create_table(
        "ledger",
        sa.Column("deployment", WORD, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "number", name="pk_ledger"),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.uuid"], name="fk_ledger_deployment"),
    )
