"""Forgetting what is so old that nobody delivers it again, a few rows at a time."""

from datetime import datetime

from sqlalchemy import bindparam, delete, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.database.connection import reading, writing
from benchling_connector.database.tables import events, quarantine, workers
from benchling_connector.domain.records import EventState, cursor_at, position_of
from benchling_connector.ports import Pruned

__all__ = ["prune"]

_PLACE = (events.c.received_at, events.c.id)

_OLDEST = (
    select(
        *_PLACE,
        events.c.event_id,
        events.c.message_id,
        (
            (events.c.connector_id == bindparam("connector"))
            # Quarantined ones are skipped as soon as a person has decided about them.
            & events.c.state.in_((EventState.STORED, EventState.SKIPPED))
            # Some were received long ago, and stored a moment ago.
            & or_(events.c.stored_at.is_(None), events.c.stored_at < bindparam("before"))
        ).label("may_go"),
    )
    .where(events.c.received_at < bindparam("before"))
    .order_by(*_PLACE)
    .limit(bindparam("most"))
)

_FORGET_BODIES = (
    delete(quarantine)
    .where(
        quarantine.c.message_id.in_(bindparam("messages", expanding=True)),
        quarantine.c.connector_id == bindparam("connector"),
        quarantine.c.resolved_at < bindparam("before"),
    )
    .returning(quarantine.c.message_id)
)
# What may go stays as it is, so nothing is asked again. Another worker may be at the same rows:
# whoever has locked them deletes them.
_FORGET = delete(events).where(
    events.c.id.in_(
        select(events.c.id)
        .where(events.c.id.in_(bindparam("keys", expanding=True)))
        .with_for_update(skip_locked=True)
    )
)
_FORGET_WORKERS = delete(workers).where(
    workers.c.connector_id == bindparam("connector"), workers.c.lease_until < bindparam("before")
)


async def prune(
    engine: AsyncEngine, connector_id: str, before: datetime, most: int, cursor: str | None
) -> Pruned:
    """See `ports.Ledger`. Locks nothing while it looks."""
    which = {"connector": connector_id, "before": before}
    query = _OLDEST
    if cursor is not None:
        place = zip(position_of(cursor), _PLACE, strict=True)
        bound = tuple_(*(literal(value, column.type) for value, column in place))
        query = query.where(tuple_(*_PLACE) > bound)
    async with reading(engine) as connection:
        rows = (await connection.execute(query, {**which, "most": most})).all()
    going = [row for row in rows if row.may_go]
    forgotten = 0
    if going or cursor is None:
        async with writing(engine) as connection:
            if cursor is None:
                await connection.execute(_FORGET_WORKERS, which)
            keys = [row.id for row in going if row.event_id is not None]
            strays = {row.message_id: row.id for row in going if row.event_id is None}
            if strays:
                decided = {**which, "messages": list(strays)}
                gone = await connection.scalars(_FORGET_BODIES, decided)
                keys += [strays[message_id] for message_id in gone]
            if keys:
                forgotten = (await connection.execute(_FORGET, {"keys": keys})).rowcount
    more = len(rows) == most
    return Pruned(forgotten, cursor_at(rows[-1].received_at, rows[-1].id) if more else None)
