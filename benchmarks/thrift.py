"""How many API calls a thousand events cost, beside the fewest that are possible.

`python -m benchmarks.thrift [--events N] [--mixed N]`. Registrations of distinct resources, and the
realistic mix (`benchmarks/mix.py`), both from a full queue under the documented limit. Calls are
the tenant's own count, of all that was asked: tokens, pings and what was refused included.
"""

import argparse
import asyncio
from collections import Counter
from typing import Any

from benchling_connector.domain.catalog import catalog
from benchmarks import burst
from benchmarks.arithmetic import calls_by_family, least_calls
from benchmarks.mix import REPEATED, Step, distinct, document, sequence
from benchmarks.result import Figure, Goal, Peer, Plot, Result, Series, Table
from benchmarks.stage import DOCUMENTED_LIMIT, open_stage

MIXED = 5_000
MOST = 25.0
"""Calls per 1,000 registrations."""

IDS_A_CALL = 100
"""`bulk_get_size`, at its default."""


async def _mixed(steps: list[Step]) -> dict[str, Any]:
    """The tenant's count for these events, from a full queue."""
    async with open_stage("--latency", str(burst.LATENCY_S)) as stage:
        bodies = stage.tenant.events({"sequence": document(steps)})
        queue = await stage.queue("mixed", bodies)
        await stage.drain(queue, stage.home / "data")
        stats: dict[str, Any] = stage.tenant.call("GET", "stats")
        return stats


def run(*, quick: bool = False) -> Result:
    """Counts both."""
    return measure(1_000, 500) if quick else measure(burst.EVENTS, MIXED)


def measure(events: int, mixed: int) -> Result:
    """The same for other numbers of events."""
    registered = burst.drained(events).stats
    kinds = [name for name in catalog().families if name.startswith("entity.")]
    fewest = sum(
        least_calls({kind: events // len(kinds) for kind in kinds}, catalog(), IDS_A_CALL).values()
    )
    steps = sequence(mixed)
    stats = asyncio.run(_mixed(steps))
    named, resources = Counter(step.family for step in steps), distinct(steps)
    calls = calls_by_family(stats["calls"], catalog())
    least = least_calls(resources, catalog(), IDS_A_CALL)
    families = sorted(named, key=lambda name: -named[name])
    thousand, mixed_thousand = 1_000 / events, 1_000 / mixed
    rows = [
        (family, named[family], resources[family], calls.get(family, 0), least[family],
         calls.get(family, 0) * mixed_thousand, least[family] * mixed_thousand,
         calls.get(family, 0) / least[family])
        for family in families
    ]  # fmt: skip
    more = tuple(
        (name, "", "", count, "", count * mixed_thousand, "", "")
        for name, count in sorted(calls.items())
        if name not in least
    )
    return Result(
        name="thrift",
        title="API calls per 1,000 events",
        about=f"{events:,} registrations of as many resources of all eight kinds, then "
        f"{mixed:,} events of the realistic mix, {REPEATED:.0%} of them about a resource named "
        f"before. Both wait on the queue; the limit is the documented one. The least possible is "
        f"{IDS_A_CALL} resources a call, and one each where Benchling reads one at a time.",
        figures=(
            Figure(
                "calls per 1,000 registrations",
                registered["total"] * thousand,
                "calls",
                Peer("least possible", fewest * thousand),
                Goal("at most", MOST),
                note="tokens and pings included",
            ),
            Figure(
                "calls for all registrations",
                registered["total"],
                "calls",
                Peer("one window's limit", DOCUMENTED_LIMIT),
                Goal("below", 1.0, "ratio"),
                note=f"for {events:,} events",
            ),
            Figure(
                "calls per 1,000 events of the realistic mix",
                stats["total"] * mixed_thousand,
                "calls",
                Peer("least possible", sum(least.values()) * mixed_thousand),
                note="tokens and pings included",
            ),
            Figure(
                "the same, of families that are read many at a time",
                sum(calls.get(name, 0) for name in least if catalog().families[name].many)
                * mixed_thousand,
                "calls",
                Peer(
                    "least possible",
                    sum(n for name, n in least.items() if catalog().families[name].many)
                    * mixed_thousand,
                ),
            ),
        ),
        tables=(
            Table(
                "The realistic mix, by family",
                ("family", "events", "resources", "calls", "least possible",
                 "calls per 1,000 events", "least per 1,000", "ratio"),
                (*rows, *more),
            ),
        ),
        plots=(
            Plot(
                "API calls of the realistic mix", "", "calls per 1,000 events of all families",
                (
                    Series("connector", tuple(families), tuple(row[5] for row in rows)),
                    Series("least possible", tuple(families), tuple(row[6] for row in rows)),
                ),
                kind="bars",
            ),
        ),
    )  # fmt: skip


def main() -> None:
    """Prints what `measure` found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=burst.EVENTS, help="registrations")
    parser.add_argument("--mixed", type=int, default=MIXED, help="events of the realistic mix")
    given = parser.parse_args()
    print(measure(given.events, given.mixed).text())


if __name__ == "__main__":
    main()
