"""What Alembic runs for each upgrade: on the connection, and in the transaction, it was given."""

from alembic import context

from benchling_connector.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
context.run_migrations()
