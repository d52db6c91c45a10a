"""The ledger in SQLite or PostgreSQL, as one worker of one connector writes it."""

import os
import platform
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.adapters.ledger import claims, pruning, storing
from benchling_connector.adapters.ledger.rows import rows_of_stray
from benchling_connector.database.base import INSERT
from benchling_connector.database.connection import reading, writing
from benchling_connector.database.tables import events, quarantine, workers
from benchling_connector.domain.rawfile import RawFile
from benchling_connector.domain.records import EventState, FileRecord, FileState, storable
from benchling_connector.ports import Candidate, Claim, GivenBack, Pruned, StrayMessage

__all__ = ["LEASE_S", "UNKNOWN_PROCESS", "Process", "SqlLedger"]

LEASE_S = 30.0

_GIVE_BACK = (
    update(events)
    .where(
        events.c.connector_id == bindparam("connector"),
        events.c.event_id == bindparam("event"),
        events.c.worker_id == bindparam("worker"),
        events.c.state == EventState.WRITING,
    )
    .values(state=EventState.RETRYING, reason=bindparam("because"), next_at=bindparam("again_at"))
)


@dataclass(frozen=True, slots=True)
class Process:
    """This process, by a name that no other has; and whether the process of a name is gone.

    Where one cannot tell, the name is None and nobody is gone.
    """

    name: str | None
    is_gone: Callable[[str], bool]


UNKNOWN_PROCESS = Process(None, lambda _: False)


