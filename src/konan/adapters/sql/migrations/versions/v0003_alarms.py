"""Alarms, their events, incidents, and who is told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WORD = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of alarms and of those who are told."""
    _alarms()
    _receivers()


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", WORD, nullable=False),
        sa.Column("deployment", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("memory", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.uuid"], name="fk_alarms_deployment"),
        sa.UniqueConstraint("deployment", "name", name="uq_alarms_deployment_name"),
    )
    op.create_table(
        "alarm_events",
        sa.Column("alarm", WORD, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("alarm", "number", name="pk_alarm_events"),
        sa.ForeignKeyConstraint(["alarm"], ["alarms.id"], name="fk_alarm_events_alarm"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", WORD, nullable=False),
        sa.Column("deployment", WORD, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.uuid"], name="fk_incidents_deployment"),
    )
    op.create_index("ix_incidents_deployment_id", "incidents", ["deployment", "id"])


def _receivers() -> None:
    op.create_table(
        "receivers",
        sa.Column("id", WORD, nullable=False),
        sa.Column("project", WORD, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receivers"),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_receivers_project"),
    )
    op.create_index("ix_receivers_project_id", "receivers", ["project", "id"])
    op.create_table(
        "deliveries",
        sa.Column("id", WORD, nullable=False),
        sa.Column("receiver", WORD, nullable=False),
        sa.Column("waiting", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["receiver"], ["receivers.id"], name="fk_deliveries_receiver"),
    )
    op.create_index("ix_deliveries_receiver_id", "deliveries", ["receiver", "id"])
