"""`status` as people read it."""

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from benchling_connector.cli.showing import short
from benchling_connector.cli.status import health_of, worst_of
from benchling_connector.cli.tables import WIDE, print_rows
from benchling_connector.domain.health import State
from benchling_connector.domain.records import EventRecord
from benchling_connector.domain.status import OFFLINE, ConnectorStatus, WorkerStatus

__all__ = ["print_status"]

COLOURS = {State.HEALTHY.name: "green", State.WARNING.name: "yellow", State.CRITICAL.name: "red"}
WORKER_COLUMNS = ("WORKER", "PID", "NETWORK", "STARTED (UTC)", "LAST SEEN (UTC)", "HEALTH")
PART_COLUMNS = ("PART", "STATE", "SINCE (UTC)", "CODE", "SENTENCE", "REMEDY", "WORKER")
RETRY_COLUMNS = ("EVENT", "ATTEMPT", "NEXT AT (UTC)", "REASON")


def print_status(connectors: Iterable[ConnectorStatus], now: datetime) -> None:
    """Prints how connectors are: workers, the health table, what waits for its next try."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    for one in connectors:
        _show(console, one, now)


def _show(console: Console, one: ConnectorStatus, now: datetime) -> None:
    alive = one.alive(now)
    worst = worst_of(alive)
    health = worst["health"]
    style = f"bold reverse {COLOURS[health]}" if health in COLOURS else "bold"
    network = "ONLINE" if alive else f"{OFFLINE}: no worker runs"
    told = f" {escape(worst['sentence'])} {escape(worst['remedy'])}" if worst.get("code") else ""
    console.print(
        f"[{style}] {health} [/] {escape(one.name)} ({escape(one.connector_id)}), {network}.{told}"
    )
    print_rows(WORKER_COLUMNS, (_worker_cells(worker, now) for worker in one.workers))
    if alive:
        print_rows(PART_COLUMNS, _conditions(alive), folded=("SENTENCE", "REMEDY"))
    counts = ", ".join(f"{count:,} {state}" for state, count in one.unsettled.items())
    stopped = f", stopped: {one.stopped_files:,}" if one.stopped_files else ""
    begun = f"Files begun: {one.pending_files:,}{stopped}."
    console.print(f"Not stored: {counts or 'none'}. {begun}")
    if one.retrying:
        print_rows(RETRY_COLUMNS, map(_retry_cells, one.retrying))


def _worker_cells(worker: WorkerStatus, now: datetime) -> tuple[str, ...]:
    started, seen = short(worker.started_at), short(worker.seen_at)
    network, health = worker.network(now), health_of(worker, now)
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
