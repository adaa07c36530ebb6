"""KPIs that users send."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of points."""
    op.create_table(
        "kpis",
        sa.Column("deployment", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "name", "at", "version", name="pk_kpis"),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.uuid"], name="fk_kpis_deployment"),
    )
