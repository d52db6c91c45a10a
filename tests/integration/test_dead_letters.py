"""The dead-letter queue, and the way back: found, looked at without loss, sent again."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from benchling_connector.adapters.memory.ledger import MemoryLedger
from benchling_connector.adapters.memory.ledger_store import MemoryStore
from benchling_connector.adapters.memory.quarantine import MemoryQuarantine
from benchling_connector.adapters.sqs import (
    DeadLetters,
    Letter,
    Outgoing,
    open_dead_letters,
    open_outlet,
    text_to_send,
)
from benchling_connector.adapters.system import SystemClock
from benchling_connector.domain.errors import (
    ConfigurationError,
    ConnectorError,
    PermanentError,
    TransientError,
)
from benchling_connector.domain.records import Decision, QuarantineFilter
from benchling_connector.redelivery import Outcome, What, redrive, retry
from benchling_connector.simulator.aws import EmbeddedAws
from tests.aws import Queue, deny
from tests.integration.conftest import FakeSqs, write_key
from tests.ledgers import NOON, a_stray

REGION = "us-east-1"


@pytest.fixture
def dead(queue: Queue, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """A queue, and an identity that may do everything with it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.credentials.secret_access_key)
    return queue


def opened(queue: Queue, **more: Any) -> Any:
    return open_dead_letters(queue.url, REGION, SystemClock(), **more)


async def bury(queue: Queue, count: int, **more: Any) -> list[str]:
    """Puts messages into the dead-letter queue; gives their IDs."""
    ids = []
    for number in range(count):
        answer = await queue.client.send_message(
            QueueUrl=queue.dlq_url, MessageBody=f"body {number}", **more
        )
        ids.append(answer["MessageId"])
    return ids


async def all_of(letters: DeadLetters) -> list[str]:
    ids: list[str] = []
    while found := await letters.receive(10):
        ids += [one.message_id for one in found]
    return ids


class Told(list[Outcome]):
    """Outcomes, as they were told."""

    def by(self, what: What) -> list[str]:
        return [one.message_id for one in self if one.what is what]


async def move(queue: Queue, wanted: set[str] | None, **more: Any) -> Told:
    told = Told()
    async with open_outlet(queue.url, REGION) as outlet, opened(queue) as letters:
        await redrive(letters, outlet, wanted, tell=told.append, **more)
    return told


# Finding it


async def test_it_is_found_by_the_redrive_policy_of_the_queue(dead: Queue):
    await bury(dead, 3)
    async with opened(dead) as letters:
        found = letters.queue
        attributes = await letters.attributes()
    assert found.address.queue_url.rpartition("/")[2] == dead.dlq_url.rpartition("/")[2]
    assert (found.arn, found.max_receive_count) == (dead.dlq_arn, 100)
    assert (attributes.messages, attributes.in_flight) == (3, 0)


async def test_a_queue_without_one_is_told_with_the_remedy(dead: Queue):
    await dead.client.set_queue_attributes(QueueUrl=dead.url, Attributes={"RedrivePolicy": ""})
    with pytest.raises(ConfigurationError) as caught:
        async with opened(dead):
            pass
    assert caught.value.code == "dead-letter-queue-missing"
    assert "--dlq-url" in caught.value.remedy


async def test_the_queue_itself_is_not_taken_for_its_dead_letter_queue(dead: Queue):
    """What is moved from a queue to itself would be moved for ever."""
    with pytest.raises(ConfigurationError, match="the queue itself") as caught:
        async with opened(dead, dlq_url=dead.url):
            pass
    assert caught.value.code == "dead-letter-queue-missing"


async def test_one_that_was_deleted_is_told_by_its_name(dead: Queue):
    gone = (await dead.client.create_queue(QueueName=f"gone-{uuid4().hex}"))["QueueUrl"]
    arn = dead.dlq_arn.rpartition(":")[0] + ":" + gone.rpartition("/")[2]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    await dead.client.set_queue_attributes(QueueUrl=dead.url, Attributes={"RedrivePolicy": policy})
    await dead.client.delete_queue(QueueUrl=gone)
    with pytest.raises(ConfigurationError, match="names gone-") as caught:
        async with opened(dead):
            pass
    assert caught.value.code == "dead-letter-queue-missing"


async def test_it_can_be_named_where_the_policy_may_not_be_read(strict_queue: Queue):
    await bury(strict_queue, 1)
    await deny(strict_queue, "sqs:GetQueueAttributes")
    with pytest.raises(ConfigurationError) as caught:
        async with opened(strict_queue):
            pass
    assert caught.value.code == "dead-letter-access-denied"
    assert "GetQueueAttributes" in caught.value.sentence
    assert "--dlq-url" in caught.value.remedy
    async with opened(strict_queue, dlq_url=strict_queue.dlq_url) as letters:
        assert len(await letters.receive(10)) == 1
        assert (letters.queue.arn, letters.queue.max_receive_count) == (None, None)


