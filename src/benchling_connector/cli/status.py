"""`status`: how connectors are, as their workers told the database last."""

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from benchling_connector.adapters.ledger import read_status
from benchling_connector.cli.options import AsJson, Where, grouped
from benchling_connector.cli.showing import WIDE, short, show_rows
from benchling_connector.domain.health import State
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import EventRecord
from benchling_connector.domain.status import OFFLINE, ConnectorStatus, WorkerStatus

__all__ = ["app"]

app = typer.Typer(add_completion=False)

COLOURS = {State.HEALTHY.name: "green", State.WARNING.name: "yellow", State.CRITICAL.name: "red"}
WORKER_COLUMNS = ("WORKER", "PID", "NETWORK", "STARTED (UTC)", "LAST SEEN (UTC)", "HEALTH")
PART_COLUMNS = ("PART", "STATE", "SINCE (UTC)", "CODE", "SENTENCE", "REMEDY", "WORKER")
RETRY_COLUMNS = ("EVENT", "ATTEMPT", "NEXT AT (UTC)", "REASON")
UNKNOWN = "N/A"
"""The health of what does not run."""


@app.command()
@grouped
def status(*, where: Where, as_json: AsJson = False) -> None:
    """Show how connectors are: workers, the health table, what waits for its next try.

    It reads the database, where each worker writes down every ten seconds how it is.
    """
    now = datetime.now(UTC)
    found = asyncio.run(read_status(where.url(), where.connector, now))
    if as_json:
        typer.echo(json.dumps({"connectors": [document(one, now) for one in found]}, indent=2))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    for one in found:
        _show(console, one, now)
    if not found:
        typer.echo("No connector has used this database yet.", err=True)


def document(one: ConnectorStatus, now: datetime) -> dict[str, object]:
    """One connector of `status --json`."""
    alive = one.alive(now)
    health = _worst(alive)
    return {
        "connectorId": one.connector_id,
        "name": one.name,
        "network": "ONLINE" if alive else OFFLINE,
        **{key: health.get(key) for key in ("code", "sentence", "remedy", "since")},
        "health": health["health"],
        "workers": [_worker(worker, now) for worker in one.workers],
        "events": one.unsettled,
        "pendingFiles": one.pending_files,
        "retrying": [_retrying(event) for event in one.retrying],
    }


def _worker(worker: WorkerStatus, now: datetime) -> dict[str, object]:
    return {
        "workerId": worker.worker_id,
        "host": worker.host,
        "pid": worker.pid,
        "network": worker.network(now),
        "startedAt": moment(worker.started_at),
        "lastSeenAt": moment(worker.seen_at) if worker.seen_at else None,
        "endedAt": moment(worker.ended_at) if worker.ended_at else None,
        "health": _health(worker, now),
        "conditions": worker.report.get("conditions", []),
        "counts": worker.report.get("counts", {}),
    }


def _health(worker: WorkerStatus, now: datetime) -> str:
    """What it said last, for as long as it runs."""
    return UNKNOWN if worker.network(now) == OFFLINE else str(worker.report.get("health", UNKNOWN))


def _retrying(event: EventRecord) -> dict[str, object]:
    return {
        "eventId": event.event_id,
        "attempts": event.attempts,
        "nextAt": moment(event.next_at) if event.next_at else None,
        "reason": event.reason,
    }


def _worst(workers: tuple[WorkerStatus, ...]) -> dict[str, Any]:
    reports = [worker.report for worker in workers if worker.report]
    if not reports:
        return {"health": UNKNOWN}
    return max(reports, key=lambda report: State[str(report["health"])])


def _show(console: Console, one: ConnectorStatus, now: datetime) -> None:
    alive = one.alive(now)
    worst = _worst(alive)
    health = worst["health"]
    style = f"bold reverse {COLOURS[health]}" if health in COLOURS else "bold"
    network = "ONLINE" if alive else f"{OFFLINE}: no worker runs"
    told = f" {escape(worst['sentence'])} {escape(worst['remedy'])}" if worst.get("code") else ""
    console.print(
        f"[{style}] {health} [/] {escape(one.name)} ({escape(one.connector_id)}), {network}.{told}"
    )
    show_rows(WORKER_COLUMNS, (_worker_cells(worker, now) for worker in one.workers))
    if alive:
        show_rows(PART_COLUMNS, _conditions(alive), folded=("SENTENCE", "REMEDY"))
    counts = ", ".join(f"{count:,} {state}" for state, count in one.unsettled.items())
    console.print(f"Not stored: {counts or 'none'}. Files begun: {one.pending_files:,}.")
    if one.retrying:
        show_rows(RETRY_COLUMNS, map(_retry_cells, one.retrying))


def _worker_cells(worker: WorkerStatus, now: datetime) -> tuple[str, ...]:
    started, seen = short(worker.started_at), short(worker.seen_at)
    network, health = worker.network(now), _health(worker, now)
    return worker.worker_id, str(worker.pid), network, started, seen, health


def _retry_cells(event: EventRecord) -> tuple[str, ...]:
    return event.event_id or "", str(event.attempts), short(event.next_at), event.reason or ""


def _conditions(alive: tuple[WorkerStatus, ...]) -> Iterator[tuple[str, ...]]:
    for worker in alive:
        conditions: Any = worker.report.get("conditions", [])
        for one in conditions:
            since = short(datetime.fromisoformat(one["since"]))
            told = (one[key] or "" for key in ("code", "sentence", "remedy"))
            yield (one["part"], one["state"], since, *told, worker.worker_id)
