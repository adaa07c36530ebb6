"""Projects, keys, deployments and versions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the first tables."""
    _projects_and_keys()
    _deployments_and_versions()
    counters = op.create_table(
        "counters",
        sa.Column("name", WORD, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.bulk_insert(counters, [{"name": "generation", "value": 0}])


def _projects_and_keys() -> None:
    op.create_table(
        "projects",
        sa.Column("name", WORD, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_projects"),
    )
    op.create_table(
        "keys",
        sa.Column("id", WORD, nullable=False),
        sa.Column("project", WORD, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("deployments", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_keys_project"),
        sa.UniqueConstraint("digest", name="uq_keys_digest"),
    )
    op.create_index("ix_keys_project_id", "keys", ["project", "id"])


def _deployments_and_versions() -> None:
    op.create_table(
        "deployments",
        sa.Column("uuid", WORD, nullable=False),
        sa.Column("project", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("live_version", sa.Integer),
        sa.PrimaryKeyConstraint("uuid", name="pk_deployments"),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_deployments_project"),
        sa.UniqueConstraint("project", "name", name="uq_deployments_project_name"),
    )
    op.create_table(
        "versions",
        sa.Column("uuid", WORD, nullable=False),
        sa.Column("deployment", WORD, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_versions"),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.uuid"], name="fk_versions_deployment"),
        sa.UniqueConstraint("deployment", "number", name="uq_versions_deployment_number"),
    )
    live = sa.text("state = 'live'")
    op.create_index(
        "uq_versions_one_live",
        "versions",
        ["deployment"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
