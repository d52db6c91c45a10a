"""Forgetting what is so old that nobody delivers it again, a few rows at a time."""

from datetime import datetime

from sqlalchemy import bindparam, delete, exists, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.database.connection import reading, writing
from benchling_connector.database.tables import events, quarantine, workers
from benchling_connector.domain.records import EventState, cursor_at, position_of
from benchling_connector.ports import Pruned

__all__ = ["prune"]

_PLACE = (events.c.received_at, events.c.id)

_UNDECIDED_BEFORE = exists().where(
    quarantine.c.message_id == events.c.message_id,
    quarantine.c.connector_id == events.c.connector_id,
    or_(quarantine.c.resolved_at.is_(None), quarantine.c.resolved_at >= bindparam("before")),
)

_OLDEST = (
    select(
        *_PLACE,
        events.c.event_id,
        events.c.message_id,
        (
            (events.c.connector_id == bindparam("connector"))
            # Quarantined ones are skipped as soon as a person has decided about them.
            & events.c.state.in_((EventState.STORED, EventState.SKIPPED))
            # Some were received long ago, and stored or decided about a moment ago.
            & or_(events.c.stored_at.is_(None), events.c.stored_at < bindparam("before"))
            & or_(events.c.event_id.is_not(None), ~_UNDECIDED_BEFORE)
        ).label("may_go"),
    )
    .where(events.c.received_at < bindparam("before"))
    .order_by(*_PLACE)
    .limit(bindparam("most"))
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
_FORGET_BODIES = delete(quarantine).where(
    quarantine.c.message_id.in_(bindparam("messages", expanding=True)),
    quarantine.c.connector_id == bindparam("connector"),
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
    strays = [row.message_id for row in going if row.event_id is None]
    forgotten = 0
    if going or cursor is None:
        async with writing(engine) as connection:
            if cursor is None:
                await connection.execute(_FORGET_WORKERS, which)
            if going:
                keys = [row.id for row in going]
                forgotten = (await connection.execute(_FORGET, {"keys": keys})).rowcount
            if strays:
                await connection.execute(_FORGET_BODIES, {**which, "messages": strays})
    return Pruned(
        forgotten, cursor_at(rows[-1].received_at, rows[-1].id) if len(rows) == most else None
    )
