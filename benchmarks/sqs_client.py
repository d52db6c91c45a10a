"""What one receive and one delete of ten messages cost: this connector's calls beside botocore's.

Both ask the embedded stand-in, which is a process of its own: what is counted is the CPU time of
the caller alone. They take turns, round by round, and their least rounds are compared.
"""

import argparse
import asyncio
import os
import platform
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiobotocore
import aiohttp
import botocore
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from benchling_connector import __version__
from benchling_connector.adapters.sqs import open_queue
from benchling_connector.adapters.system import SystemClock
from benchling_connector.simulator.aws import EmbeddedAws

BATCH = 10
BODY = '{"detail": {"pad": "' + "x" * 1200 + '"}}'
"""About as long as an event of Benchling's."""

Job = Callable[[], Awaitable[int]]
"""Receives and deletes once; gives how many messages that were."""


async def fill(client: Any, url: str, batches: int) -> None:
    """Puts `batches` times ten messages into the queue."""
    entries = [{"Id": str(at), "MessageBody": BODY} for at in range(BATCH)]
    for _ in range(batches):
        await client.send_message_batch(QueueUrl=url, Entries=entries)


async def cpu_of(job: Job, times: int) -> float:
    """CPU seconds of this process for each time."""
    before = time.process_time()
    for _ in range(times):
        assert await job() == BATCH
    return (time.process_time() - before) / times


async def bench(rounds: int, times: int) -> None:
    """Measures both `rounds` times, `times` receives and deletes each, and prints the table."""
    async with EmbeddedAws() as aws:
        os.environ.update(aws.environment())
        config = AioConfig(
            parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 3}
        )
        async with get_session().create_client(
            "sqs", config=config, **aws.client_arguments()
        ) as client:
            url = str((await client.create_queue(QueueName="clients"))["QueueUrl"])
            async with open_queue(url, aws.region, SystemClock()) as source:

                async def ours() -> int:
                    received = await source.receive(BATCH, 0)
                    return len(received) - len(await source.acknowledge(received))

                async def botocores() -> int:
                    answer = await client.receive_message(
                        QueueUrl=url,
                        MaxNumberOfMessages=BATCH,
                        WaitTimeSeconds=0,
                        MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
                    )
                    entries = [
                        {"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]}
                        for at, message in enumerate(answer["Messages"])
                    ]
                    answer = await client.delete_message_batch(QueueUrl=url, Entries=entries)
                    return len(answer["Successful"])

                taken: dict[str, list[float]] = {"aiobotocore's client": [], "ours": []}
                for turn in range(rounds + 1):
                    for name, job in (("aiobotocore's client", botocores), ("ours", ours)):
                        await fill(client, url, times)
                        took = await cpu_of(job, times)
                        if turn:  # the first one opens connections
                            taken[name].append(took)
    show(taken, times)


def show(taken: dict[str, list[float]], times: int) -> None:
    print(
        f"benchling-connector {__version__}, aiobotocore {aiobotocore.__version__}, "
        f"botocore {botocore.__version__}, aiohttp {aiohttp.__version__}, "
        f"Python {platform.python_version()}; CPU of a receive and a delete of {BATCH} messages, "
        f"{times} times"
    )
    print(f"{'':22}{'ms, least':>12}{'each round':>14}")
    for name, seconds in taken.items():
        print(f"{name:22}{min(seconds) * 1000:12.2f}    {_listed(seconds)}")
    theirs, ours = (min(seconds) for seconds in taken.values())
    print(f"{'ratio':22}{theirs / ours:12.2f}")


def _listed(seconds: Iterable[float]) -> str:
    return " ".join(f"{one * 1000:.2f}" for one in seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=200)
    arguments = parser.parse_args()
    asyncio.run(bench(arguments.rounds, arguments.times))


if __name__ == "__main__":
    main()
