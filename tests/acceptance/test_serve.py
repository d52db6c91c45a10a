"""`serve` keeps workers running, as real processes, whoever is killed."""

import asyncio
import json
import os
import signal
from dataclasses import replace
from itertools import islice
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import upgrade
from tests.acceptance.platform import Registry, is_running, until
from tests.acceptance.test_worker import content, files_of
from tests.acceptance.world import World, ended, line_with, stored_once
from tests.aws import SESSION, make_queue


async def served(world: World, *more: str, **environment: str) -> asyncio.subprocess.Process:
    """`serve`, in the folder of the world."""
    home = str(world.home / "data")
    return await world.start("serve", "--data-dir", home, "--http-port", "0", *more, **environment)


async def serving(world: World, database_url: str) -> asyncio.subprocess.Process:
    return await served(world, "--database-url", database_url)


async def another(registry: Registry, pid: int) -> dict[str, Any]:
    """The worker that runs in place of the process that this was."""

    async def is_there() -> dict[str, Any] | None:
        rows = [row for row in await registry.workers("c-1") if row["pid"] != pid]
        return rows[0] if rows else None

    found: dict[str, Any] = await until(is_there)
    return found


async def test_it_runs_a_worker_that_works_and_starts_it_again_when_it_is_killed(
    world: World, database_url: str, registry: Registry
) -> None:
    async with SESSION.create_client("sqs", **world.aws.client_arguments()) as client:
        # Short, so that what was in flight comes back soon.
        here = replace(world, queue=await make_queue(client, visibility_timeout=5))
        await _killed_and_started_again(here, database_url, registry)


async def _killed_and_started_again(world: World, database_url: str, registry: Registry) -> None:
    await registry.create("c-1")
    await registry.configure("c-1", 1, content(world))
    platform = await serving(world, database_url)
    first = await registry.worker("c-1", mode="IDLE", started_by="supervisor")
    await registry.want("c-1", "RUNNING")
    events = list(islice(world.tenant.activity(), 60))
    await world.publish(events)
    await files_of(world, 10)

    os.kill(first["pid"], signal.SIGKILL)

    async def trouble() -> Any:
        return (await registry.connector("c-1"))["trouble"]

    told = json.loads(await until(trouble))
    assert told["code"] == "worker-failing"
    assert "by the signal SIGKILL" in told["sentence"]
    await another(registry, first["pid"])
    await files_of(world, 60)
    assert stored_once(world.files()) == {event.id for event in events}

    async def no_trouble() -> bool:
        return (await registry.connector("c-1"))["trouble"] is None

    await until(no_trouble)
    platform.send_signal(signal.SIGTERM)
    assert (await ended(platform)).status == 0
    assert await registry.workers("c-1") == []
    log = (world.home / "data" / "logs" / "c-1.log").read_text()
    assert '"action": "engine.stopped"' in log


async def test_killed_its_workers_go_on_and_the_next_one_keeps_them(
    world: World, database_url: str, registry: Registry
) -> None:
    await registry.create("c-1")
    await registry.configure("c-1", 1, content(world))
    await registry.want("c-1", "RUNNING")
    platform = await serving(world, database_url)
    worker = await registry.worker("c-1", mode="RUNNING")
    platform.kill()
    await ended(platform)
    await world.publish([world.tenant.emit("v2.entry.created")])
    await files_of(world, 1)

    again = await serving(world, database_url)
    leads = await line_with(again, "supervisor.leads")
    assert leads["inherited"] is True
    adopted = await line_with(again, "worker.adopted")
    assert adopted["worker_id"] == worker["worker_id"]
    os.kill(worker["pid"], signal.SIGKILL)
    second = await another(registry, worker["pid"])
    await registry.worker("c-1", pid=second["pid"], started_by="supervisor")

    await registry.want("c-1", "DISABLED")
    await registry.nobody_works("c-1")
    await registry.want("c-1", "IDLE")
    await registry.worker("c-1", mode="IDLE")
    again.send_signal(signal.SIGTERM)
    assert (await ended(again)).status == 0
    assert await registry.workers("c-1") == []


