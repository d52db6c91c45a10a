"""The database: that it can be reached, and that its schema is one that `run` can use."""

import tempfile

from benchling_connector.checkup.items import Item, Outcome
from benchling_connector.database.connection import sqlite_path
from benchling_connector.database.migrate import schema_status
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import TransientError

__all__ = ["check_database"]


async def check_database(configuration: Configuration) -> Item:
    """Makes no table. Raises `ConnectorError` when it fails."""
    status = await schema_status(configuration.database_url)
    if status.state == "current":
        return Item("database", Outcome.PASSED, f"The schema is current ({status.head}).")
    if status.state == "older":
        summary = f"The schema is {status.current}; `run` brings it to {status.head}."
        return Item("database", Outcome.PASSED, summary)
    path = sqlite_path(configuration.database_url)
    if path is not None:
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            sentence = f"The folder {folder} cannot be written ({error.strerror})."
            raise TransientError("database-failing", sentence) from None
    return Item("database", Outcome.PASSED, "Reachable and new; `run` makes the tables.")
