"""How much faster several workers are than one, on one deep queue and one PostgreSQL.

`python -m benchmarks.workers [--seconds S] [--events N]`. The load is bound by latency, not by this
machine's cores: single reads that take four seconds each, limit lifted. Events per second by the
ledger, while the queue stays deep: a worker takes up to 2,000 messages, so a shallow one would
leave the others with nothing.
"""

import argparse
import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.postgres import started_postgres

from benchmarks.mix import SINGLE
from benchmarks.processes import cpu_seconds
from benchmarks.result import Figure, Goal, Peer, Plot, Result, Series, Table
from benchmarks.stage import LIFTED, Stage, open_stage, stored_events

WORKERS = (1, 2, 4)
EVENTS = 3_500
"""On the queue for each worker: what it holds, and what it stores in the meantime."""

SECONDS, WARMS_UP_S = 12.0, 9.0
LATENCY_S = 4.0
TIMES = 3.0


@dataclass(frozen=True, slots=True)
class Team:
    """What so many workers did together in the seconds that count. `stand_ins` is the share of a
    core that tenant and AWS stand-in took."""

    workers: int
    events: int
    rate: float
    stand_ins: float


async def team(workers: int, seconds: float, stage: Stage, queue: str, database: str) -> Team:
    """So many workers at work for so long."""
    async with AsyncExitStack() as stack:
        team = []
        for number in range(workers):
            # Each signs in before the next begins: the first one makes the tables.
            process = await stack.enter_async_context(
                stage.running(
                    queue, stage.home / f"worker-{number}-of-{workers}",
                    "--database-url", database, "--connector-id", f"team-of-{workers}",
                    "--lake-url", (stage.home / "lake").as_uri(),
                )
            )  # fmt: skip
            team.append(process)
        await asyncio.sleep(WARMS_UP_S)
        begun, busy = datetime.now(UTC), _stand_ins(stage)
        await asyncio.sleep(seconds)
        ended, busy = datetime.now(UTC), _stand_ins(stage) - busy
        # To end in order would take as long again: they hold thousands of messages.
        for process in team:
            process.kill()
    took = (ended - begun).total_seconds()
    records = await stored_events(database)
    events = sum(begun <= record.stored_at < ended for record in records if record.stored_at)
    return Team(workers, events, events / took, busy / took)


def _stand_ins(stage: Stage) -> float:
    return cpu_seconds(stage.tenant.pid) + cpu_seconds(stage.aws.pid or 0)


async def _teams(events: int, seconds: float) -> list[Team]:
    with started_postgres() as postgres:
        async with open_stage(*LIFTED, "--latency", str(LATENCY_S)) as stage:
            wanted = {"eventTypes": list(SINGLE), "count": events * max(WORKERS)}
            bodies, teams = stage.tenant.events(wanted), []
            for many in WORKERS:
                queue = await stage.queue(f"team-of-{many}", bodies[: events * many])
                database = await postgres.make_database()
                teams.append(await team(many, seconds, stage, queue, database))
            return teams


def run(*, quick: bool = False) -> Result:
    """Measures one, two and four."""
    return measure(2_500, 4.0) if quick else measure(EVENTS, SECONDS)


def measure(events: int, seconds: float) -> Result:
    """The same for another time, with another number of events for each worker."""
    teams = asyncio.run(_teams(events, seconds))
    alone = teams[0].rate
    names = tuple(float(one.workers) for one in teams)
    return Result(
        name="workers",
        title="Several workers",
        about="A deep queue of events of the families that Benchling reads one at a time, "
        f"{LATENCY_S:.0f} s a read, limit lifted; `run` processes share one queue, one PostgreSQL "
        f"and one lake. {seconds:.0f} s each are counted. What bounds is latency, so that the "
        "cores of this machine do not.",
        figures=tuple(
            Figure(
                f"events per second of {one.workers} workers",
                one.rate,
                "/s",
                Peer("one worker", alone),
                Goal("at least", TIMES, "ratio") if one.workers == max(WORKERS) else None,
            )
            for one in teams
        ),
        tables=(
            Table(
                "Teams",
                ("workers", "events", "events per second", "beside one", "stand-ins, of a core"),
                tuple(
                    (str(t.workers), t.events, t.rate, t.rate / alone, f"{t.stand_ins:.0%}")
                    for t in teams
                ),
            ),
        ),
        plots=(
            Plot(
                "Events per second", "workers", "events per second",
                (
                    Series("measured", names, tuple(one.rate for one in teams)),
                    Series("as many times one", names, tuple(alone * many for many in names)),
                ),
            ),
        ),
    )  # fmt: skip


def main() -> None:
    """Prints what `measure` found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS, help="on the queue for each worker")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each team, counted")
    given = parser.parse_args()
    print(measure(given.events, given.seconds).text())


if __name__ == "__main__":
    main()
