"""Of several supervisors on one database one leads, in both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from benchling_connector.database.connection import open_engine, writing
from benchling_connector.database.tables import connectors, workers
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.leading import Leadership
from benchling_connector.platform.roster import read_roster
from tests.conformance.conftest import KINDS
from tests.ledger_homes import empty_postgres, empty_sqlite
from tests.ledgers import at


class Now:
    """The time, which the test owns."""

    def __init__(self) -> None:
        self.time = at(0)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture(params=KINDS[1:])
async def desk(
    request: pytest.FixtureRequest,
    now: Now,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Desk]:
    if request.param == "sqlite":
        template = tmp_path_factory.getbasetemp() / "ledger.db"
        url = await empty_sqlite(template, tmp_path / "connector.db")
    else:
        url = await empty_postgres(request.getfixturevalue("postgres"))
    engine = open_engine(url)
    yield Desk(engine, now, str)
    await engine.dispose()


def one(desk: Desk, name: str, gone: set[str] | None = None) -> Leadership:
    return Leadership(desk, name, f"process-of-{name}", (gone or set()).__contains__)


async def test_one_leads_for_as_long_as_it_prolongs_its_lease(desk: Desk, now: Now) -> None:
    first, second = one(desk, "a"), one(desk, "b")
    assert await first.hold()
    assert not await second.hold()
    now.time = at(14)
    assert await first.hold()
    now.time = at(28)
    assert not await second.hold()
    now.time = at(29)
    assert await second.hold()
    assert second.inherited
    assert not await first.hold()


async def test_who_gives_up_leaves_nothing_to_inherit(desk: Desk) -> None:
    first, second = one(desk, "a"), one(desk, "b")
    await first.hold()
    await first.give_up()
    assert await second.hold()
    assert not second.inherited


async def test_nobody_gives_up_what_another_holds(desk: Desk) -> None:
    first, second = one(desk, "a"), one(desk, "b")
    await first.hold()
    await second.give_up()
    assert not await second.hold()


async def test_whose_process_is_gone_does_not_lead_any_more(desk: Desk) -> None:
    second = one(desk, "b", {"process-of-a"})
    await one(desk, "a").hold()
    assert await second.hold()
    assert second.inherited


async def test_of_many_that_come_at_once_one_leads(desk: Desk) -> None:
    held = await asyncio.gather(*(one(desk, str(number)).hold() for number in range(8)))
    assert held.count(True) == 1


async def connector(desk: Desk, connector_id: str, **more: object) -> None:
    values = {"mode": "IDLE", "host": "standalone", "type": "benchling", **more}
    async with writing(desk.engine) as connection:
        await connection.execute(
            insert(connectors).values(
                connector_id=connector_id, name=connector_id, created_at=at(0), **values
            )
        )


async def worker(desk: Desk, connector_id: str, **more: object) -> None:
    values = {"started_by": "supervisor", "seen_at": at(0), "host": "here", **more}
    async with writing(desk.engine) as connection:
        await connection.execute(
            insert(workers).values(
                worker_id=f"w-of-{connector_id}",
                connector_id=connector_id,
                pid=1,
                process=f"process-of-{connector_id}",
                started_at=at(0),
                lease_until=at(0),
                **values,
            )
        )


async def wanted(desk: Desk) -> set[str]:
    entries = await read_roster(desk, "here", lambda _: False)
    return {entry.connector_id for entry in entries if entry.wanted}


async def test_a_process_is_wanted_for_whatever_is_enabled_and_lives_here(desk: Desk) -> None:
    await connector(desk, "new")
    await connector(desk, "running", mode="RUNNING", config_version=1)
    await connector(desk, "in-the-cloud", host="cloud")
    await connector(desk, "disabled", mode="DISABLED")
    await connector(desk, "of-another-kind", type="agilent")
    await connector(desk, "deleted", deleted_at=at(0))
    assert await wanted(desk) == {"new", "running", "in-the-cloud"}


async def test_what_was_never_created_but_run_is_left_alone(desk: Desk) -> None:
    await connector(desk, "run", mode="RUNNING")
    assert await wanted(desk) == set()


async def test_where_somebody_ran_a_standalone_connector_by_hand_it_lives(desk: Desk) -> None:
    await connector(desk, "standalone")
    await connector(desk, "hub", host="hub")
    for connector_id in ("standalone", "hub"):
        await worker(desk, connector_id, started_by="hand", ended_at=at(0))
    assert await wanted(desk) == {"hub"}


async def test_workers_of_another_supervisor_are_seen_for_as_long_as_they_live(
    desk: Desk, now: Now
) -> None:
    await connector(desk, "c")
    await worker(desk, "c")

    async def seen(gone: str = "") -> list[str]:
        (entry,) = await read_roster(desk, "here", lambda name: name == gone)
        return [one.worker_id for one in entry.seen]

    assert await seen() == ["w-of-c"]
    assert await seen(gone="process-of-c") == []
    now.time = at(91)
    assert await seen() == []
    now.time = at(10)
    async with writing(desk.engine) as connection:
        await connection.execute(update(workers).values(ended_at=at(5)))
    assert await seen() == []
