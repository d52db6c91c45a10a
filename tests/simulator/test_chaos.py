"""A proxy that fails: as seeded, in every way, and never by confirming what did not happen."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.chaos import ChaosPlan, ChaosProxy, Trick
from tests.aws import SESSION, Queue

ONCE = AioConfig(retries={"total_max_attempts": 1}, read_timeout=2)
ALWAYS = ChaosPlan(share=1.0, hang_seconds=0.05)


@pytest.fixture
async def proxy(aws: EmbeddedAws) -> AsyncIterator[ChaosProxy]:
    async with ChaosProxy(aws.endpoint_url, 5, ChaosPlan(share=0.0)) as running:
        yield running


@pytest.fixture
async def sqs(aws: EmbeddedAws, proxy: ChaosProxy) -> AsyncIterator[Any]:
    where = {**aws.client_arguments(), "endpoint_url": proxy.url}
    async with SESSION.create_client("sqs", **where, config=ONCE) as client:
        yield client


async def outcome(call: Any) -> str:
    try:
        await call
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError as error:
        return type(error).__name__
    return "answered"


async def test_without_a_share_everything_passes_as_it_is(
    sqs: Any, queue: Queue, proxy: ChaosProxy
) -> None:
    await sqs.send_message(QueueUrl=queue.url, MessageBody="hello é")
    (message,) = (await sqs.receive_message(QueueUrl=queue.url))["Messages"]
    assert message["Body"] == "hello é"
    assert not proxy.injected
    assert proxy.calls == {"SendMessage": 1, "ReceiveMessage": 1}


async def test_the_same_seed_plays_the_same_tricks(aws: EmbeddedAws, queue: Queue) -> None:
    async def played(seed: int) -> list[str]:
        plan = ChaosPlan(share=0.5, hang_seconds=0.05)
        async with ChaosProxy(aws.endpoint_url, seed, plan) as proxy:
            where = {**aws.client_arguments(), "endpoint_url": proxy.url}
            async with SESSION.create_client("sqs", **where, config=ONCE) as client:
                return [
                    await outcome(
                        client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])
                    )
                    for _ in range(30)
                ]

    first = await played(1)
    assert first == await played(1)
    assert first != await played(2)
    assert "answered" in first
    assert len(set(first)) >= 4


async def test_a_batch_entry_may_fail_alone_having_acted_or_not(
    sqs: Any, queue: Queue, proxy: ChaosProxy
) -> None:
    await queue.send(f"message {n}" for n in range(200))
    proxy.plan = ALWAYS
    seen: Counter[str] = Counter()
    for _ in range(40):
        received = (await queue.client.receive_message(
            QueueUrl=queue.url, MaxNumberOfMessages=5
        )).get("Messages", [])  # fmt: skip
        entries = [
            {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
            for n, message in enumerate(received)
        ]
        try:
            answer = await sqs.delete_message_batch(QueueUrl=queue.url, Entries=entries)
        except (ClientError, BotoCoreError):
            continue
        seen["failed"] += len(answer.get("Failed", []))
        seen["confirmed"] += len(answer.get("Successful", []))
        told = [one["Id"] for key in ("Failed", "Successful") for one in answer.get(key, [])]
        assert sorted(told) in ([], [str(n) for n in range(len(entries))])
    assert min(seen["failed"], seen["confirmed"]) >= 5
    assert {trick for _, trick in proxy.injected} >= {
        Trick.SOME_LEFT_OUT,
        Trick.SOME_DENIED_IN_THE_ANSWER,
    }
    visible, hidden, _ = await queue.counts()
    assert visible + hidden <= 200 - seen["confirmed"]


async def test_a_write_to_s3_that_is_confirmed_has_happened(
    aws: EmbeddedAws, proxy: ChaosProxy
) -> None:
    where = {**aws.client_arguments(), "endpoint_url": proxy.url}
    async with (
        SESSION.create_client("s3", **aws.client_arguments()) as direct,
        SESSION.create_client("s3", **where, config=ONCE) as s3,
    ):
        await direct.create_bucket(Bucket="chaos")
        proxy.plan = ALWAYS
        confirmed = set()
        for n in range(60):
            if await outcome(s3.put_object(Bucket="chaos", Key=str(n), Body=b"x")) == "answered":
                confirmed.add(str(n))
        listed = await direct.list_objects_v2(Bucket="chaos")
    there = {one["Key"] for one in listed["Contents"]}
    assert confirmed <= there
    assert there - confirmed  # some acted, and then seemed to fail


async def test_a_closed_port_refuses_and_answers_again_where_it_was(
    sqs: Any, queue: Queue, proxy: ChaosProxy
) -> None:
    await proxy.close_port()
    with pytest.raises(EndpointConnectionError):
        await sqs.receive_message(QueueUrl=queue.url)
    url = proxy.url
    await proxy.open_port()
    assert proxy.url == url
    assert await outcome(sqs.receive_message(QueueUrl=queue.url)) == "answered"


async def test_in_silence_a_call_is_accepted_and_never_answered(proxy: ChaosProxy) -> None:
    proxy.silent = True
    async with aiohttp.ClientSession() as session:
        call = asyncio.create_task(session.get(proxy.url))
        while not proxy.calls:
            await asyncio.sleep(0.01)
        assert not call.done()
        await proxy.close_port()
        with pytest.raises(aiohttp.ClientConnectionError):
            await call


async def test_a_client_that_goes_away_takes_its_call_with_it(
    sqs: Any, queue: Queue, proxy: ChaosProxy
) -> None:
    poll = asyncio.create_task(sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=20))
    while not proxy.underway:
        await asyncio.sleep(0.01)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    async with asyncio.timeout(15):  # sooner than the poll would end by itself
        while proxy.underway:
            await asyncio.sleep(0.01)
