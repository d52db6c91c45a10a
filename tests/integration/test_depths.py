"""How much waits in a queue and behind it, as SQS tells it."""

import pytest

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.adapters.sqs.connection import SqsConnection
from benchling_connector.adapters.sqs.depths import ASK_EVERY_S, QueueDepths
from benchling_connector.domain.queue_url import parse_queue_url
from tests.aws import Queue, deny
from tests.integration.conftest import FakeSqs


@pytest.fixture
def credentials(aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.credentials.secret_access_key)


async def depths_of(url: str, clock: VirtualClock | None = None) -> dict[str, float]:
    connection = SqsConnection(parse_queue_url(url), "us-east-1")
    try:
        return await QueueDepths(connection, clock or VirtualClock()).values()
    finally:
        await connection.close()


async def test_a_queue_tells_what_waits_in_it_and_behind_it(credentials, queue: Queue) -> None:
    await queue.send(["a", "b", "c"])
    await queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=1)
    await queue.client.send_message(QueueUrl=queue.dlq_url, MessageBody="x")
    assert await depths_of(queue.url) == {
        "queue_messages": 2.0,
        "queue_messages_in_flight": 1.0,
        "queue_retention_seconds": 345_600.0,
        "dead_letter_messages": 1.0,
    }


async def test_a_queue_without_a_dead_letter_queue_tells_of_none(credentials, queue: Queue) -> None:
    await queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": ""})
    assert "dead_letter_messages" not in await depths_of(queue.url)


async def test_what_a_policy_denies_is_left_out(strict_queue: Queue) -> None:
    await deny(strict_queue, "sqs:GetQueueAttributes", dead_letters=True)
    assert set(await depths_of(strict_queue.url)) == {
        "queue_messages",
        "queue_messages_in_flight",
        "queue_retention_seconds",
    }
    await deny(strict_queue, "sqs:GetQueueAttributes")
    assert await depths_of(strict_queue.url) == {}


async def test_the_queue_is_asked_once_in_half_a_minute(
    fake: FakeSqs, identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    fake.answer = {"Attributes": {"ApproximateNumberOfMessages": "5"}}
    clock = VirtualClock()
    connection = SqsConnection(parse_queue_url(fake.url), "us-east-1")
    depths = QueueDepths(connection, clock)
    asked = []
    for _ in range(7):
        assert await depths.values() == {"queue_messages": 5.0}
        asked.append(len(fake.asked))
        await clock.advance(ASK_EVERY_S / 3)
    await connection.close()
    assert asked == [1, 1, 1, 2, 2, 2, 3]
