"""Claiming events, safely beside other workers that claim the same ones.

New events are inserted first, and whoever inserts an event has it. What is known already is read
without a lock; only taking a claim over locks its row, and never waits for a row that somebody
else has locked. So workers cannot block each other here.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, and_, bindparam, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from benchling_connector.adapters.ledger.rows import (
    FILE_COLUMNS,
    UNSTORED,
    file_record,
    row_of_candidate,
)
from benchling_connector.database.base import INSERT
from benchling_connector.database.tables import events, files, workers
from benchling_connector.domain.records import EventState, FileState, storable
from benchling_connector.ports import Candidate, Claim, Verdict

__all__ = ["Claimant", "claim"]


@functools.cache
def _insert_new(dialect: str) -> ReturningInsert[Any]:
    return INSERT[dialect](events).on_conflict_do_nothing().returning(events.c.event_id)


_KNOWN = (
    select(
        *FILE_COLUMNS,
        events.c.id,
        events.c.event_id,
        events.c.digest,
        events.c.state.label("event_state"),
        events.c.attempts,
        events.c.worker_id.label("claimant"),
        workers.c.lease_until,
        workers.c.process,
    )
    .outerjoin_from(events, workers, workers.c.worker_id == events.c.worker_id)
    .outerjoin(files, and_(files.c.file_id == events.c.file_id, files.c.state.in_(UNSTORED)))
    .where(
        events.c.connector_id == bindparam("connector"),
        events.c.event_id.in_(bindparam("ids", expanding=True)),
    )
)

# Each claim raises `attempts`: key and attempts together name one claim, as it was read.
_TAKE = (
    update(events)
    .where(
        events.c.id.in_(
            select(events.c.id)
            .where(
                events.c.id.in_(bindparam("keys", expanding=True)),
                tuple_(events.c.id, events.c.attempts).in_(bindparam("claims", expanding=True)),
                events.c.state.in_((EventState.WRITING, EventState.RETRYING)),
                events.c.file_id.is_(None),
            )
            .order_by(events.c.id)
            .with_for_update(skip_locked=True)
        )
    )
    .returning(events.c.event_id, events.c.attempts)
)


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims. `unanswered`: events that it may have claimed without ever knowing.

    `is_gone` tells of a process whether it has ended for sure.
    """

    connector_id: str
    worker_id: str
    unanswered: frozenset[str] = frozenset()
    is_gone: Callable[[str], bool] = lambda _: False


async def claim(
    connection: AsyncConnection, claimant: Claimant, candidates: Sequence[Candidate], now: datetime
) -> list[Claim]:
    """One claim for each candidate, in order; in the transaction of `connection`."""
    claims = await _insert(connection, claimant, candidates)
    known_before = [one for one in candidates if one.event.id not in claims]
    takeable: dict[str, RowMapping] = {}
    if known_before:
        rows = await _known(connection, claimant.connector_id, known_before)
        for candidate in known_before:
            row = rows.get(candidate.event.id)
            verdict = _judge(candidate, row, claimant, now)
            if row is not None and verdict is None:
                takeable[candidate.event.id] = row
            claims[candidate.event.id] = Claim(
                verdict or Verdict.BUSY,  # until it is taken
                row["attempts"] if row else 0,
                file_record(row) if row and verdict is Verdict.ORPHANED else None,
                stopped=row is not None
                and verdict is Verdict.BUSY
                and row["state"] == FileState.ERROR,
            )
    if takeable:
        claims |= await _take(connection, claimant.worker_id, known_before, takeable)
    return [claims[candidate.event.id] for candidate in candidates]


async def _insert(
    connection: AsyncConnection, claimant: Claimant, candidates: Sequence[Candidate]
) -> dict[str, Claim]:
    """The claims of those that were new."""
    # In one order everywhere, so that two workers never wait for each other in a circle.
    ordered = sorted(candidates, key=lambda one: one.event.id)
    inserted = await connection.scalars(
        _insert_new(connection.dialect.name),
        [row_of_candidate(one, claimant.connector_id, claimant.worker_id) for one in ordered],
    )
    new = set(inserted)
    return {
        one.event.id: Claim(Verdict.CLAIMED, 1)
        if one.skip_reason is None
        else Claim(Verdict.SETTLED, 0)
        for one in candidates
        if one.event.id in new
    }


async def _known(
    connection: AsyncConnection, connector_id: str, candidates: Iterable[Candidate]
) -> dict[str, RowMapping]:
    ids = [one.event.id for one in candidates]
    rows = await connection.execute(_KNOWN, {"connector": connector_id, "ids": ids})
    return {row["event_id"]: row for row in rows.mappings()}


def _judge(
    candidate: Candidate, row: RowMapping | None, claimant: Claimant, now: datetime
) -> Verdict | None:
    """The verdict on a known event; None if it may be taken over."""
    if row is None:  # it was deleted just now
        return Verdict.BUSY
    if row["digest"] != candidate.event.digest:
        return Verdict.REUSED
    if row["event_state"] not in (EventState.WRITING, EventState.RETRYING):
        return Verdict.SETTLED
    if row["event_state"] == EventState.WRITING and _is_held(row, claimant, now):
        return Verdict.BUSY
    return None if row["file_id"] is None else Verdict.ORPHANED


def _is_held(row: RowMapping, claimant: Claimant, now: datetime) -> bool:
    if row["claimant"] == claimant.worker_id:
        return row["event_id"] not in claimant.unanswered or row["file_id"] is not None
    if row["lease_until"] is None or row["lease_until"] <= now:
        return False
    # What it sent to a lake elsewhere may still arrive: then the lease decides.
    return row["file_id"] is not None or not row["process"] or not claimant.is_gone(row["process"])


async def _take(
    connection: AsyncConnection,
    worker_id: str,
    candidates: Iterable[Candidate],
    takeable: Mapping[str, RowMapping],
) -> dict[str, Claim]:
    """The claims of those that were still to be had."""
    by_reason: dict[str | None, list[tuple[int, int]]] = {}
    for candidate in candidates:
        row = takeable.get(candidate.event.id)
        if row is not None:
            by_reason.setdefault(candidate.skip_reason, []).append((row["id"], row["attempts"]))
    taken: dict[str, Claim] = {}
    for skip_reason, pairs in by_reason.items():
        if skip_reason is None:
            verdict = Verdict.CLAIMED
            change = _TAKE.values(
                state=EventState.WRITING,
                worker_id=worker_id,
                attempts=events.c.attempts + 1,
                reason=None,
                next_at=None,
            )
        else:
            verdict = Verdict.SETTLED
            change = _TAKE.values(
                state=EventState.SKIPPED, reason=storable(skip_reason), next_at=None
            )
        keys = [key for key, _ in pairs]
        rows = await connection.execute(change, {"keys": keys, "claims": pairs})
        taken |= {row["event_id"]: Claim(verdict, row["attempts"]) for row in rows.mappings()}
    return taken
