"""`status` shows what a running connector, and one that is gone, said of itself."""

import asyncio
import signal
from itertools import islice
from typing import Any

from benchling_connector.simulator.faults import FaultKind
from tests.acceptance.world import World, ended


async def shown(world: World) -> dict[str, Any]:
    """`status --json`, of the one connector."""
    told = await world.program("status", "--data-dir", str(world.home / "data"), "--json")
    assert told.status == 0, told.stderr
    (connector,) = told.document()["connectors"]
    return dict(connector)


async def test_a_running_connector_tells_its_health_and_what_waits_for_its_next_try(
    world: World,
) -> None:
    event = next(one for one in world.tenant.activity() if one.resource_id)
    others = list(islice(world.tenant.activity(), 20))
    world.tenant.faults.once(FaultKind.ERROR_500, resource_id=event.resource_id, times=1_000_000)
    await world.publish([event, *others])
    process = await world.start("run", "-c", str(world.write()))
    try:
        while not any(world.lake.rglob("*.json")):
            await asyncio.sleep(0.05)
        while True:
            now = await shown(world)
            if now["retrying"] and now["workers"][0]["counts"].get("stored"):
                break
            await asyncio.sleep(0.5)
            assert process.returncode is None
    finally:
        process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0

    assert now["network"] == "ONLINE"
    (worker,) = now["workers"]
    assert worker["pid"] == process.pid
    assert worker["network"] == "ONLINE"
    assert {row["part"] for row in worker["conditions"]} >= {"benchling", "queue", "lake"}
    assert now["events"]["retrying"] >= 1
    retrying = {row["eventId"]: row for row in now["retrying"]}[event.id]
    assert retrying["attempts"] >= 1
    assert retrying["nextAt"]
    assert "benchling-failing" in retrying["reason"]

    after = await shown(world)
    assert after["network"] == "OFFLINE"
    assert after["health"] == "N/A"
    assert [worker["health"] for worker in after["workers"]] == ["N/A"]
    listed = await world.program("events", "ls", "--data-dir", str(world.home / "data"))
    assert f"attempt {after['retrying'][0]['attempts']}, next at 2" in listed.stdout
    told = await world.program("status", "--data-dir", str(world.home / "data"))
    assert "no worker runs" in told.stdout
    assert event.id in told.stdout
