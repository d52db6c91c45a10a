"""What every event source does: the queue in memory, and SQS over the embedded stand-in."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.adapters.memory.queue import MemoryQueue
from benchling_connector.adapters.sqs import open_queue
from benchling_connector.adapters.system import SystemClock
from benchling_connector.ports import Clock, Delivery, EventSource, QueueFacts
from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.chaos import ChaosPlan, ChaosProxy, Trick
from tests.aws import SESSION, Queue, make_queue

Result = TypeVar("Result")

WELL = ChaosPlan(0.0)
VISIBILITY_S = 60
MAX_RECEIVES = 3

AWKWARD_BODY = '{"a" : 1.10,\n\t"ü": "\\u00e9 \\ud83d\\ude00 😀", "n": 12345678901234567890}  '


@dataclass
class Subject:
    """A source under test, and a hand on its other end."""

    source: EventSource
    clock: Clock
    queue: Queue | None
    proxy: ChaosProxy | None = None

    async def send(self, *bodies: str) -> list[str]:
        if self.queue is not None:
            return await self.queue.send(bodies)
        assert isinstance(self.source, MemoryQueue)
        return [self.source.send(body) for body in bodies]

    async def dead_letters(self) -> list[str]:
        if self.queue is not None:
            return [message["Body"] for message in await self.queue.dead_letters()]
        assert isinstance(self.source, MemoryQueue)
        return [message.body for message in self.source.dead_letters]

    def refuse_some(self, method: str, *, acted: bool, sender_fault: bool) -> None:
        """From now on a few of the messages in a call fail, each for itself; `acted`: no, they are
        only said to have failed."""
        if self.proxy is None:
            assert isinstance(self.source, MemoryQueue)
            self.source.refuse(method, 3, acted=acted)
            return
        trick = Trick.SOME_DENIED_IN_THE_ANSWER if acted else Trick.SOME_LEFT_OUT
        self.proxy.plan = ChaosPlan(1.0, only=(trick,), sender_fault=sender_fault)

    def refuse_no_more(self) -> None:
        if self.proxy is not None:
            self.proxy.plan = WELL

    async def run(self, job: Coroutine[Any, Any, Result]) -> Result:
        """Runs what takes time: real time at the stand-in, none in memory."""
        return await (self.clock.run(job) if isinstance(self.clock, VirtualClock) else job)

    async def receive(self, count: int = 10) -> list[Delivery]:
        """Receives `count` messages without waiting, or what there is."""
        got: list[Delivery] = []
        while len(got) < count:
            more = await self.source.receive(min(10, count - len(got)), 0)
            if not more:
                break
            got += more
        return got


def in_memory() -> Subject:
    clock = VirtualClock()
    return Subject(MemoryQueue(clock, VISIBILITY_S, MAX_RECEIVES), clock, None)


@pytest.fixture(params=["memory", "sqs"])
async def subject(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Subject]:
    if request.param == "memory":
        yield in_memory()
        return
    aws: EmbeddedAws = request.getfixturevalue("aws")
    async with over_sqs(aws, monkeypatch) as made:
        yield made


@pytest.fixture(params=["memory", "sqs"])
async def refusing(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Subject]:
    """The same, behind a proxy that can make some of a batch fail."""
    if request.param == "memory":
        yield in_memory()
        return
    aws: EmbeddedAws = request.getfixturevalue("aws")
    async with (
        ChaosProxy(aws.endpoint_url, 1, WELL) as proxy,
        over_sqs(aws, monkeypatch, proxy) as made,
    ):
        yield made


@asynccontextmanager
async def over_sqs(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, proxy: ChaosProxy | None = None
) -> AsyncIterator[Subject]:
    for key, value in aws.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL")  # the queue's URL is endpoint enough
    async with SESSION.create_client("sqs", **aws.client_arguments()) as client:
        queue = await make_queue(
            client, visibility_timeout=VISIBILITY_S, max_receive_count=MAX_RECEIVES
        )
        wall = SystemClock()
        url = queue.url.replace(aws.endpoint_url, proxy.url) if proxy else queue.url
        async with open_queue(url, aws.region, wall) as source:
            yield Subject(source, wall, queue, proxy)


def handles(deliveries: Sequence[Delivery]) -> set[str]:
    return {delivery.receipt_handle for delivery in deliveries}


async def test_a_body_comes_as_it_was_sent(subject: Subject):
    before = subject.clock.now()
    ids = await subject.send(AWKWARD_BODY)
    (delivery,) = await subject.receive()
    assert delivery.body == AWKWARD_BODY
    assert delivery.message_id == ids[0]
    assert delivery.receive_count == 1
    assert delivery.received_at >= before
    assert delivery.sent_at is not None
    assert abs(delivery.sent_at - before) < timedelta(seconds=30)
    assert delivery.sent_at.tzinfo is not None


async def test_a_receive_gives_no_more_than_it_was_asked_for(subject: Subject):
    await subject.send(*(str(n) for n in range(5)))
    assert len(await subject.source.receive(3, 0)) == 3
    assert len(await subject.source.receive(3, 0)) == 2


async def test_an_empty_queue_gives_nothing(subject: Subject):
    assert list(await subject.source.receive(10, 0)) == []


async def test_what_is_in_flight_is_not_handed_out_again(subject: Subject):
    await subject.send("one", "two")
    assert len(await subject.receive()) == 2
    assert await subject.receive() == []


async def test_what_is_released_comes_back_counted_and_with_another_handle(subject: Subject):
    await subject.send("one", "two")
    first = await subject.receive()
    assert list(await subject.source.release([(one, 0.0) for one in first])) == []
    second = await subject.receive()
    assert {one.message_id for one in second} == {one.message_id for one in first}
    assert [one.receive_count for one in second] == [2, 2]
    assert handles(first).isdisjoint(handles(second))


async def test_any_number_is_acknowledged_at_once(subject: Subject):
    await subject.send(*(str(n) for n in range(25)))
    received = await subject.receive(25)
    assert len(received) == 25
    assert list(await subject.source.acknowledge(received)) == []
    assert list(await subject.source.release([(one, 0.0) for one in received])) == received
    assert await subject.receive() == []


async def test_only_the_newest_handle_acknowledges(subject: Subject):
    await subject.send("one")
    old = await subject.receive()
    await subject.source.release([(one, 0.0) for one in old])
    new = await subject.receive()
    assert list(await subject.source.acknowledge(old)) == old
    assert list(await subject.source.acknowledge(new)) == []


async def test_of_many_only_those_that_failed_are_given_back(subject: Subject):
    await subject.send(*(str(n) for n in range(15)))
    received = await subject.receive(15)
    spoilt = {3, 12}
    asked = [
        replace(one, receipt_handle="nobody's") if at in spoilt else one
        for at, one in enumerate(received)
    ]
    wrong = [asked[at] for at in sorted(spoilt)]
    assert list(await subject.source.extend(asked, 30)) == wrong
    assert list(await subject.source.acknowledge(asked)) == wrong
    left = [received[at] for at in sorted(spoilt)]
    assert list(await subject.source.release([(one, 0.0) for one in left])) == []
    assert {one.message_id for one in await subject.receive()} == {one.message_id for one in left}


SOME_FAIL = pytest.mark.parametrize(
    ("acted", "sender_fault"), [(False, False), (False, True), (True, False), (True, True)]
)


@SOME_FAIL
async def test_what_was_not_deleted_is_given_back_and_can_be_deleted_again(
    refusing: Subject, acted: bool, sender_fault: bool
):
    await refusing.send(*(str(n) for n in range(15)))
    received = await refusing.receive(15)
    refusing.refuse_some("acknowledge", acted=acted, sender_fault=sender_fault)
    failed = list(await refusing.source.acknowledge(received))
    refusing.refuse_no_more()
    assert 0 < len(failed) < 15
    assert failed == [one for one in received if one in failed]
    left = (await refusing.source.facts()).in_flight
    assert left == (0 if acted else len(failed))
    await refusing.source.acknowledge(failed)
    facts = await refusing.source.facts()
    assert (facts.messages, facts.in_flight) == (0, 0)


@SOME_FAIL
async def test_what_was_not_released_is_given_back_and_stays_hidden(
    refusing: Subject, acted: bool, sender_fault: bool
):
    await refusing.send(*(str(n) for n in range(15)))
    received = await refusing.receive(15)
    refusing.refuse_some("release", acted=acted, sender_fault=sender_fault)
    failed = list(await refusing.source.release([(one, 0.0) for one in received]))
    refusing.refuse_no_more()
    assert 0 < len(failed) < 15
    hidden = set() if acted else {one.message_id for one in failed}
    again = {one.message_id for one in await refusing.receive(15)}
    assert again == {one.message_id for one in received} - hidden


@SOME_FAIL
async def test_what_was_not_extended_is_given_back_and_keeps_its_time(
    refusing: Subject, acted: bool, sender_fault: bool
):
    await refusing.send(*(str(n) for n in range(15)))
    received = await refusing.receive(15)
    refusing.refuse_some("extend", acted=acted, sender_fault=sender_fault)
    # To nothing, so that the next receive tells whose time was changed.
    failed = list(await refusing.source.extend(received, 0))
    refusing.refuse_no_more()
    assert 0 < len(failed) < 15
    kept = set() if acted else {one.message_id for one in failed}
    again = {one.message_id for one in await refusing.receive(15)}
    assert again == {one.message_id for one in received} - kept


async def test_a_message_that_fails_alone_is_given_back_and_no_error(refusing: Subject):
    await refusing.send("one")
    received = await refusing.receive()
    source = refusing.source
    for method, call in (
        ("acknowledge", source.acknowledge(received)),
        ("release", source.release([(one, 0.0) for one in received])),
        ("extend", source.extend(received, 30)),
    ):
        refusing.refuse_some(method, acted=False, sender_fault=False)
        assert list(await call) == received
    refusing.refuse_no_more()
    assert await refusing.receive() == []


async def test_what_is_released_for_later_comes_back_later(subject: Subject):
    await subject.send("one")
    (delivery,) = await subject.receive()
    assert list(await subject.source.release([(delivery, 0.2)])) == []
    assert await subject.receive() == []  # rounded up to a second
    (again,) = await subject.run(_receive(subject.source.receive(1, 5)))
    assert again.receive_count == 2
    assert again.received_at - delivery.received_at >= timedelta(seconds=0.9)


async def test_a_receive_may_say_how_long_to_hide(subject: Subject):
    await subject.send("one")
    (first,) = await subject.source.receive(1, 0, 1)
    (again,) = await subject.run(_receive(subject.source.receive(1, 5, 30)))
    assert again.receive_count == 2
    assert again.received_at - first.received_at >= timedelta(seconds=0.9)
    assert await subject.receive() == []


async def test_extending_keeps_hidden_and_a_short_extension_shows_sooner(subject: Subject):
    await subject.send("one", "two")
    received = await subject.receive()
    assert list(await subject.source.extend(received, VISIBILITY_S)) == []
    assert await subject.receive() == []
    assert list(await subject.source.extend(received, 1)) == []
    (again, *_) = await subject.run(_receive(subject.source.receive(2, 5)))
    assert again.receive_count == 2


async def test_a_long_poll_ends_when_a_message_is_sent(subject: Subject):
    async def poll_and_send() -> Sequence[Delivery]:
        poll = asyncio.ensure_future(subject.source.receive(10, 20))
        await subject.clock.sleep(0.2)
        await subject.send("late")
        return await poll

    before = subject.clock.monotonic()
    (delivery,) = await subject.run(poll_and_send())
    assert delivery.body == "late"
    assert subject.clock.monotonic() - before < 15


async def test_a_cancelled_receive_takes_nothing_with_it(subject: Subject):
    async def poll_and_cancel() -> None:
        poll = asyncio.ensure_future(subject.source.receive(10, 20))
        await subject.clock.sleep(0.05)
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll

    await subject.run(poll_and_cancel())
    await subject.send("one")
    deliveries = await subject.run(_receive(subject.source.receive(10, 10)))
    assert [one.body for one in deliveries] == ["one"]


async def test_a_message_received_too_often_is_dead_lettered(subject: Subject):
    await subject.send("poison")
    for count in range(1, MAX_RECEIVES + 1):
        (delivery,) = await subject.receive()
        assert delivery.receive_count == count
        await subject.source.release([(delivery, 0.0)])
    assert await subject.receive() == []
    assert await subject.dead_letters() == ["poison"]


async def test_the_queue_tells_of_itself(subject: Subject):
    await subject.send("one", "two", "three")
    await subject.source.receive(1, 0)
    assert await subject.source.facts() == QueueFacts(VISIBILITY_S, MAX_RECEIVES, 2, 1)


async def test_nothing_to_do_is_done_at_once(subject: Subject):
    assert list(await subject.source.acknowledge([])) == []
    assert list(await subject.source.release([])) == []
    assert list(await subject.source.extend([], 30)) == []


async def test_the_text_of_an_envelope_survives_byte_for_byte(subject: Subject):
    envelope = json.dumps({"detail": {"x": "é\u2028\U0001f600 \\ \" ' <&>"}}, ensure_ascii=False)
    await subject.send(envelope)
    (delivery,) = await subject.receive()
    assert delivery.body.encode() == envelope.encode()


async def _receive(poll: Awaitable[Sequence[Delivery]]) -> Sequence[Delivery]:
    return await poll