async def test_its_url_is_worked_out_where_sqs_may_not_be_asked_for_it(strict_queue: Queue):
    await bury(strict_queue, 1)
    await deny(strict_queue, "sqs:GetQueueUrl", "sqs:GetQueueAttributes", dead_letters=True)
    async with opened(strict_queue) as letters:
        assert len(await letters.receive(10)) == 1
        assert await letters.attributes() is None


# Looking


async def test_whatever_is_looked_at_is_visible_again_at_once_and_still_there(dead: Queue):
    ids = await bury(dead, 25)
    async with opened(dead) as letters:
        seen = await all_of(letters)
        assert await dead.counts(dead.dlq_url) == (0, 25, 0)
    assert sorted(seen) == sorted(ids)
    assert await dead.counts(dead.dlq_url) == (25, 0, 0)
    assert letters.hidden_until is None
    messages = await dead.dead_letters()
    assert {one["Attributes"]["ApproximateReceiveCount"] for one in messages} == {"2"}


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, KeyboardInterrupt])
async def test_it_is_visible_again_whatever_ends_the_looking(
    dead: Queue, error: type[BaseException]
):
    await bury(dead, 12)

    async def look() -> None:
        async with opened(dead) as letters:
            await letters.receive(10)
            raise error

    with pytest.raises(error):
        await look()
    assert await dead.counts(dead.dlq_url) == (12, 0, 0)


async def test_what_a_cancelled_receive_still_brings_is_released(identity: Path, fake: FakeSqs):
    write_key(identity, "key")
    message = {"MessageId": "a", "ReceiptHandle": "h", "Body": "{}"}
    fake.answer = {"Messages": [message], "Successful": [{"Id": "0"}]}

    async def look() -> None:
        dlq_url = f"{fake.url}-dlq"
        async with open_dead_letters(fake.url, REGION, SystemClock(), dlq_url=dlq_url) as letters:
            fake.may_answer.clear()
            await letters.receive(10)

    looking = asyncio.create_task(look())
    while "ReceiveMessage" not in fake.asked:
        assert not looking.done()
        await asyncio.sleep(0.001)
    looking.cancel()
    await asyncio.sleep(0)
    fake.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert fake.asked[1:] == ["ReceiveMessage", "ChangeMessageVisibilityBatch"]


async def test_who_may_not_change_visibility_is_told_when_they_come_back(strict_queue: Queue):
    await bury(strict_queue, 2)
    await deny(strict_queue, "sqs:ChangeMessageVisibility", dead_letters=True)
    before = SystemClock().now()
    async with opened(strict_queue, hidden_s=2) as letters:
        assert len(await letters.receive(10)) == 2
    assert letters.hidden_until is not None
    assert 2 <= (letters.hidden_until - before).total_seconds() < 60
    while await strict_queue.counts(strict_queue.dlq_url) != (2, 0, 0):
        await asyncio.sleep(0.1)


async def test_who_may_not_receive_is_told_which_permission_is_missing(strict_queue: Queue):
    await deny(strict_queue, "sqs:ReceiveMessage", dead_letters=True)
    with pytest.raises(ConfigurationError) as caught:
        async with opened(strict_queue) as letters:
            await letters.receive(10)
    assert caught.value.code == "dead-letter-access-denied"
    assert "sqs:ReceiveMessage" in caught.value.remedy


# Moving


