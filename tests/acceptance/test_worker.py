"""`run` under a home: what it does follows the database, in real processes."""

import asyncio
import json
import signal
import socket
from itertools import islice
from typing import Any
from urllib.request import ProxyHandler, build_opener

from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import upgrade
from tests.acceptance.platform import Registry, until
from tests.acceptance.world import World, ended, line_with, stored_once

WITHOUT_WORK = ("data_dir", "client_secret")


def content(world: World, **more: object) -> dict[str, Any]:
    """A configuration as it is saved on a platform; its secret stands in a file."""
    secret = world.home / "client-secret"
    secret.write_text(str(world.settings()["client_secret"]))
    settings = {key: value for key, value in world.settings().items() if key not in WITHOUT_WORK}
    return {**settings, "client_secret_file": str(secret), **more}


async def start(world: World, database_url: str) -> asyncio.subprocess.Process:
    """A worker of `c-1` that brings no configuration."""
    return await world.start(
        *("run", "--connector-id", "c-1", "--data-dir", str(world.home / "data")),
        BENCHLING_CONNECTOR_DATABASE_URL=database_url,
    )


async def files_of(world: World, count: int) -> None:
    async def are_there() -> bool:
        return len(stored_once(world.files())) >= count

    await until(are_there)


async def test_it_waits_is_configured_works_and_rests_as_the_database_says(
    world: World, database_url: str, registry: Registry
) -> None:
    await registry.create("c-1")
    process = await start(world, database_url)
    waiting = await registry.worker("c-1", mode="IDLE", config_version=None)
    assert json.loads(waiting["report"])["health"] == "N/A"
    assert (waiting["started_by"], waiting["pid"]) == ("hand", process.pid)

    events = list(islice(world.tenant.activity(), 30))
    await world.publish(events)
    await registry.configure("c-1", 1, content(world))
    await registry.worker("c-1", mode="IDLE", config_version=1)
    assert world.files() == []

    await registry.want("c-1", "RUNNING")
    await registry.worker("c-1", mode="RUNNING", config_version=1)
    await files_of(world, 30)
    assert {file["connector"]["name"] for file in world.files()} == {"Name of c-1"}

    await registry.configure("c-1", 2, content(world, events_per_file=1))
    await registry.worker("c-1", mode="RUNNING", config_version=2)
    await world.publish(more := list(islice(world.tenant.activity(), 5)))
    await files_of(world, 35)

    await registry.want("c-1", "IDLE")
    await registry.worker("c-1", mode="IDLE", config_version=2)
    await world.publish([world.tenant.emit("v2.entry.created")])
    stopped = await registry.send("c-1", "TetraScience.Connector.Stop")
    answered = await registry.ended(stopped)
    assert (answered["status"], json.loads(answered["answer"])) == ("SUCCESS", {"mode": "IDLE"})
    assert (answered["ended_at"] - answered["created_at"]).total_seconds() < 20  # 2 s, and a load
    assert (await world.queue.counts())[:2] == (1, 0)

    await registry.want("c-1", "DISABLED")
    told = await ended(process)
    assert told.status == 0, told.stderr
    assert "worker.disabled" in told.stderr
    assert stored_once(world.files()) == {event.id for event in [*events, *more]}


async def test_a_killed_worker_leaves_a_command_that_ends(
    world: World, database_url: str, registry: Registry
) -> None:
    await registry.create("c-1")
    # Nobody answers here: what is tested hangs.
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    await registry.configure("c-1", 1, content(world, benchling_url=f"http://127.0.0.1:{port}"))
    first = await start(world, database_url)
    worker = await registry.worker("c-1", config_version=1)
    hanging = await registry.send("c-1", "TetraScience.Connector.TestConfig", {})

    async def is_carried_out() -> bool:
        row = await registry.command(hanging)
        return bool(row["status"] == "PROCESSING" and row["worker_id"] == worker["worker_id"])

    await until(is_carried_out)
    first.kill()
    await ended(first)
    second = await start(world, database_url)
    row = await registry.ended(hanging)
    assert row["status"] == "FAILURE"
    assert json.loads(row["answer"])["code"] == "command-interrupted"
    second.send_signal(signal.SIGTERM)
    assert (await ended(second)).status == 0
    silent.close()


async def test_a_saved_configuration_that_does_not_open_is_critical_and_commands_are_answered(
    world: World, database_url: str, registry: Registry
) -> None:
    await registry.create("c-1", mode="RUNNING")
    await registry.configure("c-1", 1, content(world, sqs_url=world.queue.url + "-missing"))
    process = await start(world, database_url)

    async def is_critical() -> bool:
        rows = await registry.workers("c-1")
        return bool(rows) and json.loads(rows[0]["report"])["code"] == "queue-not-found"

    await until(is_critical)
    shown = await world.program(
        *("status", "--database-url", database_url, "--connector", "c-1", "--json")
    )
    assert shown.document()["connectors"][0]["health"] == "CRITICAL"
    listed = await registry.send("c-1", "TetraScience.Connector.ListCustomCommands")
    assert (await registry.ended(listed))["status"] == "SUCCESS"

    await registry.configure("c-1", 2, content(world))
    await world.publish([world.tenant.emit("v2.entry.created")])
    await files_of(world, 1)
    process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0


