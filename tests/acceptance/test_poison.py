"""A thousand hostile bodies among good ones, on the real queue, through the real program."""

import contextlib
import sqlite3
from dataclasses import replace
from itertools import islice
from random import Random

import pytest

from benchling_connector.simulator.limits import RateLimit
from benchling_connector.simulator.mutations import hostile, sqs_takes
from tests.acceptance.world import World, ended_at_peak
from tests.poison import hold_to_account, mixed

SEED = 11


# The client that fills the queue finds a request of a megabyte large.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_hostile_bodies_are_quarantined_or_stored_and_cost_no_more_memory_than_good_ones(
    world: World,
) -> None:
    tenant = world.tenant
    tenant.limiter.config = RateLimit(1_000_000, 30.0)
    poison = [one for one in hostile(tenant, 1_100, SEED) if sqs_takes(one.body)]
    assert len(poison) >= 1_000
    good = list(islice(tenant.activity(), 300))
    bodies = mixed(poison, good, Random(SEED))
    message_ids = await world.queue.send([body for body, _ in bodies])

    peak = await peak_of_a_drain(world)

    files = {path.relative_to(world.lake): path.read_bytes() for path in world.lake.rglob("*.json")}
    states = {row["messageId"]: row["state"] for row in await world.ledger()}
    with contextlib.closing(sqlite3.connect(world.home / "data" / "connector.db")) as database:
        quarantine = dict(database.execute("SELECT message_id, body FROM quarantine"))
    sent = dict(zip(message_ids, bodies, strict=True))
    counts = hold_to_account(sent, files, states, quarantine)
    assert min(counts["stored"] - len(good), counts["quarantined"]) >= 300

    # As many bodies, each of the size of one of those, and nothing wrong with any.
    elsewhere = replace(world, home=world.home / "elsewhere")
    elsewhere.home.mkdir()
    await world.queue.send(padded(world, len(body.encode())) for body, _ in bodies)
    peak_of_good = await peak_of_a_drain(elsewhere)
    assert len(list(elsewhere.lake.rglob("*.json"))) >= len(bodies) / 10
    assert peak < 1.5 * peak_of_good + 32e6


async def peak_of_a_drain(world: World) -> int:
    """Empties the queue, and gives the most memory that it took, in bytes."""
    process = await world.start("run", "-c", str(world.write()), "--drain", "2")
    run, peak = await ended_at_peak(process)
    assert run.status == 0, run.stderr[-3000:]
    assert await world.queue.counts() == (0, 0, 0)
    assert await world.queue.dead_letters() == []
    return peak


def padded(world: World, size: int) -> str:
    """A good event of about this size."""
    text = world.tenant.emit("v2.entry.created").envelope().decode()
    return f'{text[:-1]},"":"{"x" * max(size - len(text.encode()) - 6, 0)}"' + "}"
