"""Runs migrations on the connection that `konan.adapters.sql.migrate` hands over; Alembic calls this file."""

from alembic import context

from konan.adapters.sql.tables import metadata

if __name__ == "env_py":  # the name under which Alembic loads it; who merely imports it runs nothing
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=True,
    )
    context.run_migrations()