async def test_one_that_brought_its_own_configuration_takes_the_mode_of_the_database(
    world: World,
) -> None:
    config = world.write(connector_id="c-1")
    process = await world.start("run", "-c", str(config))
    await line_with(process, "engine.started")
    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    registry = Registry(engine)
    await registry.worker("c-1", mode="RUNNING", started_by="hand")
    refused = await registry.send("c-1", "TetraScience.Connector.UpdateConfig")
    assert (await registry.ended(refused))["status"] == "REJECTED"
    body = {"config": content(world, events_per_file=11)}
    tested = await registry.send("c-1", "TetraScience.Connector.TestConfig", body)
    verdict = json.loads((await registry.ended(tested))["answer"])
    assert [one["field"] for one in verdict["fields"]] == ["events_per_file"]
    body = {"config": content(world, sqs_url=world.queue.url + "-missing")}
    tested = await registry.send("c-1", "TetraScience.Connector.TestConfig", body)
    verdict = json.loads((await registry.ended(tested))["answer"])
    passed = {item["name"]: item["passed"] for item in verdict["items"]}
    assert verdict["valid"] is False
    assert passed["benchling-token"]
    assert not passed["queue-exists"]
    assert passed["database"]
    await registry.want("c-1", "IDLE")
    await registry.worker("c-1", mode="IDLE", config_version=None)
    await world.publish([world.tenant.emit("v2.entry.created")])
    process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0

    again = await world.start("run", "-c", str(config))
    await registry.worker("c-1", mode="IDLE")
    assert world.files() == []
    await registry.want("c-1", "RUNNING")
    await files_of(world, 1)
    again.send_signal(signal.SIGTERM)
    assert (await ended(again)).status == 0
    await engine.dispose()


async def test_probes_are_answered_while_nothing_is_configured(world: World) -> None:
    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    await upgrade(engine)
    await Registry(engine).create("c-1")
    process = await world.start(
        *("run", "--connector-id", "c-1", "--data-dir", str(world.home / "data")),
        *("--http-port", "0"),
    )
    port = (await line_with(process, "status.served"))["port"]

    def get(path: str) -> Any:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.read().decode()

    assert json.loads(await asyncio.to_thread(get, "/healthz"))["health"] == "N/A"
    assert json.loads(await asyncio.to_thread(get, "/readyz"))["ready"] is True
    assert "benchling_connector_health 0.0" in await asyncio.to_thread(get, "/metrics")
    process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0
    await engine.dispose()


async def test_a_connector_that_there_is_not_is_not_made_without_a_configuration(
    world: World,
) -> None:
    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    await upgrade(engine)
    await engine.dispose()
    home = str(world.home / "data")
    told = await world.program("run", "--connector-id", "c-9", "--data-dir", home)
    assert told.status == 3
    assert "knows no connector of the ID 'c-9'" in told.stderr
    nowhere = str(world.home / "nowhere")
    told = await world.program("run", "--connector-id", "c-9", "--data-dir", nowhere)
    assert told.status == 3
    assert not (world.home / "nowhere").exists()


async def test_a_worker_on_the_queue_of_another_connector_is_refused_before_it_takes_a_message(
    world: World,
) -> None:
    home = ("--data-dir", str(world.home / "data"))
    assert (await world.drain(connector_id="c-1")).status == 0
    await world.publish([world.tenant.emit("v2.entry.created")])
    second = str(world.write(connector_id="c-2"))
    told = await world.program("run", "-c", second, "--drain", "1")
    assert told.status == 3
    assert told.log[-1]["code"] == "queue-taken"
    for words in ("benchling (c-1) takes from this queue", "connectors delete c-1"):
        assert words in told.stderr
    assert (await world.queue.counts())[:2] == (1, 0)
    assert world.files() == []
    made = (await world.program("connectors", "create", "lab", "--json", *home)).document()
    config = str(world.write(data_dir=None))
    saved = await world.program("connectors", "configure", made["id"], "-c", config, *home)
    assert (saved.status, "c-1" in saved.stderr) == (1, True)

    for verb in ("disable", "delete"):
        assert (await world.program("connectors", verb, "c-1", *home)).status == 0
    told = await world.program("run", "-c", str(world.write(connector_id="c-2")), "--drain", "1")
    assert told.status == 0, told.stderr
    assert len(world.files()) == 1


async def test_a_worker_leaves_its_connector_the_name_that_the_platform_knows(
    world: World,
) -> None:
    home = ("--data-dir", str(world.home / "data"))
    made = (await world.program("connectors", "create", "lab", "--json", *home)).document()["id"]

    async def named(*flags: str) -> tuple[str, str]:
        """In the RAW file, and on the platform."""
        await world.publish([world.tenant.emit("v2.entry.created")])
        config = str(world.write(connector_id=made))
        process = await world.start("run", "-c", config, *flags)
        stored = await line_with(process, "file.stored")
        process.send_signal(signal.SIGTERM)
        assert (await ended(process)).status == 0
        shown = (await world.program("connectors", "show", made, "--json", *home)).document()
        (name,) = {
            one["connector"]["name"] for one in world.files() if one["fileId"] == stored["file_id"]
        }
        return name, shown["name"]

    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    await Registry(engine).want(made, "RUNNING")
    await engine.dispose()
    assert await named() == ("lab", "lab")
    assert await named("--connector-name", "office") == ("office", "office")
    assert await named() == ("office", "office")
    process = await world.start("run", "--connector-id", made, *home, "--connector-name", "bench")
    await line_with(process, "worker.wanted")
    process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0
    assert await named() == ("bench", "bench")
    entries = (await world.program("audit", "ls", "--json", *home)).document()["entries"]
    renames = [one["new"] for one in entries if one["action"] == "connector.edited"]
    assert renames == [{"name": "bench"}, {"name": "office"}]
    assert (await world.program("audit", "verify", *home)).status == 0
