"""Decisions of deployments, and their own metrics."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of decisions and of metrics."""
    op.create_table(
        "decisions",
        sa.Column("deployment", WORD, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("deployment", name="pk_decisions"),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.uuid"], name="fk_decisions_deployment"),
    )
    op.create_table(
        "custom_metrics",
        sa.Column("deployment", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "name", name="pk_custom_metrics"),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.uuid"], name="fk_custom_metrics_deployment"),
    )
