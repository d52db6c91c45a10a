"""The quarantine in SQLite or PostgreSQL: what people see of it, and what they decide."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, func, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.adapters.ledger.reader import matches
from benchling_connector.adapters.ledger.scope import require_connector, same_connector
from benchling_connector.database.connection import open_engine, reading, writing
from benchling_connector.database.migrate import require_schema
from benchling_connector.database.tables import UNRESOLVED, events
from benchling_connector.database.tables import quarantine as kept
from benchling_connector.domain.records import (
    Decision,
    EventState,
    QuarantineFilter,
    QuarantineGroup,
    QuarantineRecord,
    Resolution,
    cursor_of,
    place_of,
    storable,
)
from benchling_connector.ports import Page

__all__ = ["RecordDecisions", "SqlQuarantine", "open_quarantine"]

RecordDecisions = Callable[[AsyncConnection, Sequence[Decision], datetime], Awaitable[None]]
"""Writes down decisions that were just made, in the transaction that makes them."""

_FIELDS = tuple(field.name for field in fields(QuarantineRecord) if field.name != "body")
_COLUMNS = tuple(
    func.length(kept.c.body).label("size") if name == "size" else kept.c[name] for name in _FIELDS
)
_PLACE = (kept.c.quarantined_at, kept.c.message_id, kept.c.connector_id)
_NEWEST_FIRST = tuple(column.desc() for column in _PLACE)

_DECIDE = (
    update(kept)
    .where(
        UNRESOLVED,
        kept.c.message_id == bindparam("message"),
        kept.c.connector_id == bindparam("connector"),
    )
    .values(
        resolution=bindparam("how"),
        resolved_at=bindparam("at"),
        resolved_by=bindparam("who"),
        resolved_because=bindparam("why"),
        successor=bindparam("new_id"),
    )
)
_SKIP = (
    update(events)
    .where(
        events.c.event_id.is_(None),
        events.c.message_id == bindparam("message"),
        events.c.connector_id == bindparam("connector"),
    )
    .values(state=EventState.SKIPPED, reason=bindparam("because"))
)


@asynccontextmanager
async def open_quarantine(
    database_url: str,
    connector_id: str | None = None,
    *,
    connector_name: str | None = None,
    to_decide: bool = False,
    record: RecordDecisions | None = None,
) -> AsyncIterator["SqlQuarantine"]:
    """The quarantine beside whoever works; makes nothing.

    Of all connectors of the database, or of the one with this ID. With a `connector_name` it is
    the one that a worker of this ID or name would be. `to_decide` opens it for `resolve`, too,
    and `record` is what writes the decisions into the audit.
    Raises `ConfigurationError` when there is no ledger, one of another version, or no such
    connector in it, and `TransientError` when it cannot be used.
    """
    engine = open_engine(database_url, read_only=True)
    try:
        await require_schema(engine)
        if connector_name is None:
            await require_connector(engine, connector_id)
        else:
            connector_id = await same_connector(engine, connector_id, connector_name)
        if to_decide:
            await engine.dispose()
            engine = open_engine(database_url)
        yield SqlQuarantine(engine, connector_id, record)
    finally:
        await engine.dispose()


class SqlQuarantine:
    """Implements `ports.Quarantine`: for all connectors of the database, or for one.

    The filter by code takes `*` and `?`. A cursor that no listing gave out raises
    `BadCursorError`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        connector_id: str | None = None,
        record: RecordDecisions | None = None,
    ) -> None:
        self._engine = engine
        self._connector_id = connector_id
        self._record = record

    async def messages(
        self, which: QuarantineFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[QuarantineRecord]:
        """See `ports.Quarantine`."""
        query = self._wanted(select(*_COLUMNS), which).order_by(*_NEWEST_FIRST)
        if cursor is not None:
            place = zip(place_of(cursor), _PLACE, strict=True)
            bound = tuple_(*(literal(value, column.type) for value, column in place))
            query = query.where(tuple_(*_PLACE) < bound)
        if limit is not None:
            query = query.limit(limit + 1)  # one more tells whether there is a next page
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        records = tuple(_record(row) for row in rows[:limit])
        more = limit is not None and len(rows) > limit
        return Page(records, cursor_of(records[-1]) if more and records else None)

    async def groups(self, which: QuarantineFilter) -> Sequence[QuarantineGroup]:
        """See `ports.Quarantine`."""
        code, at = kept.c.code, kept.c.quarantined_at
        ranked = self._wanted(
            select(
                code,
                kept.c.message_id.label("newest"),
                func.count().over(partition_by=code).label("count"),
                func.min(at).over(partition_by=code).label("first_at"),
                func.max(at).over(partition_by=code).label("last_at"),
                func.row_number().over(partition_by=code, order_by=_NEWEST_FIRST).label("rank"),
            ),
            which,
        ).subquery()
        wanted = [ranked.c[field.name] for field in fields(QuarantineGroup)]
        query = select(*wanted).where(ranked.c.rank == 1)
        async with reading(self._engine) as connection:
            rows = await connection.execute(query.order_by(ranked.c["count"].desc(), ranked.c.code))
            return tuple(QuarantineGroup(**row) for row in rows.mappings())

    async def message(self, message_id: str) -> QuarantineRecord | None:
        """See `ports.Quarantine`. With several connectors the newest of that name."""
        everything = QuarantineFilter(resolved=True)
        query = self._wanted(select(*_COLUMNS, kept.c.body), everything)
        query = query.where(kept.c.message_id == storable(message_id))
        async with reading(self._engine) as connection:
            found = await connection.execute(query.order_by(*_NEWEST_FIRST).limit(1))
            row = found.mappings().first()
            return None if row is None else _record(row, bytes(row["body"]))

    async def resolve(self, decisions: Sequence[Decision], now: datetime) -> frozenset[Decision]:
        """See `ports.Quarantine`."""
        if not decisions:
            return frozenset()
        refused = set()
        # In one order everywhere, so that two people never wait for each other in a circle.
        ordered = sorted(decisions, key=lambda one: (one.connector_id, one.message_id))
        async with writing(self._engine) as connection:
            for one in ordered:
                which = {"message": storable(one.message_id), "connector": one.connector_id}
                decided = await connection.execute(_DECIDE, {**which, **_values(one, now)})
                if decided.rowcount:
                    await connection.execute(_SKIP, {**which, "because": storable(one.reason)})
                else:
                    refused.add(one)
            made = [one for one in ordered if one not in refused]
            if made and self._record is not None:
                await self._record(connection, made, now)
        return frozenset(refused)

    def _wanted(self, query: Select[Any], which: QuarantineFilter) -> Select[Any]:
        if self._connector_id is not None:
            query = query.where(kept.c.connector_id == self._connector_id)
        if which.code is not None:
            glob = matches(kept.c.code, storable(which.code), self._engine.dialect.name)
            query = query.where(glob)
        if which.since is not None:
            query = query.where(kept.c.quarantined_at >= which.since)
        if which.until is not None:
            query = query.where(kept.c.quarantined_at < which.until)
        # Literally, for the partial index.
        return query if which.resolved else query.where(UNRESOLVED)


def _record(row: RowMapping, body: bytes | None = None) -> QuarantineRecord:
    values = {name: row[name] for name in _FIELDS}
    resolution = row["resolution"]
    values["resolution"] = None if resolution is None else Resolution(resolution)
    return QuarantineRecord(**values, body=body)


def _values(decision: Decision, now: datetime) -> dict[str, object]:
    because, successor = decision.because, decision.successor
    return {
        "how": decision.resolution,
        "at": now,
        "who": storable(decision.by),
        "why": None if because is None else storable(because),
        "new_id": None if successor is None else storable(successor),
    }
