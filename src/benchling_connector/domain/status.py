"""How connectors are, as their workers told the database last: what `status` shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from benchling_connector.domain.lifecycle import Network, network_of
from benchling_connector.domain.records import EventRecord

__all__ = ["OFFLINE", "RECENT", "ConnectorStatus", "WorkerStatus"]

OFFLINE = Network.OFFLINE.value


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One process that works, or worked, for a connector.

    `report` is its last word, the JSON of `Health.report` with `counts`; empty before the first.
    `mode` is what it did then. `is_gone`: its process is known to have ended.
    """

    worker_id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime | None
    lease_until: datetime
    ended_at: datetime | None
    report: dict[str, object]
    mode: str | None = None
    is_gone: bool = False

    def network(self, now: datetime) -> str:
        """ONLINE or OFFLINE. Who is known to be gone need not miss any heartbeat."""
        return OFFLINE if self.is_gone else network_of(self.seen_at, self.ended_at, now).value


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """One connector: its workers, newest first, and what is not settled yet."""

    connector_id: str
    name: str
    workers: tuple[WorkerStatus, ...]
    unsettled: dict[str, int]
    """Events by state, but for those that are stored."""
    pending_files: int
    stopped_files: int
    """Those that the lake has refused too often."""
    retrying: tuple[EventRecord, ...]
    """Those whose next try is nearest."""

    def alive(self, now: datetime) -> tuple[WorkerStatus, ...]:
        """The workers that are online."""
        return tuple(worker for worker in self.workers if worker.network(now) != OFFLINE)


RECENT = timedelta(days=1)
"""Workers that ended longer ago are not told of."""
