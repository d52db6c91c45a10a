"""What went aside goes back: real processes, a real queue with its dead-letter queue, SIGKILL."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from benchling_connector.adapters.ledger import open_ledger
from benchling_connector.adapters.system import SystemClock
from benchling_connector.domain.event import Rejected
from benchling_connector.ports import StrayMessage
from tests.acceptance.proxy import proxied
from tests.acceptance.world import Ended, World, ended, stored_once
from tests.aws import SESSION, make_queue


async def listed(world: World, *flags: str) -> dict[str, dict[str, Any]]:
    """`quarantine ls --json`, by message ID."""
    home = str(world.home / "data")
    told = await world.program("quarantine", "ls", "--data-dir", home, "--json", *flags)
    assert told.status == 0, told.stderr
    return {row["messageId"]: row for row in told.document()["quarantine"]}


async def retry(world: World, *arguments: str) -> Ended:
    return await world.program("quarantine", "retry", "-c", str(world.write()), *arguments)


def by_outcome(told: Ended) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in told.document()["messages"]:
        found.setdefault(one["outcome"], []).append(one["messageId"])
    return found


async def keep(world: World, *bodies: bytes) -> list[str]:
    """Puts messages into quarantine that an older version could not decode, say."""
    now = SystemClock().now()
    async with open_ledger(
        f"sqlite:///{world.home}/data/connector.db",
        connector_id=None,
        connector_name="benchling",
        worker_id="w-old",
        now=now,
        new_id=lambda: "c-1",
    ) as ledger:
        strays = [
            StrayMessage(f"m-{n}", body, Rejected("event-not-json", "No event."), now, now, 1)
            for n, body in enumerate(bodies)
        ]
        await ledger.quarantine(strays, now)
    return [stray.message_id for stray in strays]


# Quarantine


async def test_poison_is_listed_shown_retried_and_discarded(world: World) -> None:
    good = world.tenant.emit("v2.request.created")
    poison = ["not JSON", '{"detail": {"eventType": "v2.entry.created"}}', "[1]"]
    no_json, no_id, no_object = await world.queue.send(poison)
    await world.publish([good])
    assert (await world.drain()).status == 0

    rows = await listed(world)
    assert {name: row["code"] for name, row in rows.items()} == {
        no_json: "event-not-json",
        no_id: "event-without-id",
        no_object: "event-not-an-object",
    }
    home = str(world.home / "data")
    shown = await world.program("quarantine", "show", no_json, "--raw", "--data-dir", home)
    assert shown.stdout == "not JSON"

    told = await retry(world, "--reason", "event-not-json", "--json")
    assert told.status == 0, told.stderr
    (message,) = told.document()["messages"]
    assert (message["messageId"], message["outcome"]) == (no_json, "retried")
    assert await world.queue.counts() == (1, 0, 0)
    discarded = await world.program(
        "quarantine", "discard", no_id, "--because", "a test", "--data-dir", home
    )
    assert discarded.status == 0
    assert set(await listed(world)) == {no_object}

    assert (await world.drain()).status == 0
    # It is as bad as before: in quarantine again, under the ID that it was sent with.
    assert set(await listed(world)) == {no_object, message["successor"]}
    resolved = await listed(world, "--resolved")
    assert resolved[no_json]["successor"] == message["successor"]
    states = {row["messageId"]: (row["state"], row["reason"]) for row in await world.ledger()}
    assert states[no_json] == (
        "skipped",
        f"retried: sent to the queue again as message {message['successor']}",
    )
    assert states[no_id][0] == "skipped"
    assert states[message["successor"]][0] == "quarantined"
    assert stored_once(world.files()) == {good.id}


async def test_a_retried_message_that_is_an_event_now_is_stored(world: World) -> None:
    events = [world.tenant.emit("v2.request.created") for _ in range(12)]
    await keep(world, *(event.envelope() for event in events))

    dry = await retry(world, "--all", "--dry-run", "--json")
    assert (dry.status, len(by_outcome(dry)["planned"])) == (0, 12)
    assert await world.queue.counts() == (0, 0, 0)
    assert (await retry(world, "--all")).status == 0
    assert (await world.drain()).status == 0

    assert stored_once(world.files()) == {event.id for event in events}
    assert await listed(world) == {}


async def test_what_sqs_never_takes_stays_in_quarantine_and_the_rest_is_retried(
    world: World,
) -> None:
    no_text, fine, control = await keep(world, b"\xff", b"fine", b"a\0b")

    told = await retry(world, no_text, fine, control, "m-9", "--json")

    assert told.status == 5
    assert by_outcome(told) == {"failed": ["m-9", no_text, control], "retried": [fine]}
    assert set(await listed(world)) == {no_text, control}
    again = await retry(world, fine)
    assert again.status == 1
    assert "It was retried" in again.stdout
    (message,) = await world.queue.receive_all()
    assert message["Body"] == "fine"


async def test_a_queue_that_refuses_leaves_all_in_quarantine_and_names_the_permission(
    world: World,
) -> None:
    await keep(world, b"one", b"two")
    url = f"{world.queue.url}-not"

    told = await retry(world, "--all", "--sqs-url", url, "--json")

    assert (told.status, told.stdout) == (4, "")
    assert "queue-not-found" in told.stderr
    assert len(await listed(world)) == 2


async def test_a_retry_that_is_killed_before_it_is_recorded_stores_the_event_once(
    world: World,
) -> None:
    event = world.tenant.emit("v2.request.created")
    await keep(world, event.envelope())
    config = str(world.write())
    file = world.home / "data/connector.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")  # so that nothing can be recorded
        process = await world.start("quarantine", "retry", "--all", "-c", config)
        while await world.queue.counts() != (1, 0, 0):
            assert process.returncode is None
            await asyncio.sleep(0.02)
        process.kill()
        await process.communicate()
        database.execute("ROLLBACK")

    # In both places, and so retried once more.
    assert len(await listed(world)) == 1
    assert (await retry(world, "--all")).status == 0
    assert await world.queue.counts() == (2, 0, 0)
    assert (await world.drain()).status == 0
    assert stored_once(world.files()) == {event.id}
    assert await world.queue.counts() == (0, 0, 0)


# The dead-letter queue


@pytest.fixture
async def buried(world: World) -> AsyncIterator[World]:
    """A queue that gives a message up after one receive, and has done so with all it had."""
    async with SESSION.create_client("sqs", **world.aws.client_arguments()) as client:
        queue = await make_queue(client, max_receive_count=1)
        here = replace(world, queue=queue)
        await here.publish(islice(world.tenant.activity(), 14))
        await queue.send(["not JSON"])
        await queue.receive_all(visibility_timeout=0)
        assert await queue.counts() == (0, 0, 0)
        assert await queue.counts(queue.dlq_url) == (15, 0, 0)
        yield here


async def dlq(world: World, verb: str, *arguments: str) -> Ended:
    return await world.program("dlq", verb, "-c", str(world.write()), *arguments)


async def test_dead_letters_are_counted_peeked_at_and_moved_back_and_then_stored(
    buried: World,
) -> None:
    queue = buried.queue

    told = await dlq(buried, "ls", "--json")
    assert told.status == 0, told.stderr
    (found,) = told.document()["queues"]
    assert (found["arn"], found["maxReceiveCount"]) == (queue.dlq_arn, 1)
    assert (found["messages"], found["inFlight"]) == (15, 0)

    told = await dlq(buried, "peek", "--limit", "100", "--json")
    assert told.status == 0, told.stderr
    rows = told.document()["messages"]
    assert told.document()["hiddenUntil"] is None
    assert await queue.counts(queue.dlq_url) == (15, 0, 0)
    (bad,) = (row for row in rows if row["eventId"] is None)
    assert bad["reason"].startswith("event-not-json: ")
    assert (bad["size"], bad["receiveCount"]) == (8, 2)
    events = {row["eventId"] for row in rows} - {None}
    assert len(events) == 14
    assert all(row["eventType"] and row["sentAt"] for row in rows if row is not bad)
    assert len((await dlq(buried, "peek")).stdout.splitlines()) == 11

    dry = await dlq(buried, "redrive", "--all", "--dry-run", "--json")
    assert len(by_outcome(dry)["planned"]) == 15
    one = await dlq(buried, "redrive", bad["messageId"], "m-9", "--json")
    assert one.status == 5
    assert by_outcome(one) == {"moved": [bad["messageId"]], "failed": ["m-9"]}
    assert await queue.counts(queue.dlq_url) == (14, 0, 0)
    assert await queue.counts() == (1, 0, 0)
    rest = await dlq(buried, "redrive", "--all")
    assert (rest.status, rest.stderr.splitlines()[-1]) == (0, "14 moved.")
    assert "does not get into the audit" in rest.stderr  # nobody has a database yet
    assert (await dlq(buried, "redrive", "--all")).status == 1

    assert (await buried.drain()).status == 0
    assert stored_once(buried.files()) == events
    assert len(await listed(buried)) == 1
    assert await queue.counts(queue.dlq_url) == (0, 0, 0)


async def test_what_is_moved_and_what_is_retried_is_in_the_audit(buried: World) -> None:
    assert (await buried.drain()).status == 0
    moved = await dlq(buried, "redrive", "--all")
    assert (moved.status, moved.stderr) == (0, "15 moved.\n")
    assert (await buried.drain()).status == 0
    (stray,) = await listed(buried)
    assert (await retry(buried, stray)).status == 0

    told = await buried.program("audit", "ls", "--data-dir", str(buried.home / "data"), "--json")
    retried, ended, begun = told.document()["entries"]
    assert (retried["action"], retried["new"]["messages"][0]["messageId"]) == (
        "quarantine.retried",
        stray,
    )
    assert (begun["action"], begun["new"]) == ("dlq.redrive_begun", {"messages": "all"})
    assert (ended["action"], len(ended["new"]["messages"])) == ("dlq.redriven", 15)
    assert {one["outcome"] for one in ended["new"]["messages"]} == {"moved"}
    assert begun["subject"] == ended["subject"] == buried.queue.url


async def test_a_peek_that_is_interrupted_leaves_everything_visible(buried: World) -> None:
    queue = buried.queue
    async with proxied(buried.aws.endpoint_url) as proxy:
        url = proxy.url + queue.dlq_url.partition(buried.aws.endpoint_url)[2]
        arguments = ("peek", "--limit", "100", "--dlq-url", url)
        proxy.held["ReceiveMessage"] = 1
        process = await buried.start("dlq", *arguments, "-c", str(buried.write()))
        await proxy.until("ReceiveMessage", 2)
        assert (await queue.counts(queue.dlq_url))[1] == 10
        process.send_signal(signal.SIGINT)
        proxy.let_go.set()
        await ended(process)
    assert await queue.counts(queue.dlq_url) == (15, 0, 0)


async def test_a_redrive_that_is_killed_before_it_deletes_leaves_messages_on_both_queues(
    buried: World,
) -> None:
    queue = buried.queue
    async with proxied(buried.aws.endpoint_url) as proxy:
        proxy.held["DeleteMessageBatch"] = 0
        url = proxy.url + queue.dlq_url.partition(buried.aws.endpoint_url)[2]
        arguments = ("redrive", "--all", "--dlq-url", url)
        process = await buried.start("dlq", *arguments, "-c", str(buried.write()))
        await proxy.until("DeleteMessageBatch")
        process.kill()
        await process.communicate()

        assert await queue.counts() == (10, 0, 0)
        assert sum(await queue.counts(queue.dlq_url)) == 15
