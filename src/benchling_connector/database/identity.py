"""Who this connector is in the database."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.database.connection import exclusively, reading
from benchling_connector.database.tables import NOT_DELETED, connectors
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration

__all__ = ["Identity", "Rename", "connector_identity", "known_identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A connector's ID, and the name that people see."""

    connector_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A connector that takes another name."""

    connector_id: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    queue: str | None


async def connector_identity(
    engine: AsyncEngine,
    configured_id: str | None,
    name: str,
    now: datetime,
    new_id: Callable[[], str],
    *,
    renames: bool = False,
    queue: str | None = None,
    record: Callable[[AsyncConnection, Rename], Awaitable[object]] | None = None,
) -> Identity:
    """The connector, recorded if it is new, under this name.

    The configured ID, if there is one. Else that of the database's only connector; else that of
    the (oldest) connector of this name; else a new one, kept. A connector that is known keeps its
    name, unless `renames`: then it takes this one, and `record` writes that down in the same
    transaction. `queue`, in its one form, is what it takes from, from now on.

    Raises `InvalidConfiguration` if the configured one was deleted, or another takes from the queue
    (`queue-taken`), and `TransientError`.
    """
    async with exclusively(engine) as connection:
        known = await _known(connection)
        if configured_id is not None and configured_id not in known:
            await _refuse_deleted(connection, configured_id)
        connector_id = configured_id or _remembered(known, name) or new_id()
        mine = known.get(connector_id)
        if queue is not None and (mine is None or mine.queue != queue):
            _require_free(known, queue)
        if mine is None:
            await connection.execute(
                insert(connectors).values(
                    connector_id=connector_id, name=name, queue=queue, created_at=now
                )
            )
            return Identity(connector_id, name)
        changes: dict[str, object] = {}
        if queue is not None and queue != mine.queue:
            changes["queue"] = queue
        if not renames or name == mine.name:
            name = mine.name
        else:
            changes |= {"name": name, "updated_at": now}
        if changes:
            await connection.execute(
                update(connectors)
                .where(connectors.c.connector_id == connector_id)
                .values(**changes)
            )
        if "name" in changes and record is not None:
            await record(connection, Rename(connector_id, mine.name, name))
    return Identity(connector_id, name)


async def known_identity(engine: AsyncEngine, configured_id: str | None, name: str) -> str | None:
    """The same, for those who only ask: its ID, None if the database does not know the connector.

    Raises `TransientError`.
    """
    async with reading(engine) as connection:
        known = await _known(connection)
    connector_id = configured_id or _remembered(known, name)
    return connector_id if connector_id in known else None


async def _known(connection: AsyncConnection) -> dict[str, _Known]:
    """The connectors by ID, oldest first, that were not deleted."""
    columns = connectors.c
    rows = await connection.execute(
        select(columns.connector_id, columns.name, columns.queue)
        .where(NOT_DELETED)
        .order_by(columns.created_at, columns.connector_id)
    )
    return {row.connector_id: _Known(row.name, row.queue) for row in rows}


async def _refuse_deleted(connection: AsyncConnection, connector_id: str) -> None:
    query = select(connectors.c.name).where(connectors.c.connector_id == connector_id)
    if await connection.scalar(query) is not None:
        problem = "names a connector that was deleted."
        remedy = "Leave it out, or give the ID of another."
        raise InvalidConfiguration([FieldProblem("connector_id", problem, remedy)])


def _require_free(known: Mapping[str, _Known], queue: str) -> None:
    for connector_id, other in known.items():
        if other.queue == queue:
            problem = f"the connector {other.name} ({connector_id}) takes from this queue."
            remedy = (
                "Name another queue; or, if that connector is not needed any more, disable it with "
                f"`connectors disable {connector_id}`, and delete it with `connectors delete "
                f"{connector_id}`."
            )
            raise InvalidConfiguration([FieldProblem("sqs_url", problem, remedy)], "queue-taken")


def _remembered(known: Mapping[str, _Known], name: str) -> str | None:
    if len(known) == 1:
        return next(iter(known))
    return next((key for key, one in known.items() if one.name == name), None)
