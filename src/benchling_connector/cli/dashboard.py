"""What the demo shows while it runs: counts and rates, live on a terminal, else line by line."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from benchling_connector.assembly import Connector
from benchling_connector.cli.live import Rate, status_line

__all__ = ["dashboard"]

LINE_EVERY_S = 2.0
ROWS = 12


class Published(Protocol):
    """Who counts what was published."""

    published: int


@asynccontextmanager
async def dashboard(connector: Connector, life: Published, console: Console) -> AsyncIterator[None]:
    """Shows what happens until the block ends."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            task = asyncio.create_task(_live(live, connector, life))
            try:
                yield
            finally:
                task.cancel()
                live.update(_screen(connector, life, 0.0))
        return
    task = asyncio.create_task(_lines(console, connector, life))
    try:
        yield
    finally:
        task.cancel()


async def _live(live: Live, connector: Connector, life: Published) -> None:
    rate = Rate(time.monotonic)
    while True:
        await asyncio.sleep(0.25)
        live.update(_screen(connector, life, rate.of(connector.stats.stored)))


async def _lines(console: Console, connector: Connector, life: Published) -> None:
    rate = Rate(time.monotonic)
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        stored = rate.of(connector.stats.stored)
        console.print(
            f"{life.published:,} published", "·", status_line(connector, stored), soft_wrap=True
        )


def _screen(connector: Connector, life: Published, rate: float) -> Group:
    stats = connector.stats
    table = Table(box=None, pad_edge=False)
    table.add_column("Event type")
    table.add_column("Stored", justify="right")
    for event_type, count in stats.by_type.most_common(ROWS):
        table.add_row(event_type, f"{count:,}")
    rest = len(stats.by_type) - ROWS
    if rest > 0:
        others = sum(stats.by_type.values()) - sum(n for _, n in stats.by_type.most_common(ROWS))
        table.add_row(f"[dim]{rest} more types[/]", f"[dim]{others:,}[/]")
    fresh = f"Ctrl-C ends it. {life.published:,} published; newest event in the lake after "
    return Group(table, status_line(connector, rate), f"{fresh}{stats.freshness_s:.1f} s")