class SqlLedger:
    """Implements `ports.Ledger`. The engine stays the caller's, who closes it.

    `worker_id` is new for each run: what a run before left behind is a dead worker's. `lease_s`
    in seconds: that long after its last heartbeat a worker counts as alive, unless `process` knows
    that it is gone. `heart`: an engine of the same database for heartbeats alone.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        connector_id: str,
        worker_id: str,
        lease_s: float = LEASE_S,
        process: Process = UNKNOWN_PROCESS,
        heart: AsyncEngine | None = None,
    ) -> None:
        self._engine = engine
        self._heart = heart or engine
        self._connector_id = connector_id
        self._worker_id = worker_id
        self._lease = timedelta(seconds=lease_s)
        self._process = process.name
        self._is_gone = process.is_gone
        self._signed_on = False
        self._unanswered: set[str] = set()

    @property
    def connector_id(self) -> str:
        """Whose ledger it is."""
        return self._connector_id

    async def claim(self, candidates: Sequence[Candidate], now: datetime) -> Sequence[Claim]:
        """See `ports.Ledger`."""
        if not candidates:
            return ()
        ids = {one.event.id for one in candidates}
        try:
            async with writing(self._engine) as connection:
                if not self._signed_on:
                    await self._prolong(connection, now)
                answer = await claims.claim(
                    connection,
                    claims.Claimant(
                        self._connector_id,
                        self._worker_id,
                        frozenset(self._unanswered & ids),
                        self._is_gone,
                    ),
                    candidates,
                    now,
                )
        except BaseException:
            # It may have been committed all the same. Whoever asks again does not have them.
            self._unanswered |= ids
            raise
        self._signed_on = True
        self._unanswered -= ids
        return answer

    async def quarantine(self, strays: Sequence[StrayMessage], now: datetime) -> None:
        """See `ports.Ledger`."""
        if not strays:
            return
        # In one order everywhere, so that two workers never wait for each other in a circle.
        ordered = sorted(strays, key=lambda stray: stray.message_id)
        rows = [rows_of_stray(stray, self._connector_id, now) for stray in ordered]
        async with writing(self._engine) as connection:
            into = INSERT[connection.dialect.name]
            await connection.execute(
                into(events).on_conflict_do_nothing(), [event for event, _ in rows]
            )
            await connection.execute(
                into(quarantine).on_conflict_do_nothing(), [kept for _, kept in rows]
            )

    async def begin_files(
        self, files: Sequence[RawFile], now: datetime | None = None
    ) -> frozenset[str]:
        """See `ports.Ledger`."""
        if not files:
            return frozenset()
        async with writing(self._engine) as connection:
            if now is not None:
                # First: whoever discards files of ours looks at the lease before anything else.
                await connection.execute(
                    update(workers)
                    .where(
                        workers.c.worker_id == self._worker_id,
                        workers.c.lease_until < now + self._lease,
                    )
                    .values(lease_until=now + self._lease)
                )
            return await storing.begin(connection, self._connector_id, self._worker_id, files)

    async def note_refusal(self, file_id: str, errors: int, message: str, state: FileState) -> None:
        """See `ports.Ledger`."""
        async with writing(self._engine) as connection:
            await storing.note_refusal(connection, self._worker_id, file_id, errors, message, state)

    async def stopped(self, file_ids: Collection[str]) -> frozenset[str]:
        """See `ports.Ledger`."""
        if not file_ids:
            return frozenset()
        async with reading(self._engine) as connection:
            return await storing.stopped(connection, self._connector_id, file_ids)

    async def commit_files(self, file_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """See `ports.Ledger`."""
        if not file_ids:
            return frozenset()
        async with writing(self._engine) as connection:
            return await storing.commit(connection, self._connector_id, file_ids, now)

    async def discard_files(self, file_ids: Sequence[str], now: datetime | None = None) -> None:
        """See `ports.Ledger`."""
        if file_ids:
            async with writing(self._engine) as connection:
                await storing.discard(
                    connection, self._connector_id, self._worker_id, file_ids, now
                )

    async def give_back(self, events: Sequence[GivenBack]) -> None:
        """See `ports.Ledger`."""
        if not events:
            return
        rows = [
            {
                "connector": self._connector_id,
                "worker": self._worker_id,
                "event": one.event_id,
                "because": storable(one.reason),
                "again_at": one.next_at,
            }
            for one in sorted(events, key=lambda one: one.event_id)
        ]
        async with writing(self._engine) as connection:
            await connection.execute(_GIVE_BACK, rows)

    async def orphans(self, now: datetime) -> Sequence[FileRecord]:
        """See `ports.Ledger`."""
        async with reading(self._engine) as connection:
            return await storing.orphans(connection, self._connector_id, self._worker_id, now)

    async def heartbeat(self, now: datetime, report: str = "") -> int:
        """See `ports.Ledger`."""
        async with writing(self._heart, urgent=True) as connection:
            await self._prolong(connection, now, report)
            alive = await connection.scalar(
                select(func.count()).where(
                    workers.c.connector_id == self._connector_id, workers.c.lease_until > now
                )
            )
        self._signed_on = True
        return alive or 1

    async def sign_off(self, now: datetime) -> None:
        """See `ports.Ledger`."""
        async with writing(self._engine) as connection:
            await connection.execute(
                update(workers)
                .where(workers.c.worker_id == self._worker_id)
                .values(lease_until=now)
            )
        self._signed_on = False

    async def leave(self, now: datetime) -> None:
        """For a worker without a home: says that it has ended. Raises `TransientError`."""
        async with writing(self._engine) as connection:
            await connection.execute(
                update(workers)
                .where(workers.c.worker_id == self._worker_id)
                .values(ended_at=now, seen_at=now)
            )

    async def begin_anew(self) -> None:
        """For a worker that has stopped working, and works again under its ID: what it did not
        bring to an end, as when the database was away, is a dead worker's. Raises `TransientError`.
        """
        async with writing(self._engine) as connection:
            await storing.leave_behind(connection, self._connector_id, self._worker_id)

    async def prune(self, before: datetime, most: int, cursor: str | None = None) -> Pruned:
        """See `ports.Ledger`. Raises `BadCursorError` for a cursor that no step gave."""
        return await pruning.prune(self._engine, self._connector_id, before, most, cursor)

    async def _prolong(self, connection: AsyncConnection, now: datetime, report: str = "") -> None:
        """One row, however many claims there are."""
        lease_until = now + self._lease
        signed_on = INSERT[connection.dialect.name](workers).values(
            worker_id=self._worker_id,
            connector_id=self._connector_id,
            host=platform.node(),
            pid=os.getpid(),
            started_at=now,
            lease_until=lease_until,
            process=self._process,
            seen_at=now,
            report=storable(report) or None,
        )
        await connection.execute(
            signed_on.on_conflict_do_update(
                index_elements=[workers.c.worker_id],
                set_={
                    # This may have waited for long, and another transaction prolonged it further;
                    # what is further than that is of a clock that was wrong.
                    "lease_until": case(
                        (
                            workers.c.lease_until.between(lease_until, lease_until + self._lease),
                            workers.c.lease_until,
                        ),
                        else_=lease_until,
                    ),
                    "ended_at": None,
                    "lost_at": None,
                    "seen_at": now,
                    "report": func.coalesce(signed_on.excluded.report, workers.c.report),
                },
            )
        )
