"""What the main job costs: 5,000 events through queue, tenant and lake, beside a plain consumer.

Both run as processes against the same stand-ins in the same run, first the one, then the other.
Prints messages per second, API calls per 1,000 events, files per second and peak memory.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from aiobotocore.session import get_session

from benchling_connector import __version__
from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.publisher import Publisher, Queue
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from benchmarks.processes import Finished, TenantProcess, run_process, tenant_process

QUIET_S = 2.0
BUDGET_PER_S = 300 / 30


async def fill(aws: EmbeddedAws, tenant: TenantProcess, name: str, bodies: list[str]) -> str:
    """A queue with these messages, and the API's count at zero."""
    async with get_session().create_client("sqs", **aws.client_arguments()) as sqs:
        made = await sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "300"})
    url = str(made["QueueUrl"])
    async with Publisher(Queue(url), endpoint_url=aws.endpoint_url, region=aws.region) as publisher:
        await publisher.publish(bodies)
    tenant.call("POST", "stats/reset", {})
    return url


async def bench(events: int, latency_s: float) -> None:
    """Runs both and prints the table."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tenant_process("--rate-limit", "1000000", "--latency", str(latency_s)) as tenant,
    ):
        async with EmbeddedAws() as aws:
            os.environ.update(aws.environment())
            made = tenant.call("POST", "events", {"count": events})["events"]
            bodies = [json.dumps(event) for event in made]
            home = Path(folder)
            queue = await fill(aws, tenant, "connector", bodies)
            ours = await run_process(
                [sys.executable, "-m", "benchling_connector", "run", "--drain", str(QUIET_S),
                 "--benchling-url", tenant.url, "--client-id", DEFAULT_CLIENT_ID,
                 "--sqs-url", queue, "--aws-region", aws.region, "--data-dir", str(home / "data"),
                 "--api-requests-per-30s", "auto", "--log-level", "warning"],
                {"BENCHLING_CONNECTOR_CLIENT_SECRET": DEFAULT_CLIENT_SECRET},
                home / "connector.log",
            )  # fmt: skip
            assert ours.status == 0, (home / "connector.log").read_text()[-2000:]
            our_calls = tenant.api_calls()
            our_files = sum(1 for _ in (home / "data/lake").rglob("*.json"))
            queue = await fill(aws, tenant, "plain", bodies)
            (home / "plain").mkdir()
            plain = await run_process(
                [sys.executable, "-m", "benchmarks.plain_consumer", tenant.url, DEFAULT_CLIENT_ID,
                 DEFAULT_CLIENT_SECRET, queue, str(home / "plain")],
                {}, home / "plain.log",
            )  # fmt: skip
            assert plain.status == 0, (home / "plain.log").read_text()[-2000:]
            plain_calls = tenant.api_calls()
            plain_files = sum(1 for _ in (home / "plain").iterdir())
    show(events, latency_s, (ours, our_calls, our_files), (plain, plain_calls, plain_files))


def show(
    events: int,
    latency_s: float,
    ours: tuple[Finished, int, int],
    plain: tuple[Finished, int, int],
) -> None:
    """The table, with the ratio of each figure."""
    print(
        f"benchling-connector {__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores; {events:,} events of all types, "
        f"{latency_s * 1000:.0f} ms latency, API budget lifted"
    )
    print(f"{'':36}{'connector':>12}{'plain':>12}{'ratio':>8}")
    rows = []
    for finished, calls, files in (ours, plain):
        # Both wait two seconds in the end, to see that the queue stays empty.
        busy = max(finished.seconds - QUIET_S, 0.001)
        rows.append(
            {
                "messages per second": events / busy,
                "files per second": files / busy,
                "events per file": events / files,
                "API calls per 1,000 events": calls * 1000 / events,
                "seconds that 300 calls per 30 s allow": calls / BUDGET_PER_S,
                "CPU milliseconds per event": finished.cpu_s * 1000 / events,
                "peak memory, MB": finished.peak_rss / 1e6,
            }
        )
    for name, mine in rows[0].items():
        other = rows[1][name]
        print(f"{name:36}{mine:12,.1f}{other:12,.1f}{mine / other:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds an API call takes")
    given = parser.parse_args()
    asyncio.run(bench(given.events, given.latency))


if __name__ == "__main__":
    main()
