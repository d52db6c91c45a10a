"""Fixtures: the embedded AWS stand-in, one per test process, and a fresh queue per test.

`tests/conftest.py` takes them with `from tests.aws import aws, queue`.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from aiobotocore.session import get_session

from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.publisher import batches

# Shared, so that botocore reads each service's model once a process; clients belong to a loop.
SESSION = get_session()


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue with a dead-letter queue behind it, and the client to reach both."""

    url: str
    arn: str
    dlq_url: str
    dlq_arn: str
    client: Any

    async def send(self, bodies: Iterable[str | dict[str, Any]]) -> list[str]:
        """Sends the bodies in their order, a dict as its JSON text; gives the message ids."""
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        ids: list[str] = []
        for some in batches(texts, lambda text: len(text.encode()), max_bytes=1024 * 1024):
            entries = [{"Id": str(at), "MessageBody": text} for at, text in enumerate(some)]
            answer = await self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed"), answer["Failed"]
            by_id = {entry["Id"]: entry["MessageId"] for entry in answer["Successful"]}
            ids += [by_id[entry["Id"]] for entry in entries]
        return ids

    async def attributes(self, url: str | None = None) -> dict[str, str]:
        """All attributes of the queue, or of another one, as SQS gives them: text."""
        answer = await self.client.get_queue_attributes(
            QueueUrl=url or self.url, AttributeNames=["All"]
        )
        return dict(answer["Attributes"])

    async def counts(self, url: str | None = None) -> tuple[int, int, int]:
        """How many messages are visible, in flight and delayed."""
        attributes = await self.attributes(url)
        prefix = "ApproximateNumberOfMessages"
        visible, in_flight, delayed = (
            int(attributes[prefix + suffix]) for suffix in ("", "NotVisible", "Delayed")
        )
        return visible, in_flight, delayed

    async def receive_all(
        self, url: str | None = None, *, visibility_timeout: int = 300
    ) -> list[dict[str, Any]]:
        """Receives until nothing is visible, without waiting; deletes nothing."""
        messages: list[dict[str, Any]] = []
        while True:
            answer = await self.client.receive_message(
                QueueUrl=url or self.url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=visibility_timeout,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["All"],
            )
            if not answer.get("Messages"):
                return messages
            messages += answer["Messages"]

    async def dead_letters(self) -> list[dict[str, Any]]:
        """The messages in the dead-letter queue.

        The stand-in moves a message there when the queue is next received from.
        """
        return await self.receive_all(self.dlq_url)


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """The AWS stand-in of this test process, started with the first test that asks for it."""
    with EmbeddedAws() as stand_in:
        yield stand_in


async def make_queue(
    client: Any, *, visibility_timeout: int = 300, max_receive_count: int = 100
) -> Queue:
    """A fresh queue with its dead-letter queue. `visibility_timeout` in seconds."""
    name = f"benchling-{uuid4().hex}"
    dlq_url = (await client.create_queue(QueueName=f"{name}-dlq"))["QueueUrl"]
    dlq_arn = await _arn(client, dlq_url)
    redrive = {"deadLetterTargetArn": dlq_arn, "maxReceiveCount": max_receive_count}
    answer = await client.create_queue(
        QueueName=name,
        Attributes={
            "VisibilityTimeout": str(visibility_timeout),
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    url = answer["QueueUrl"]
    return Queue(url, await _arn(client, url), dlq_url, dlq_arn, client)


async def deny(queue: Queue, *actions: str, dead_letters: bool = False) -> None:
    """A policy that denies these actions on the queue, or on its dead-letter queue, to everybody.

    It counts where the stand-in enforces policies; without actions it goes away.
    """
    url, arn = (queue.dlq_url, queue.dlq_arn) if dead_letters else (queue.url, queue.arn)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": list(actions), "Resource": arn}
        ],
    }
    await queue.client.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps(policy) if actions else ""}
    )


async def _arn(client: Any, url: str) -> str:
    answer = await client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


@pytest.fixture
async def queue(aws: EmbeddedAws) -> AsyncIterator[Queue]:
    """A fresh queue for this test: visibility timeout 300 s, 100 receives, then dead-lettered."""
    async with SESSION.create_client("sqs", **aws.client_arguments()) as client:
        made = await make_queue(client)
        yield made
        for url in (made.url, made.dlq_url):
            await client.delete_queue(QueueUrl=url)
