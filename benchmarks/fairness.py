"""Whether a slow family of resources holds up the others.

`python -m benchmarks.fairness [--seconds S]`. A steady mix of families that are read many at a
time, alone, and beside a family that is read one at a time, 2 s a read, with a backlog. All run
at the same time, each with stand-ins of its own, so that a busy machine is busy for all. Seconds
from the queue to the lake, of the steady mix only.
"""

import argparse
import asyncio
from dataclasses import dataclass

from benchmarks.arithmetic import percentile
from benchmarks.mix import BULK, document, sequence
from benchmarks.result import Cell, Figure, Goal, Peer, Plot, Result, Series, Table
from benchmarks.stage import LIFTED, ledger_of, open_stage, seconds_between, stored_events

STEADY_PER_S, SLOW_PER_S, BACKLOG = 20.0, 4.0, 200
LATENCY_S, SLOW_S = 0.08, 2.0
SLOW_TYPE, SLOW_FAMILY = "v2.automationOutputProcessor.uploaded", "automationOutputProcessor"
SECONDS = 30.0
WORSE = 1.5
SHARES = (0.5, 0.9, 0.99)
LIMITS = {"limit lifted": LIFTED, "documented limit": ()}


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds from sent to stored: of the steady mix, and of the slow family."""

    steady: list[float]
    slow: list[float]
    throttled: int


async def stream(seconds: float, limit: tuple[str, ...], *, beside_slow: bool) -> Ages:
    """Sends for so long, and waits until all is stored."""
    async with open_stage(*limit, "--latency", str(LATENCY_S)) as stage:
        stage.tenant.call(
            "POST",
            "behaviour",
            {"latency": {"fixed": LATENCY_S, "by_family": {SLOW_FAMILY: SLOW_S - LATENCY_S}}},
        )
        steps = sequence(round(STEADY_PER_S * seconds), only=BULK)
        bodies = stage.tenant.events({"sequence": document(steps)})
        slow_count = round(SLOW_PER_S * seconds) + BACKLOG if beside_slow else 0
        slow = stage.tenant.events({"eventTypes": [SLOW_TYPE], "count": slow_count})
        queue, data = await stage.queue("stream"), stage.home / "data"
        async with stage.running(queue, data):
            if slow:
                await stage.send(queue, slow[:BACKLOG])
                await asyncio.gather(
                    stage.send(queue, slow[BACKLOG:], SLOW_PER_S),
                    stage.send(queue, bodies, STEADY_PER_S),
                )
            else:
                await stage.send(queue, bodies, STEADY_PER_S)
            await stage.until_empty(queue)
        records = await stored_events(ledger_of(data))
        throttled = stage.tenant.call("GET", "stats")["throttled"]
    ages: dict[bool, list[float]] = {True: [], False: []}
    for record in records:
        age = seconds_between(record.sent_at, record.stored_at)
        ages[record.event_type == SLOW_TYPE].append(age)
    assert len(ages[False]) == len(bodies)
    assert len(ages[True]) == len(slow)
    return Ages(ages[False], ages[True], throttled)


async def compared(seconds: float) -> dict[str, tuple[Ages, Ages]]:
    """By limit the steady mix alone, and beside the slow family."""
    found = await asyncio.gather(
        *(
            stream(seconds, limit, beside_slow=slow)
            for limit in LIMITS.values()
            for slow in (False, True)
        )
    )
    return dict(zip(LIMITS, zip(found[::2], found[1::2], strict=True), strict=True))


def run(*, quick: bool = False) -> Result:
    """Measures under the documented limit and without one."""
    return measure(8.0 if quick else SECONDS)


def measure(seconds: float) -> Result:
    """The same for streams of another length."""
    found = asyncio.run(compared(seconds))
    rows: list[tuple[Cell, ...]] = []
    series: list[Series] = []
    for name, (alone, beside) in found.items():
        for who, ages, throttled in (
            ("steady mix, alone", alone.steady, alone.throttled),
            ("steady mix, beside the slow family", beside.steady, beside.throttled),
            ("the slow family", beside.slow, beside.throttled),
        ):
            measured = tuple(percentile(ages, share) for share in SHARES)
            rows.append((f"{name}: {who}", len(ages), *measured, max(ages), throttled))
            series.append(
                Series(f"{name}: {who}", tuple(f"p{share * 100:.0f}" for share in SHARES), measured)
            )
    return Result(
        name="fairness",
        title="A slow family beside others",
        about=f"{STEADY_PER_S:.0f} events a second for {seconds:.0f} s, of the families that are "
        f"read many at a time, {LATENCY_S * 1000:.0f} ms a call; alone, and beside "
        f"`{SLOW_TYPE}`: {SLOW_PER_S:.0f} a second and a backlog of {BACKLOG}, one call each, "
        f"{SLOW_S:.0f} s a call. Under the documented limit the slow family also uses up calls "
        f"that the others would have had: its backlog alone takes {BACKLOG} of 300.",
        figures=tuple(
            Figure(
                f"p99 of the others beside the slow family ({name})",
                percentile(beside.steady, 0.99),
                "s",
                Peer("alone", percentile(alone.steady, 0.99)),
                # Of calls that are scarce a family takes its part, however fast it is read.
                Goal("at most", WORSE, "ratio") if limit == LIFTED else None,
            )
            for (name, (alone, beside)), limit in zip(found.items(), LIMITS.values(), strict=True)
        ),
        tables=(
            Table(
                "Seconds from the queue to the lake",
                ("stream", "events", "p50", "p90", "p99", "slowest", "429"),
                tuple(rows),
            ),
        ),
        plots=(Plot("From the queue to the lake", "", "seconds", tuple(series), kind="bars"),),
    )


def main() -> None:
    """Prints what `measure` found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each stream")
    print(measure(parser.parse_args().seconds).text())


if __name__ == "__main__":
    main()
