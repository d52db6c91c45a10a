"""How much memory large events and large resources take, at full speed.

`python -m benchmarks.memory [--megabytes N]`. Queues full of events of 40 KB and of 256 KB, the
most that EventBridge takes, about resources that are small or of 40 KB; API limit lifted, no
latency. Peak resident memory, as the system counts it, beside that of the plain consumer.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from benchling_connector.domain.catalog import catalog
from benchmarks.mix import document, sequence
from benchmarks.result import Figure, Goal, Peer, Plot, Result, Series, Table
from benchmarks.stage import LIFTED, open_stage

MEGABYTES = 80
"""Of message bodies on the queue: more than the connector may hold at once, by far."""

MOST_MB = 150.0
RESOURCES = {"small": 0, "40 KB": 40_000}
EVENTS = {"40 KB": 40_000, "256 KB": 250_000}
"""Bytes. An envelope is a little larger than what is in it, and 256 KB is the most with it."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Peak memory in MB, and messages per second with the start, of both."""

    case: str
    messages: int
    ours_mb: float
    ours_rate: float
    plain_mb: float
    plain_rate: float


def padded(body: str, size: int) -> str:
    """The envelope, with a property in its resource that fills it up to so many characters."""
    missing = size - len(body)
    if missing <= 0:
        return body
    envelope = json.loads(body)
    detail = envelope["detail"]
    detail[catalog().event_types[detail["eventType"]].payload_key]["notes"] = "x" * missing
    return json.dumps(envelope, ensure_ascii=False)


async def _peaks(resource: str, sizes: dict[str, int], megabytes: int) -> list[Peak]:
    found = []
    bytes_each = RESOURCES[resource]
    async with open_stage(*LIFTED, "--resource-bytes", str(bytes_each)) as stage:
        for name, size in sizes.items():
            count = megabytes * 1_000_000 // size
            steps = document(sequence(count))
            bodies = [padded(body, size) for body in stage.tenant.events({"sequence": steps})]
            label = f"{name}-{resource}".replace(" ", "")
            queue = await stage.queue(f"ours-{label}", bodies)
            ours = await stage.drain(queue, stage.home / f"ours-{label}")
            queue = await stage.queue(f"plain-{label}", bodies)
            plain = await stage.drain_plainly(queue, stage.home / f"plain-{label}")
            found.append(
                Peak(
                    f"events of {name}, resources {'' if bytes_each == 0 else 'of '}{resource}",
                    count,
                    ours.peak_rss / 1e6,
                    count / ours.seconds,
                    plain.peak_rss / 1e6,
                    count / plain.seconds,
                )
            )
    return found


def run(*, quick: bool = False) -> Result:
    """Measures all four cases."""
    return measure(20 if quick else MEGABYTES)


def measure(megabytes: int) -> Result:
    """The same with queues of another size."""
    peaks: Sequence[Peak] = [
        peak for resource in RESOURCES for peak in asyncio.run(_peaks(resource, EVENTS, megabytes))
    ]
    cases = tuple(peak.case for peak in peaks)
    return Result(
        name="memory",
        title="Peak memory",
        about=f"About {megabytes} MB of message bodies wait on the queue, the realistic mix, each "
        "event filled up to its size; the API has no limit and no latency. Peak resident memory "
        "of the whole process, as the system counts it.",
        figures=tuple(
            Figure(
                peak.case,
                peak.ours_mb,
                "MB",
                Peer("plain consumer", peak.plain_mb),
                Goal("at most", MOST_MB),
            )
            for peak in peaks
        ),
        tables=(
            Table(
                "Peaks, and messages per second with the start",
                ("case", "messages", "connector, MB", "plain, MB", "connector, /s", "plain, /s"),
                tuple(
                    (p.case, p.messages, p.ours_mb, p.plain_mb, p.ours_rate, p.plain_rate)
                    for p in peaks
                ),
            ),
        ),
        plots=(
            Plot(
                "Peak memory", "", "MB",
                (
                    Series("connector", cases, tuple(peak.ours_mb for peak in peaks)),
                    Series("plain consumer", cases, tuple(peak.plain_mb for peak in peaks)),
                ),
                kind="bars",
                limit=Peer("goal", MOST_MB),
            ),
        ),
    )  # fmt: skip


def main() -> None:
    """Prints what `measure` found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=MEGABYTES, help="on the queue")
    print(measure(parser.parse_args().megabytes).text())


if __name__ == "__main__":
    main()
