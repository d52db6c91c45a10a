"""SQS where it says no: policies, credentials, queues that are not there, servers that fail."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from benchling_connector.adapters.sqs import (
    Permission,
    SqsSource,
    open_queue,
    probe_queue,
)
from benchling_connector.adapters.system import SystemClock
from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.ports import Delivery, QueueFacts
from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.chaos import ChaosPlan, ChaosProxy, Trick
from tests.aws import Queue, deny
from tests.integration.conftest import FakeSqs, write_key

REGION = "us-east-1"


async def test_a_policy_that_denies_visibility_only_slows_down(strict_queue: Queue):
    await strict_queue.send(["one", "two"])
    await deny(strict_queue, "sqs:ChangeMessageVisibility")
    async with open_queue(strict_queue.url, REGION, SystemClock()) as source:
        assert source.may_change_visibility
        received = list(await source.receive(10, 0))
        with capture_logs() as logs:
            assert list(await source.release([(one, 0.0) for one in received])) == received
            assert list(await source.extend(received, 30)) == received
        assert not source.may_change_visibility
        assert [entry["event"] for entry in logs] == ["visibility.denied"]
        assert list(await source.acknowledge(received)) == []


async def test_a_policy_that_was_mended_is_noticed(strict_queue: Queue):
    await strict_queue.send(["one"])
    await deny(strict_queue, "sqs:ChangeMessageVisibility")
    clock = SettableClock()
    async with open_queue(strict_queue.url, REGION, clock) as source:
        received = list(await source.receive(1, 0))
        assert list(await source.extend(received, 30)) == received
        await deny(strict_queue)
        assert list(await source.extend(received, 30)) == received  # not asked again yet
        clock.passed += 301
        assert list(await source.extend(received, 30)) == []
        assert source.may_change_visibility


async def test_facts_that_may_not_be_asked_are_not_known(strict_queue: Queue):
    await deny(strict_queue, "sqs:GetQueueAttributes")
    async with open_queue(strict_queue.url, REGION, SystemClock()) as source:
        assert await source.facts() == QueueFacts(None, None, None)


@pytest.mark.parametrize("denied", ["ReceiveMessage", "DeleteMessage"])
async def test_a_denied_receive_or_delete_is_for_somebody_to_mend(strict_queue: Queue, denied: str):
    await strict_queue.send(["one"])
    async with open_queue(strict_queue.url, REGION, SystemClock()) as source:
        received = list(await source.receive(1, 0))
        await deny(strict_queue, f"sqs:{denied}")
        with pytest.raises(ConfigurationError) as caught:
            await (source.receive(1, 0) if "Receive" in denied else source.acknowledge(received))
    assert caught.value.code == "queue-access-denied"
    assert denied in caught.value.sentence


async def test_a_queue_that_does_not_exist_is_said_so(strict_queue: Queue):
    async with open_queue(f"{strict_queue.url}-not", REGION, SystemClock()) as source:
        for call in (source.receive(1, 0), source.facts(), source.acknowledge([delivery("x")])):
            with pytest.raises(ConfigurationError) as caught:
                await call
            assert caught.value.code == "queue-not-found"


async def test_a_queue_of_another_region_is_said_so_before_anything_is_asked():
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/benchling"
    with pytest.raises(ConfigurationError, match="eu-west-1") as caught:
        async with open_queue(url, REGION, SystemClock()):
            pass
    assert caught.value.code == "queue-not-found"


async def test_the_probe_tells_every_permission_and_touches_no_message(strict_queue: Queue):
    await strict_queue.send(["one"])
    every = await probe_queue(strict_queue.url, REGION)
    assert [every.receive, every.delete, every.change_visibility, every.read_attributes] == [
        Permission.ALLOWED
    ] * 4
    assert every.attributes is not None
    assert every.attributes.visibility_timeout == 300
    assert every.attributes.max_receive_count == 100
    assert every.attributes.dead_letter_arn == strict_queue.dlq_arn
    assert every.attributes.messages == 1
    (message,) = await strict_queue.receive_all()
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("ReceiveMessage", "receive"),
        ("DeleteMessage", "delete"),
        ("ChangeMessageVisibility", "change_visibility"),
        ("GetQueueAttributes", "read_attributes"),
    ],
)
async def test_the_probe_tells_what_is_denied(strict_queue: Queue, action: str, name: str):
    await deny(strict_queue, f"sqs:{action}")
    probe = await probe_queue(strict_queue.url, REGION)
    names = ("receive", "delete", "change_visibility", "read_attributes")
    assert {n for n in names if getattr(probe, n) is Permission.DENIED} == {name}
    assert (probe.attributes is None) == (name == "read_attributes")


async def test_the_probe_says_when_the_queue_does_not_exist(strict_queue: Queue):
    with pytest.raises(ConfigurationError) as caught:
        await probe_queue(f"{strict_queue.url}-not", REGION)
    assert caught.value.code == "queue-not-found"


async def test_without_credentials_the_error_says_so(identity: Path):
    async with open_queue("http://127.0.0.1:9/000000000000/b", REGION, SystemClock()) as source:
        with pytest.raises(ConfigurationError) as caught:
            await source.receive(1, 0)
    assert caught.value.code == "aws-credentials-missing"


async def test_a_profile_that_does_not_exist_is_missing_credentials(
    identity: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    async with open_queue("http://127.0.0.1:9/000000000000/b", REGION, SystemClock()) as source:
        with pytest.raises(ConfigurationError) as caught:
            await source.receive(1, 0)
    assert caught.value.code == "aws-credentials-missing"


async def test_a_host_that_botocore_will_not_take_is_a_matter_of_configuration(identity: Path):
    write_key(identity, "key")
    async with open_queue("http://my_host:9/000000000000/b", REGION, SystemClock()) as source:
        with pytest.raises(ConfigurationError) as caught:
            await source.receive(1, 0)
    assert caught.value.code == "queue-not-found"


async def test_a_server_that_is_not_there_passes(identity: Path):
    write_key(identity, "key")
    async with open_queue("http://127.0.0.1:9/000000000000/b", REGION, SystemClock()) as source:
        with pytest.raises(TransientError) as caught:
            await source.receive(1, 0)
    assert caught.value.code == "queue-failing"


async def test_a_key_that_is_refused_is_looked_up_anew_by_the_next_call(
    identity: Path, fake: FakeSqs
):
    fake.accepted = {"new"}
    write_key(identity, "old")
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        with pytest.raises(ConfigurationError) as caught:
            await source.receive(1, 0)
        assert caught.value.code == "aws-credentials-refused"
        write_key(identity, "new")
        assert list(await source.receive(1, 0)) == []


async def test_a_key_that_was_rotated_costs_no_call(identity: Path, fake: FakeSqs):
    fake.accepted = {"old"}
    write_key(identity, "old")
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        await source.receive(1, 0)
        fake.accepted = {"new"}
        write_key(identity, "new")
        assert [list(one) for one in await asyncio.gather(*poll(source, 5))] == [[]] * 5


async def test_a_key_that_ended_is_refused_once_not_for_ever(identity: Path, fake: FakeSqs):
    fake.accepted = {"old"}
    write_key(identity, "old")
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        await source.receive(1, 0)
        fake.accepted = {"new"}
        fake.asked.clear()
        with pytest.raises(ConfigurationError) as caught:
            await source.receive(1, 0)
        assert caught.value.code == "aws-credentials-refused"
        assert len(fake.asked) == 2


async def test_only_what_is_confirmed_counts_as_deleted(identity: Path, fake: FakeSqs):
    write_key(identity, "key")
    fake.answer = {"Successful": [{"Id": "1"}]}
    deliveries = [delivery("a"), delivery("b"), delivery("c")]
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        failed = await source.acknowledge(deliveries)
    assert list(failed) == [deliveries[0], deliveries[2]]


async def test_a_failing_server_is_asked_a_few_times_and_no_more(identity: Path, fake: FakeSqs):
    write_key(identity, "key")
    fake.status, fake.answer = 500, {"__type": "InternalError"}
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        with pytest.raises(TransientError) as caught:
            await source.acknowledge([delivery("a")])
    assert caught.value.code == "queue-failing"
    assert fake.asked == ["DeleteMessageBatch"] * 3


@pytest.mark.parametrize(
    "trick", [Trick.LOST_ANSWER, Trick.TRUNCATED, Trick.LATE_500, Trick.GARBAGE]
)
async def test_a_receive_whose_answer_was_lost_is_not_made_up_for_by_another(
    strict_queue: Queue, strict_aws: EmbeddedAws, trick: Trick
):
    await strict_queue.send(["one"])
    first_call_only = 14  # of the seeds by which the first receive fails, and the next do not
    plan = ChaosPlan(0.5, only=(trick,))
    async with ChaosProxy(strict_aws.endpoint_url, first_call_only, plan) as proxy:
        url = strict_queue.url.replace(strict_aws.endpoint_url, proxy.url)
        async with open_queue(url, REGION, SystemClock()) as source:
            with pytest.raises(TransientError) as caught:
                await source.receive(10, 0)
            assert caught.value.code == "queue-failing"
            assert proxy.injected == {("ReceiveMessage", trick): 1}
            proxy.plan = ChaosPlan(0.0)
            assert list(await source.receive(10, 0)) == []
            facts = await source.facts()
    assert (facts.messages, facts.in_flight) == (0, 1)


JSON = "application/x-amz-json-1.0"


@pytest.mark.parametrize("status", [200, 400, 503])
@pytest.mark.parametrize(
    "page",
    [
        (b"<html>Sign in to the network</html>", "text/html"),
        (b"<html>Zugriff verweigert f\xfcr Sie</html>", "text/html; charset=iso-8859-1"),
        (b'{"Messages":[{"MessageId":"a","ReceiptHandle":"h","Body":"{}', JSON),
        (b'{"Messages":[{"MessageId":"a","ReceiptHandle":"h","Body":"\xc3', JSON),
        (b"[1]", JSON),
        (b"null", JSON),
        (b'{"Messages":5,"Successful":5,"Attributes":5}', JSON),
    ],
)
async def test_what_is_no_answer_of_sqs_passes(
    identity: Path, fake: FakeSqs, page: tuple[bytes, str], status: int
):
    write_key(identity, "key")
    fake.page, fake.status = page, status
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        for call in (source.receive(10, 0), source.acknowledge([delivery("a")]), source.facts()):
            with pytest.raises(TransientError) as caught:
                await call
            assert caught.value.code == "queue-failing"


async def test_entries_and_messages_without_an_id_say_nothing(identity: Path, fake: FakeSqs):
    write_key(identity, "key")
    fake.answer = {"Messages": [{}], "Successful": [{}]}
    asked = [delivery("a")]
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        with pytest.raises(TransientError):
            await source.receive(10, 0)
        assert list(await source.acknowledge(asked)) == asked


async def test_messages_that_a_cancelled_receive_still_brings_are_released(
    identity: Path, fake: FakeSqs
):
    write_key(identity, "key")
    fake.answer = {"Messages": [{"MessageId": "a", "ReceiptHandle": "h", "Body": "{}"}]}
    fake.may_answer.clear()
    async with open_queue(fake.url, REGION, SystemClock()) as source:
        poll = asyncio.create_task(source.receive(1, 20))
        while not fake.asked:
            await asyncio.sleep(0.001)
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        fake.may_answer.set()
    assert fake.asked == ["ReceiveMessage", "ChangeMessageVisibilityBatch"]


class SettableClock(SystemClock):
    """A wall clock that a test can put forward."""

    passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


def poll(source: SqsSource, times: int) -> list[Any]:
    return [source.receive(1, 0) for _ in range(times)]


def delivery(message_id: str) -> Delivery:
    return Delivery(message_id, f"receipt-{message_id}", "{}", 1, None, SystemClock().now())
