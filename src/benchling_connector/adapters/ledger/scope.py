"""Which connector of the database people ask after."""

from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.database.identity import known_identity
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration

__all__ = ["require_connector", "same_connector"]


async def require_connector(engine: AsyncEngine, connector_id: str | None) -> None:
    """Raises `InvalidConfiguration` if the database does not know this ID; None is all there are.

    Without it a mistyped ID would look like a connector that has nothing to show.
    """
    if connector_id is not None and await known_identity(engine, connector_id, "") is None:
        problem = f"The database knows no connector of the ID {connector_id!r}."
        raise _unknown(problem, "Leave it out to see all; `status` shows their IDs.")


async def same_connector(engine: AsyncEngine, connector_id: str | None, name: str) -> str:
    """The ID of the connector that a worker of this ID or name would be.

    Raises `InvalidConfiguration` if the database does not know it.
    """
    known = await known_identity(engine, connector_id, name)
    if known is None:
        problem = f"The database knows no connector of this ID or of the name {name!r}."
        raise _unknown(problem, "Use the configuration that the connector runs with.")
    return known


def _unknown(problem: str, remedy: str) -> InvalidConfiguration:
    return InvalidConfiguration([FieldProblem("connector_id", problem, remedy)])