async def test_all_are_moved_with_their_attributes(dead: Queue):
    attributes = {
        "text": {"DataType": "String", "StringValue": "é"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\xff\0"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}}
    ids = await bury(dead, 23, MessageAttributes=attributes, MessageSystemAttributes=trace)

    told = await move(dead, None)

    assert sorted(told.by(What.MOVED)) == sorted(ids)
    assert await dead.counts(dead.dlq_url) == (0, 0, 0)
    answer = await dead.client.receive_message(
        QueueUrl=dead.url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    (message,) = answer["Messages"]
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["AWSTraceHeader"] == "Root=1-2-3"
    bodies = {one["Body"] for one in await dead.receive_all()} | {message["Body"]}
    assert bodies == {f"body {number}" for number in range(23)}


async def test_only_the_wanted_are_moved_and_the_others_are_visible_again(dead: Queue):
    ids = await bury(dead, 15)

    told = await move(dead, {ids[2], ids[12], "unknown"})

    assert set(told.by(What.MOVED)) == {ids[2], ids[12]}
    assert told.by(What.FAILED) == ["unknown"]
    assert await dead.counts(dead.dlq_url) == (13, 0, 0)
    moved = await dead.receive_all()
    assert {one["Body"] for one in moved} == {"body 2", "body 12"}
    assert {one["MessageId"] for one in moved} == {one.successor for one in told if one.successor}


async def test_no_more_than_the_limit_are_moved(dead: Queue):
    await bury(dead, 25)
    assert len(await move(dead, None, limit=12)) == 12
    assert await dead.counts(dead.dlq_url) == (13, 0, 0)
    assert await dead.counts() == (12, 0, 0)


async def test_a_dry_run_moves_nothing(dead: Queue):
    ids = await bury(dead, 12)
    told = await move(dead, None, dry_run=True)
    assert sorted(told.by(What.PLANNED)) == sorted(ids)
    assert await dead.counts(dead.dlq_url) == (12, 0, 0)
    assert await dead.counts() == (0, 0, 0)


async def test_what_the_queue_does_not_take_stays_and_the_rest_is_moved(dead: Queue):
    await bury(dead, 2)
    await dead.client.send_message(QueueUrl=dead.dlq_url, MessageBody="x" * 2000)
    await dead.client.set_queue_attributes(
        QueueUrl=dead.url, Attributes={"MaximumMessageSize": "1024"}
    )

    told = await move(dead, None)

    (failed,) = (one for one in told if one.what is What.FAILED)
    assert "InvalidParameterValue" in (failed.sentence or "")
    assert await dead.counts(dead.dlq_url) == (1, 0, 0)
    assert await dead.counts() == (2, 0, 0)


async def test_what_comes_back_while_others_are_moved_is_moved_once(dead: Queue):
    """A connector that gives messages up as fast as they come."""
    policy = json.dumps({"deadLetterTargetArn": dead.dlq_arn, "maxReceiveCount": 1})
    await dead.client.set_queue_attributes(QueueUrl=dead.url, Attributes={"RedrivePolicy": policy})
    ids = await bury(dead, 3)
    told = Told()
    async with open_outlet(dead.url, REGION) as outlet, opened(dead) as letters:
        receive = letters.receive

        async def receive_and_give_up(at_most: int) -> Sequence[Letter]:
            assert len(told) < 20, "it moves what it has moved"
            for _ in range(2):  # the second receive finds that they were received too often
                await dead.receive_all(visibility_timeout=0)
            found: Sequence[Letter] = await receive(at_most)
            return found

        letters.receive = receive_and_give_up
        await redrive(letters, outlet, None, tell=told.append)
    assert sorted(told.by(What.MOVED)) == sorted(ids)
    assert await dead.counts(dead.dlq_url) == (3, 0, 0)


async def test_who_may_not_send_moves_nothing_and_is_told(strict_queue: Queue):
    await bury(strict_queue, 12)
    await deny(strict_queue, "sqs:SendMessage")
    with pytest.raises(ConfigurationError) as caught:
        await move(strict_queue, None)
    assert caught.value.code == "queue-send-denied"
    assert "sqs:SendMessage" in caught.value.remedy
    assert await strict_queue.counts(strict_queue.dlq_url) == (12, 0, 0)


async def test_who_may_not_delete_has_them_on_both_queues_and_is_told(strict_queue: Queue):
    await bury(strict_queue, 2)
    await deny(strict_queue, "sqs:DeleteMessage", dead_letters=True)
    told = Told()
    with pytest.raises(ConfigurationError) as caught:
        async with open_outlet(strict_queue.url, REGION) as outlet, opened(strict_queue) as letters:
            await redrive(letters, outlet, None, tell=told.append)
    assert caught.value.code == "dead-letter-access-denied"
    assert len(told.by(What.FAILED)) == 2
    assert all(one.successor for one in told)
    assert await strict_queue.counts(strict_queue.dlq_url) == (2, 0, 0)
    assert await strict_queue.counts() == (2, 0, 0)


@pytest.fixture
async def fifo(dead: Queue) -> AsyncIterator[Queue]:
    """A FIFO queue with a FIFO dead-letter queue."""
    client, name = dead.client, uuid4().hex
    made = {"FifoQueue": "true"}
    dlq_url = (await client.create_queue(QueueName=f"{name}-d.fifo", Attributes=made))["QueueUrl"]
    dlq_arn = f"{dead.dlq_arn.rpartition(':')[0]}:{name}-d.fifo"
    policy = json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": 5})
    url = (
        await client.create_queue(
            QueueName=f"{name}.fifo", Attributes={**made, "RedrivePolicy": policy}
        )
    )["QueueUrl"]
    yield Queue(url, f"{dead.arn.rpartition(':')[0]}:{name}.fifo", dlq_url, dlq_arn, client)
    for one in (url, dlq_url):
        await client.delete_queue(QueueUrl=one)


async def test_a_fifo_queue_keeps_groups_and_order(fifo: Queue):
    for number in range(4):
        await bury(fifo, 1, MessageGroupId=f"g{number % 2}", MessageDeduplicationId=str(number))

    told = await move(fifo, None)

    assert len(told.by(What.MOVED)) == 4
    answer = await fifo.client.receive_message(
        QueueUrl=fifo.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )
    groups = [one["Attributes"]["MessageGroupId"] for one in answer["Messages"]]
    assert groups == ["g0", "g1", "g0", "g1"]


# Sending


async def test_a_fifo_queue_takes_a_message_twice_only_once(fifo: Queue):
    message = Outgoing("body", deduplication_id="retry-1")
    async with open_outlet(fifo.url, REGION) as outlet:
        assert await outlet.send([message]) == await outlet.send([message])
    assert await fifo.counts() == (1, 0, 0)


async def test_only_what_is_confirmed_counts_as_sent(identity: Path, fake: FakeSqs):
    write_key(identity, "key")
    async with open_outlet(fake.url, REGION) as outlet:
        (answer,) = await outlet.send([Outgoing("a", "1")])
    assert isinstance(answer, TransientError)


async def test_a_queue_that_is_not_there_is_said_so_of_each_message(dead: Queue):
    async with open_outlet(f"{dead.url}-not", REGION) as outlet:
        answers = await outlet.send([Outgoing("a", "1"), Outgoing("b", "2")])
    assert [one.code for one in answers if isinstance(one, ConnectorError)] == [
        "queue-not-found"
    ] * 2


async def test_a_server_that_is_not_there_passes(dead: Queue):
    async with open_outlet("http://127.0.0.1:9/000000000000/b", REGION) as outlet:
        (answer,) = await outlet.send([Outgoing("a", "1")])
    assert isinstance(answer, TransientError)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"", "empty"),
        (b"a\0b", r"U\+0000"),
        ("\ufffe".encode(), r"U\+FFFE"),
        (b"x" * 1_048_577, "1,048,577 bytes"),
    ],
)
def test_a_body_that_sqs_never_takes_is_told_before_it_is_sent(body: bytes, why: str):
    with pytest.raises(PermanentError, match=why) as caught:
        text_to_send(body)
    assert caught.value.code == "message-not-sendable"


