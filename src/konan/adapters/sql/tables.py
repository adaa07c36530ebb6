"""The tables, as they are after all migrations (a test compares them).

A record is kept whole as JSON text; beside it stand only the columns that queries and constraints need.
Texts that are sorted by are compared byte by byte on both databases.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def word() -> sa.Text:
    """A text that is sorted by its bytes."""
    return sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


projects = sa.Table(
    "projects",
    metadata,
    sa.Column("name", word(), primary_key=True),
    sa.Column("created_at", sa.Text, nullable=False),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", word(), primary_key=True),
    sa.Column("project", word(), sa.ForeignKey("projects.name"), nullable=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("deployments", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.Text),
    sa.Index(None, "project", "id"),
)

deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("uuid", word(), primary_key=True),
    sa.Column("project", word(), sa.ForeignKey("projects.name"), nullable=False),
    sa.Column("name", word(), nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("live_version", sa.Integer),
    sa.UniqueConstraint("project", "name"),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("uuid", word(), primary_key=True),
    sa.Column("deployment", word(), sa.ForeignKey("deployments.uuid"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.UniqueConstraint("deployment", "number"),
)

one_live = sa.Index(
    "uq_versions_one_live",
    versions.c.deployment,
    unique=True,
    sqlite_where=versions.c.state == "live",
    postgresql_where=versions.c.state == "live",
)

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", word(), primary_key=True),
    sa.Column("project", word(), sa.ForeignKey("projects.name"), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index(None, "project", "id"),
)

alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", word(), primary_key=True),
    sa.Column("deployment", word(), sa.ForeignKey("deployments.uuid"), nullable=False),
    sa.Column("name", word(), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("memory", sa.Text, nullable=False),
    sa.UniqueConstraint("deployment", "name"),
)

alarm_events = sa.Table(
    "alarm_events",
    metadata,
    sa.Column("alarm", word(), sa.ForeignKey("alarms.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", word(), primary_key=True),
    sa.Column("deployment", word(), sa.ForeignKey("deployments.uuid"), nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index(None, "deployment", "id"),
)

receivers = sa.Table(
    "receivers",
    metadata,
    sa.Column("id", word(), primary_key=True),
    sa.Column("project", word(), sa.ForeignKey("projects.name"), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index(None, "project", "id"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", word(), primary_key=True),
    sa.Column("receiver", word(), sa.ForeignKey("receivers.id"), nullable=False),
    sa.Column("waiting", sa.Boolean, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index(None, "receiver", "id"),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("deployment", word(), sa.ForeignKey("deployments.uuid"), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

custom_metrics = sa.Table(
    "custom_metrics",
    metadata,
    sa.Column("deployment", word(), sa.ForeignKey("deployments.uuid"), primary_key=True),
    sa.Column("name", word(), primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

kpis = sa.Table(
    "kpis",
    metadata,
    sa.Column("deployment", word(), sa.ForeignKey("deployments.uuid"), primary_key=True),
    sa.Column("name", word(), primary_key=True),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Double, nullable=False),
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("deployment", word(), sa.ForeignKey("deployments.uuid"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", word(), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
