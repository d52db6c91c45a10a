"""`status`: how connectors are, as their workers told the database last."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import typer

from benchling_connector.adapters.ledger import read_status
from benchling_connector.adapters.system import is_gone
from benchling_connector.cli.options import AsJson, Where, grouped
from benchling_connector.domain.health import UNKNOWN, State
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import EventRecord
from benchling_connector.domain.status import OFFLINE, ConnectorStatus, WorkerStatus

__all__ = ["app", "document", "health_of", "worst_of"]

app = typer.Typer(add_completion=False)


@app.command()
@grouped
def status(*, where: Where, as_json: AsJson = False) -> None:
    """Show how connectors are: workers, the health table, what waits for its next try.

    It reads the database, where each worker writes down every ten seconds how it is (every thirty
    while it is IDLE), and at once when that changes.
    """
    now = datetime.now(UTC)
    found = asyncio.run(read_status(where.url(), where.connector, now, is_gone))
    if as_json:
        typer.echo(json.dumps({"connectors": [document(one, now) for one in found]}, indent=2))
        return
    from benchling_connector.cli.status_page import print_status  # Rich is for people only

    print_status(found, now)
    if not found:
        typer.echo("No connector has used this database yet.", err=True)


def document(one: ConnectorStatus, now: datetime) -> dict[str, object]:
    """One connector of `status --json`."""
    alive = one.alive(now)
    health = worst_of(alive)
    return {
        "connectorId": one.connector_id,
        "name": one.name,
        "network": "ONLINE" if alive else OFFLINE,
        **{key: health.get(key) for key in ("code", "sentence", "remedy", "since")},
        "health": health["health"],
        "workers": [_worker(worker, now) for worker in one.workers],
        "events": one.unsettled,
        "pendingFiles": one.pending_files,
        "stoppedFiles": one.stopped_files,
        "retrying": [_retrying(event) for event in one.retrying],
    }


def _worker(worker: WorkerStatus, now: datetime) -> dict[str, object]:
    return {
        "workerId": worker.worker_id,
        "host": worker.host,
        "pid": worker.pid,
        "network": worker.network(now),
        "mode": worker.mode,
        "startedAt": moment(worker.started_at),
        "lastSeenAt": moment(worker.seen_at) if worker.seen_at else None,
        "endedAt": moment(worker.ended_at) if worker.ended_at else None,
        "health": health_of(worker, now),
        "conditions": worker.report.get("conditions", []),
        "counts": worker.report.get("counts", {}),
    }


def health_of(worker: WorkerStatus, now: datetime) -> str:
    """What it said last, for as long as it runs."""
    return UNKNOWN if worker.network(now) == OFFLINE else str(worker.report.get("health", UNKNOWN))


def _retrying(event: EventRecord) -> dict[str, object]:
    return {
        "eventId": event.event_id,
        "attempts": event.attempts,
        "nextAt": moment(event.next_at) if event.next_at else None,
        "reason": event.reason,
    }


def worst_of(workers: tuple[WorkerStatus, ...]) -> dict[str, Any]:
    """The last report of the one that is worst off."""
    known = {state.name for state in State}
    reports = [worker.report for worker in workers if worker.report.get("health") in known]
    if not reports:
        return {"health": UNKNOWN}
    return max(reports, key=lambda report: State[str(report["health"])])