@pytest.mark.parametrize("text", ["a\t\r\n ~", "é\ud7ff\ue000\ufffd\U0001f9ec", "x" * 1_000_000])
async def test_a_body_that_sqs_takes_is_sent_as_it_is(dead: Queue, text: str):
    async with open_outlet(dead.url, REGION) as outlet:
        answers = await outlet.send([Outgoing(text_to_send(text.encode()), "1")])
    assert [type(one) for one in answers] == [str], answers
    (message,) = await dead.receive_all()
    assert message["Body"] == text


class Undecided(MemoryQuarantine):
    """A quarantine in which nothing can be recorded: it fails, or somebody else was quicker."""

    error: TransientError | None = None

    async def resolve(self, decisions: Sequence[Decision], now: datetime) -> frozenset[Decision]:
        if self.error is not None:
            raise self.error
        return frozenset(decisions)


@pytest.mark.parametrize("error", [None, TransientError("database-failing", "It is full.")])
async def test_what_was_sent_and_could_not_be_recorded_is_told(
    dead: Queue, error: TransientError | None
):
    store, told = MemoryStore(), Told()
    await MemoryLedger(store, "c1", "w1").quarantine([a_stray("m-1"), a_stray("m-2")], NOON)
    quarantine = Undecided(store)
    quarantine.error = error

    async with open_outlet(dead.url, REGION) as outlet:
        with pytest.raises(TransientError) if error else nullcontext():
            await retry(
                quarantine,
                outlet,
                QuarantineFilter(),
                who="ann@lab",
                clock=SystemClock(),
                tell=told.append,
            )

    assert sorted(told.by(What.FAILED)) == ["m-1", "m-2"]
    sent = {message["MessageId"] for message in await dead.receive_all()}
    assert {one.successor for one in told} == sent
    why = "not recorded: It is full." if error else "somebody else"
    assert all(why in (one.sentence or "") for one in told)
