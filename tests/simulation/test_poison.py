"""A thousand hostile bodies among good ones, also such as SQS would not take, over the twins."""

import asyncio
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from benchling_connector.adapters.memory.queue import MemoryQueue
from benchling_connector.domain.catalog import Catalog
from benchling_connector.domain.event import Event, Rejected, decode
from benchling_connector.engine import intake
from benchling_connector.simulator.mutations import hostile, sqs_takes
from benchling_connector.simulator.tenant import Tenant
from tests.poison import hold_to_account, mixed
from tests.simulation.street import Street


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_bodies_are_quarantined_or_stored_and_every_good_event_is_stored(
    seed: int,
) -> None:
    tenant = Tenant(seed=seed)
    poison = hostile(tenant, 1_200, seed)
    assert len([one for one in poison if not sqs_takes(one.body)]) >= 20
    good = list(islice(tenant.activity(), 300))
    street = Street()
    sent = {
        street.queue.send(body): (body, name) for body, name in mixed(poison, good, Random(seed))
    }

    street.drain()

    files = {Path(path): body for path, body in street.lake.objects.items()}
    states = {row.message_id: row.state.value for row in street.ledger().values()}
    quarantine = {
        message: kept.body or b"" for (_, message), kept in street.store.quarantine.items()
    }
    counts = hold_to_account(sent, files, states, quarantine)
    assert counts["stored"] >= len(good) + 300
    assert counts["quarantined"] >= 300
    assert street.queue.messages == ()
    assert street.queue.dead_letters == []


def test_while_large_bodies_are_decoded_one_by_one_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    street = Street()
    filling = "[" * 40_000 + "]" * 40_000
    for n in range(8):
        street.send(f"evt_{n}", odd="DEEP")
    bodies = [street.sent[f"evt_{n}"].replace('"DEEP"', filling) for n in range(8)]
    street.queue = MemoryQueue(street.clock)
    for body in bodies:
        street.queue.send(body)
    turns: list[int] = []
    seen: list[int] = []

    def watched(body: str, known: Catalog) -> Event | Rejected:
        seen.append(len(turns))
        asyncio.get_running_loop().call_soon(turns.append, len(seen))
        return decode(body, known)

    monkeypatch.setattr(intake, "decode", watched)
    street.drain()
    assert len(street.lake.objects) == 8
    assert seen == list(range(8))
