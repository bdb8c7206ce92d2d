"""Run by alembic, with the connection that `database.migrate` opened."""

from alembic import context

from streams.settlement.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table="settlement_version"
)
context.run_migrations()
