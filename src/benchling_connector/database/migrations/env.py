"""What Alembic runs for each upgrade: on the connection, and in the transaction, it was given."""

from alembic import context

from benchling_connector.database import platform_tables, tables  # noqa: F401 - they make it whole
from benchling_connector.database.base import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
context.run_migrations()
