"""A worker's sign of life, as its row in the database."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.base import INSERT
from benchling_connector.database.tables import workers
from benchling_connector.domain.records import storable
from benchling_connector.ports import Beat

__all__ = ["WorkerProcess", "write_beat"]

_TOLD = ("started_by", "version", "mode", "config_version", "report", "seen_at")


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker, and the process that it is. `started_by`: `supervisor` or `hand`.

    `name` names the process among all of one machine and boot, and is None where the system does
    not tell it; `is_gone` tells of such a name whether its process has ended for sure.
    """

    worker_id: str
    host: str
    pid: int
    name: str | None
    started_by: str
    version: str
    is_gone: Callable[[str], bool]


async def write_beat(
    connection: AsyncConnection, connector_id: str, worker: WorkerProcess, beat: Beat, now: datetime
) -> None:
    """Makes the worker's row, or brings it up to date; in the transaction of `connection`.

    Who only beats holds no claims: its lease ends now, and the ledger's, if that is further, stays.
    """
    said = INSERT[connection.dialect.name](workers).values(
        worker_id=worker.worker_id,
        connector_id=connector_id,
        host=worker.host,
        pid=worker.pid,
        process=worker.name,
        started_by=worker.started_by,
        version=worker.version,
        mode=beat.mode.value,
        config_version=beat.config_version,
        report=storable(beat.report),
        started_at=now,
        seen_at=now,
        lease_until=now,
    )
    lease_until = case(
        (workers.c.lease_until > said.excluded.lease_until, workers.c.lease_until),
        else_=said.excluded.lease_until,
    )
    await connection.execute(
        said.on_conflict_do_update(
            index_elements=[workers.c.worker_id],
            set_={
                **{name: said.excluded[name] for name in _TOLD},
                "lease_until": lease_until,
                "ended_at": None,
                "lost_at": None,
            },
        )
    )
