"""How long a burst of registrations takes under Benchling's documented limit.

`python -m benchmarks.burst [--events N]`. The connector drains them all. The peer reads one
resource an event under the same limit: two windows of 30 s are measured, and the rest is
arithmetic, for all windows are alike.
"""

import argparse
import asyncio
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchling_connector.domain.catalog import catalog
from benchmarks.arithmetic import calls_by_family, seconds_at_limit
from benchmarks.processes import measured, start_process
from benchmarks.result import Figure, Goal, Peer, Result, Table
from benchmarks.stage import (
    DOCUMENTED_LIMIT,
    QUIET_S,
    WINDOW_S,
    Stage,
    ledger_of,
    open_stage,
    seconds_between,
    stored_events,
)

EVENTS = 10_000
LATENCY_S = 0.08
WINDOWS = 2
"""That the peer is watched for."""

FASTER = 40.0


@dataclass(frozen=True, slots=True)
class Drained:
    """How the connector drained registrations of as many distinct resources.

    `seconds` from the first message received to the last event stored, `with_start` from the start
    of the process to its end without the wait for silence. `stats` are the tenant's.
    """

    events: int
    seconds: float
    with_start: float
    stats: dict[str, Any]


@cache
def drained(events: int) -> Drained:
    """Drains them, once for all who ask."""
    return asyncio.run(_drained(events))


async def _drained(events: int) -> Drained:
    async with open_stage("--latency", str(LATENCY_S)) as stage:
        wanted = {"eventType": "v2.entity.registered", "count": events}
        queue = await stage.queue("registrations", stage.tenant.events(wanted))
        data = stage.home / "data"
        finished = await stage.drain(queue, data)
        stats = stage.tenant.call("GET", "stats")
        records = await stored_events(ledger_of(data))
    assert len(records) == events
    first = min(record.received_at for record in records)
    last = max(record.stored_at for record in records if record.stored_at)
    return Drained(events, seconds_between(first, last), finished.seconds - QUIET_S, stats)


async def _plain_windows(windows: int) -> list[int]:
    """How many requests the limit let through in each window of the plain consumer."""
    async with open_stage("--latency", str(LATENCY_S)) as stage:
        enough = DOCUMENTED_LIMIT * (windows + 1)
        wanted = {"eventType": "v2.entity.registered", "count": enough}
        queue = await stage.queue("plain", stage.tenant.events(wanted))
        command, log = stage.plain(queue, stage.home / "plain"), stage.home / "plain.log"
        process = start_process(command, stage.environment, log)
        try:
            # The third begins when the second is over: only then is that one complete.
            while len(counted := _windows(stage)) <= windows and process.poll() is None:
                await asyncio.sleep(0.5)
        finally:
            process.kill()
            await asyncio.to_thread(measured, process)
    assert len(counted) > windows, "it ended by itself"
    return counted[:windows]


def _windows(stage: Stage) -> list[int]:
    apps = stage.tenant.call("GET", "stats")["windows"]
    return [window["used"] for window in next(iter(apps.values()), [])]


def run(*, quick: bool = False) -> Result:
    """Drains a burst, and watches the plain consumer for two windows."""
    return measure(1_000 if quick else EVENTS, 1 if quick else WINDOWS)


def measure(events: int, windows: int) -> Result:
    """The same with another number of events or of the peer's windows."""
    ours = drained(events)
    used = asyncio.run(_plain_windows(windows))
    plain_s = seconds_at_limit(events, used, WINDOW_S)
    return Result(
        name="burst",
        title="A burst of registrations under the documented limit",
        about=f"{events:,} events `v2.entity.registered` of as many resources of all eight kinds "
        f"wait on the queue; {DOCUMENTED_LIMIT} calls in {WINDOW_S:.0f} s are allowed, each answer "
        f"takes {LATENCY_S * 1000:.0f} ms. The peer makes one request an event and waits on 429 "
        f"until its window resets; {windows} windows were measured, the rest is arithmetic.",
        figures=(
            Figure(
                "times faster than one request an event",
                plain_s / ours.seconds,
                "times",
                goal=Goal("at least", FASTER),
            ),
            Figure(
                "seconds from the first message to the last file",
                ours.seconds,
                "s",
                Peer("one request an event", plain_s),
            ),
            Figure("seconds with the start", ours.with_start, "s"),
            Figure(
                "API calls", ours.stats["total"], peer=Peer("one request an event", events + 1)
            ),
            Figure("answers 429", ours.stats["throttled"], goal=Goal("at most", 0)),
        ),
        tables=(
            Table("Requests let through in the peer's windows", ("window", "requests"),
                  tuple((n + 1, count) for n, count in enumerate(used))),
            Table("The connector's calls", ("family", "calls"),
                  tuple(sorted(calls_by_family(ours.stats["calls"], catalog()).items()))),
        ),
    )  # fmt: skip


def main() -> None:
    """Prints what `measure` found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--windows", type=int, default=WINDOWS, help="that the peer is watched for")
    given = parser.parse_args()
    print(measure(given.events, given.windows).text())


if __name__ == "__main__":
    main()
