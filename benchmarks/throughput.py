"""How fast the connector is, beside a plain consumer with four workers, with the API limit lifted.

`python -m benchmarks.throughput [--events N] [--rounds N]`. Both run as processes against the same
stand-ins, in alternating rounds, so that a busy machine is busy for both. An API that answers at
once or in 80 ms, and two mixes of events: the uniform one, which is for comparison and not in the
report, for one round.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.mix import document, sequence
from benchmarks.processes import Finished, cpu_seconds
from benchmarks.result import Cell, Figure, Goal, Peer, Plot, Result, Series, Table
from benchmarks.stage import (
    LIFTED,
    QUIET_S,
    Stage,
    ledger_of,
    open_stage,
    seconds_between,
    stored_events,
)

EVENTS, ROUNDS = 4_000, 2
LATENCIES_S = (0.0, 0.08)
MIXES = ("realistic", "uniform")
"""The second one, for comparison, without latency only."""


@dataclass(frozen=True, slots=True)
class Drained:
    """How somebody drained a queue.

    `rate` is in messages per second, from the first received to the last stored, `with_start` from
    the start of the process to its end without the wait for silence. `stand_ins` is the share of
    one core that AWS stand-in and tenant took.
    """

    rate: float
    with_start: float
    cpu_ms: float
    calls: int
    files: int
    peak_mb: float
    stand_ins: float


def _drained(
    events: int, seconds: float, finished: Finished, calls: int, files: int, others_cpu_s: float
) -> Drained:
    busy = finished.seconds - QUIET_S
    return Drained(
        rate=events / seconds,
        with_start=events / busy,
        cpu_ms=finished.cpu_s * 1000 / events,
        calls=calls,
        files=files,
        peak_mb=finished.peak_rss / 1e6,
        stand_ins=others_cpu_s / busy,
    )


async def ours(stage: Stage, bodies: Sequence[str], name: str, *options: str) -> Drained:
    """The connector drains a queue with these messages."""
    queue, data = await stage.queue(name, bodies), stage.home / name
    before = _cpu(stage)
    finished = await stage.drain(queue, data, *options)
    others = _cpu(stage) - before
    records = await stored_events(ledger_of(data))
    assert len(records) == len(bodies)
    first = min(record.received_at for record in records)
    last = max(record.stored_at for record in records if record.stored_at)
    seconds = seconds_between(first, last)
    files = len({record.file_id for record in records})
    return _drained(len(bodies), seconds, finished, stage.tenant.api_calls(), files, others)


async def plain(stage: Stage, bodies: Sequence[str], name: str) -> Drained:
    """The plain consumer drains a queue with these messages."""
    queue, folder = await stage.queue(name, bodies), stage.home / name
    before = _cpu(stage)
    finished = await stage.drain_plainly(queue, folder)
    others = _cpu(stage) - before
    told = json.loads(folder.with_suffix(".log").read_text().splitlines()[-1])
    files = sum(1 for _ in folder.iterdir())
    assert files == len(bodies)
    seconds = told["last"] - told["first"]
    return _drained(len(bodies), seconds, finished, stage.tenant.api_calls(), files, others)


def _cpu(stage: Stage) -> float:
    return cpu_seconds(stage.tenant.pid) + cpu_seconds(stage.aws.pid or 0)


async def compared(
    mix: str, latency_s: float, events: int, rounds: int
) -> list[tuple[Drained, Drained]]:
    """Both in turns; who begins changes from round to round."""
    found = []
    async with open_stage(*LIFTED, "--latency", str(latency_s)) as stage:
        wanted = {"sequence": document(sequence(events))} if mix == MIXES[0] else {"count": events}
        bodies = stage.tenant.events(wanted)
        for turn in range(rounds):
            if turn % 2:
                other = await plain(stage, bodies, f"plain-{turn}")
                found.append((await ours(stage, bodies, f"ours-{turn}"), other))
            else:
                one = await ours(stage, bodies, f"ours-{turn}")
                found.append((one, await plain(stage, bodies, f"plain-{turn}")))
    return found


def run(*, quick: bool = False) -> Result:
    """Compares both in all cases."""
    return measure(1_000 if quick else EVENTS, 1 if quick else ROUNDS, MIXES[:1])


def measure(events: int, rounds: int, mixes: Sequence[str] = MIXES) -> Result:
    """The same with other sizes, and for more mixes."""
    figures: list[Figure] = []
    rows: list[tuple[Cell, ...]] = []
    rates: dict[str, list[float]] = {"connector": [], "plain consumer": []}
    cases = []
    for mix in mixes:
        for latency_s in LATENCIES_S if mix == MIXES[0] else LATENCIES_S[:1]:
            case = f"{mix}, {latency_s * 1000:.0f} ms"
            cases.append(case)
            turns = rounds if mix == MIXES[0] else 1
            found = asyncio.run(compared(mix, latency_s, events, turns))
            mine, others = zip(*found, strict=True)
            for who, taken in (("connector", mine), ("plain consumer", others)):
                rates[who].append(median(one.rate for one in taken))
                rows += [
                    (f"{case}, {who}", one.rate, one.with_start, one.cpu_ms,
                     one.calls * 1_000 / events, one.files, one.peak_mb, f"{one.stand_ins:.0%}")
                    for one in taken
                ]  # fmt: skip
            figures += (
                Figure(
                    f"messages per second ({case})",
                    rates["connector"][-1],
                    "/s",
                    Peer("plain consumer", rates["plain consumer"][-1]),
                    Goal("at least", 1.0, "ratio"),
                    note=f"median of {rounds}, first message received to last file",
                ),
                Figure(
                    f"the same with the start ({case})",
                    median(one.with_start for one in mine),
                    "/s",
                    Peer("plain consumer", median(one.with_start for one in others)),
                    note="process start to end, without the wait for silence",
                ),
                Figure(
                    f"CPU per event ({case})",
                    median(one.cpu_ms for one in mine),
                    "ms",
                    Peer("plain consumer", median(one.cpu_ms for one in others)),
                    note="start included",
                ),
            )
    return Result(
        name="throughput",
        title="Throughput with the API limit lifted",
        about=f"{events:,} events wait on the queue. The peer reads one resource an event with "
        "four workers, writes one file an event, and keeps no ledger. The realistic mix is that of "
        "`benchmarks/mix.py`, the uniform one has as many events of each of the 38 types. Queue "
        "and tenant run on one of the same cores as what is measured: the last column is what of "
        "a core they took.",
        figures=tuple(figures),
        tables=(
            Table(
                "All rounds",
                ("case", "messages/s", "with the start", "CPU ms/event", "calls per 1,000",
                 "files", "peak MB", "stand-ins, of a core"),
                tuple(rows),
            ),
        ),
        plots=(
            Plot(
                "Messages per second", "", "messages per second",
                tuple(Series(who, tuple(cases), tuple(ys)) for who, ys in rates.items()),
                kind="bars",
            ),
        ),
    )  # fmt: skip


def main() -> None:
    """Prints what `measure` found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    print(measure(given.events, given.rounds).text())


if __name__ == "__main__":
    main()
