"""`status` as people read it."""

import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchling_connector.cli.ledger import short
from benchling_connector.cli.status import UNKNOWN, worst_of
from benchling_connector.cli.tables import WIDE
from benchling_connector.domain.health import State
from benchling_connector.domain.status import OFFLINE, ConnectorStatus, WorkerStatus

__all__ = ["print_status"]

COLOURS = {State.HEALTHY.name: "green", State.WARNING.name: "yellow", State.CRITICAL.name: "red"}


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
    workers = _table("WORKER", "PID", "NETWORK", "STARTED (UTC)", "LAST SEEN (UTC)", "HEALTH")
    for worker in one.workers:
        health = str(worker.report.get("health", UNKNOWN))
        started, seen = short(worker.started_at), short(worker.seen_at)
        network = worker.network(now)
        workers.add_row(worker.worker_id, str(worker.pid), network, started, seen, health)
    console.print(workers)
    parts = _table("PART", "STATE", "SINCE (UTC)", "CODE", "SENTENCE", "REMEDY", "WORKER")
    for row in _conditions(alive):
        parts.add_row(*row)
    if alive:
        console.print(parts)
    counts = ", ".join(f"{count:,} {state}" for state, count in one.unsettled.items())
    console.print(f"Not stored: {counts or 'none'}. Files begun: {one.pending_files:,}.")
    if one.retrying:
        retries = _table("EVENT", "ATTEMPT", "NEXT AT (UTC)", "REASON")
        for event in one.retrying:
            why = escape(event.reason or "")
            retries.add_row(event.event_id, str(event.attempts), short(event.next_at), why)
        console.print(retries)


def _conditions(alive: tuple[WorkerStatus, ...]) -> Iterator[tuple[str, ...]]:
    for worker in alive:
        conditions: Any = worker.report.get("conditions", [])
        for one in conditions:
            since = short(datetime.fromisoformat(one["since"]))
            told = (escape(one[key] or "") for key in ("code", "sentence", "remedy"))
            yield (one["part"], one["state"], since, *told, worker.worker_id)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