async def test_it_keeps_away_from_a_standalone_connector_that_somebody_runs_by_hand(
    world: World, database_url: str, registry: Registry
) -> None:
    await registry.create("c-1", host="standalone")
    await registry.configure("c-1", 1, content(world))
    platform = await serving(world, database_url)
    own = await registry.worker("c-1", started_by="supervisor")
    by_hand = await world.start(
        *("run", "--connector-id", "c-1", "--data-dir", str(world.home / "data")),
        BENCHLING_CONNECTOR_DATABASE_URL=database_url,
    )
    await another(registry, own["pid"])
    await registry.worker("c-1", started_by="hand", pid=by_hand.pid)
    assert not is_running(own["pid"])
    by_hand.send_signal(signal.SIGTERM)
    assert (await ended(by_hand)).status == 0
    platform.send_signal(signal.SIGTERM)
    assert (await ended(platform)).status == 0


async def test_a_worker_that_cannot_start_is_not_started_over_and_over(world: World) -> None:
    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    await upgrade(engine)
    registry = Registry(engine)
    await registry.create("c-1")
    site = world.home / "site"
    site.mkdir()
    # In place of the library by which a worker gives itself its title.
    (site / "setproctitle.py").write_text(
        "import sys\n\n\ndef setproctitle(title):\n"
        "    if ' run ' in title: sys.exit('the disk is on fire')\n"
    )
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    platform = await served(world, PYTHONPATH=path)
    pauses = [(await line_with(platform, "worker.failed"))["again_after_seconds"] for _ in range(3)]
    assert pauses == [1.0, 2.0, 4.0]

    async def trouble() -> Any:
        return (await registry.connector("c-1"))["trouble"]

    told = json.loads(await until(trouble))
    assert "with status 1" in told["sentence"]
    assert "the disk is on fire" in told["sentence"]
    platform.send_signal(signal.SIGTERM)
    assert (await ended(platform)).status == 0
    await engine.dispose()


async def test_of_two_on_one_database_one_keeps_the_workers(world: World) -> None:
    first = await served(world)
    await line_with(first, "supervisor.leads")
    second = await served(world)
    await line_with(second, "platform.served")
    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    registry = Registry(engine)
    await registry.create("c-1")
    worker = await registry.worker("c-1", mode="IDLE")
    first.send_signal(signal.SIGTERM)
    assert (await ended(first)).status == 0
    leads = await line_with(second, "supervisor.leads")
    assert leads["inherited"] is False
    assert (await another(registry, worker["pid"]))["started_by"] == "supervisor"
    second.send_signal(signal.SIGTERM)
    assert (await ended(second)).status == 0
    await engine.dispose()


async def test_a_worker_that_hangs_is_killed_when_it_ends(world: World) -> None:
    platform = await served(world)
    await line_with(platform, "supervisor.leads")
    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    registry = Registry(engine)
    await registry.create("c-1")
    worker = await registry.worker("c-1", started_by="supervisor")
    os.kill(worker["pid"], signal.SIGSTOP)
    platform.send_signal(signal.SIGTERM)
    assert (await ended(platform)).status == 0
    assert not is_running(worker["pid"])
    await engine.dispose()


async def test_it_says_where_it_answers_and_warns_when_that_is_not_only_here(
    world: World,
) -> None:
    platform = await served(world, "--http-host", "0.0.0.0")
    url = (await line_with(platform, "platform.served"))["url"]
    port = url.rpartition(":")[2]

    def get(path: str) -> tuple[int, Any]:
        try:
            with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            return error.code, json.loads(error.read())

    assert await asyncio.to_thread(get, "/healthz") == (200, {"health": "HEALTHY"})
    assert await asyncio.to_thread(get, "/readyz") == (200, {"ready": True})
    assert (await asyncio.to_thread(get, "/nowhere"))[0] == 404
    platform.send_signal(signal.SIGTERM)
    told = await ended(platform)
    assert told.status == 0
    assert '"action": "platform.listens_wide"' in told.stderr


async def test_a_port_that_is_taken_is_told(world: World) -> None:
    first = await served(world)
    port = (await line_with(first, "platform.served"))["url"].rpartition(":")[2]
    home = str(world.home / "other")
    told = await world.program("serve", "--data-dir", home, "--http-port", port)
    assert told.status == 3
    assert f"port {port} of 127.0.0.1 cannot be used" in told.stderr
    first.send_signal(signal.SIGTERM)
    assert (await ended(first)).status == 0
