"""The live line: what a running connector is doing, on a terminal."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from benchling_connector.assembly import Connector
from benchling_connector.domain.health import State

__all__ = ["Rate", "live_line", "status_line"]

EVERY_S = 0.25
COLOURS = {State.HEALTHY: "green", State.WARNING: "yellow", State.CRITICAL: "red"}


@asynccontextmanager
async def live_line(connector: Connector) -> AsyncIterator[None]:
    """Shows one line at the bottom of the terminal until the block ends."""
    console = Console(stderr=True)
    with Live(console=console, refresh_per_second=4, redirect_stdout=False) as live:
        task = asyncio.create_task(_refresh(live, connector))
        try:
            yield
        finally:
            task.cancel()
            live.update(status_line(connector, 0.0))


async def _refresh(live: Live, connector: Connector) -> None:
    rate = Rate(time.monotonic)
    while True:
        await asyncio.sleep(EVERY_S)
        live.update(status_line(connector, rate.of(connector.stats.stored)))


class Rate:
    """Things per second, from a count that is looked at now and then; smoothed."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._at, self._count, self._rate = monotonic(), 0, 0.0

    def of(self, count: int) -> float:
        """The rate now, the count being `count`."""
        now = self._monotonic()
        if now > self._at:
            self._rate += ((count - self._count) / (now - self._at) - self._rate) * 0.3
            self._at, self._count = now, count
        return self._rate


def status_line(connector: Connector, rate: float) -> Text:
    """State, counts and budget in one line."""
    stats, health, budget = connector.stats, connector.health(), connector.budget()
    line = Text.assemble(
        (f" {health.state.name} ", f"bold reverse {COLOURS[health.state]}"),
        f" {stats.received:,} received · {stats.stored:,} stored ({rate:,.0f}/s)",
        f" · {stats.files:,} files · {connector.in_flight:,} in flight",
        f" · API {budget.remaining:,}/{budget.limit:,}",
    )
    for count, name, style in (
        (stats.skipped, "skipped", ""),
        (stats.unavailable, "unavailable", "yellow"),
        (stats.unsupported, "unsupported", "yellow"),
        (stats.quarantined, "quarantined", "red"),
    ):
        if count:
            line.append(f" · {count:,} {name}", style=style)
    if health.worst.sentence:
        line.append(f" · {health.worst.sentence}", style=COLOURS[health.state])
    return line
