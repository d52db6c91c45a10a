"""How many seconds pass from an event on the queue to its file in the lake.

`python -m benchmarks.freshness [--seconds S]`. A sender puts the realistic mix on the queue evenly,
1, 10 and 50 events a second, under the documented limit, with an API that takes 80 ms. From SQS's
SentTimestamp to the ledger's `storedAt`, which is after the file is durable. The connector has
signed in before the first event is sent.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from benchling_connector.domain.records import EventRecord
from benchmarks.arithmetic import percentile
from benchmarks.linger import LOADS, waiting
from benchmarks.mix import document, sequence
from benchmarks.result import Cell, Figure, Goal, Plot, Result, Series, Table
from benchmarks.stage import ledger_of, open_stage, seconds_between, stored_events

RATES = (1, 10, 50)
LATENCY_S = 0.08
SECONDS = 60.0
"""Two windows of the limit: the first one's budget is whole, and alone would tell too little."""

SHARES = (0.5, 0.9, 0.99)
GOALS = {0.5: Goal("below", 1.0), 0.99: Goal("below", 5.0)}
"""Seconds, by the share of events that are faster."""

STEPS = (
    ("sent to received", "sent_at", "received_at"),
    ("received to read", "received_at", "fetched_at"),
    ("read to stored", "fetched_at", "stored_at"),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """What became of a stream of events."""

    rate: int
    ages: list[float]
    """Seconds from sent to stored."""
    records: list[EventRecord]
    calls: int
    throttled: int


async def stream(rate: int, seconds: float, latency_s: float = LATENCY_S) -> Stream:
    """Sends evenly for so long, and waits until all is stored."""
    async with open_stage("--latency", str(latency_s)) as stage:
        bodies = stage.tenant.events({"sequence": document(sequence(round(rate * seconds)))})
        queue, data = await stage.queue("stream"), stage.home / "data"
        async with stage.running(queue, data):
            await stage.send(queue, bodies, rate)
            await stage.until_empty(queue)
        records = await stored_events(ledger_of(data))
        stats = stage.tenant.call("GET", "stats")
    assert len(records) == len(bodies)
    ages = [seconds_between(record.sent_at, record.stored_at) for record in records]
    return Stream(rate, ages, records, stats["total"], stats["throttled"])


def run(*, quick: bool = False) -> Result:
    """Measures all three loads, and the linger in virtual time."""
    return measure(8.0, LOADS[::3]) if quick else measure(SECONDS, LOADS)


async def _streams(seconds: float) -> list[Stream]:
    """All at the same time, each on a stage of its own: together they leave two cores idle."""
    return await asyncio.gather(*(stream(rate, seconds) for rate in RATES))


def measure(seconds: float, at: Sequence[int]) -> Result:
    """The same for streams of another length, and for the linger at other loads."""
    streams = asyncio.run(_streams(seconds))
    figures = tuple(
        Figure(
            f"p{share * 100:.0f} at {one.rate} a second",
            percentile(one.ages, share),
            "s",
            goal=GOALS.get(share),
            note="SQS SentTimestamp to the ledger's storedAt",
        )
        for one in streams
        for share in SHARES
    )
    rows: list[tuple[Cell, ...]] = []
    for one in streams:
        steps = [
            percentile(
                [
                    seconds_between(getattr(record, begun), getattr(record, done))
                    for record in one.records
                    if getattr(record, begun) and getattr(record, done)
                ],
                0.5,
            )
            for _, begun, done in STEPS
        ]
        rows.append(
            (
                f"{one.rate} a second",
                len(one.ages),
                max(one.ages),
                *steps,
                one.calls * 1_000 / len(one.ages),
                one.throttled,
            )
        )
    rates = tuple(float(rate) for rate in RATES)
    curve = {rate: waiting(rate, seconds) for rate in at}
    loads = tuple(float(rate) for rate in at)
    return Result(
        name="freshness",
        title="Freshness",
        about=f"A sender puts the realistic mix on the queue evenly for {seconds:.0f} s at each "
        "load, all at the same time, each with a tenant and a queue of its own; documented limit, "
        f"{LATENCY_S * 1000:.0f} ms latency. The linger is measured in "
        "virtual time, over the later half of as many seconds: the real engine and reader over a "
        "simulated tenant with the same limit and latency; all else takes no time.",
        figures=figures,
        tables=(
            Table(
                "Streams; where the median event spent its seconds",
                ("load", "events", "slowest, s", *(f"{name}, s" for name, *_ in STEPS),
                 "calls per 1,000", "429"),
                tuple(rows),
            ),
            Table(
                "Linger, in virtual time",
                ("events a second", "p50, s", "p99, s", "calls per 1,000"),
                tuple(
                    (rate, percentile(one.seconds, 0.5), percentile(one.seconds, 0.99), one.calls)
                    for rate, one in curve.items()
                ),
            ),
        ),
        plots=(
            Plot(
                "From the queue to the lake", "events a second", "seconds",
                tuple(
                    Series(f"p{share * 100:.0f}", rates,
                           tuple(percentile(one.ages, share) for one in streams))
                    for share in SHARES
                ),
                log_x=True,
            ),
            Plot(
                "Waiting before the call is sent", "events a second", "seconds",
                tuple(
                    Series(f"p{share * 100:.0f}", loads,
                           tuple(percentile(curve[rate].seconds, share) for rate in at))
                    for share in SHARES
                ),
                log_x=True,
            ),
            Plot(
                "Calls at that load", "events a second", "calls per 1,000 events",
                (Series("connector", loads, tuple(curve[rate].calls for rate in at)),),
                log_x=True,
            ),
        ),
    )  # fmt: skip


def main() -> None:
    """Prints what `measure` found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each stream")
    print(measure(parser.parse_args().seconds, LOADS).text())


if __name__ == "__main__":
    main()
