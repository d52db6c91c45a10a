"""A secret that is empty, and one that is mended: no restart, no crash loop, no flood."""

import asyncio
import json
import signal
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest

from benchling_connector.database.connection import open_engine
from benchling_connector.domain.queue_url import one_form
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET
from tests.acceptance.platform import Registry
from tests.acceptance.world import World, ended, line_with, stored_once
from tests.aws import SESSION, make_queue

OPENER = build_opener(ProxyHandler({}))


async def get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    def ask() -> tuple[int, dict[str, Any]]:
        try:
            with OPENER.open(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)

    return await asyncio.to_thread(ask)


def the_empty_places(world: World) -> dict[str, tuple[Path, dict[str, str], Path, str, str]]:
    """By name: the configuration, the environment, the file to mend, its new text, its name."""
    secret_file = world.home / "secret"
    config = world.home / "connector.yaml"
    good = f"{DEFAULT_CLIENT_SECRET}\n"
    whole = config.with_name("whole.yaml")
    whole.write_text(world.write().read_text())
    mended = whole.read_text()
    variable = "BENCHLING_CONNECTOR_CLIENT_SECRET"
    return {
        "file of its own": (config, {}, secret_file, good, str(secret_file)),
        "environment's file": (
            config,
            {f"{variable}_FILE": str(secret_file)},
            secret_file,
            good,
            str(secret_file),
        ),
        "configuration": (config, {}, config, mended, str(config)),
        "key without a value": (config, {}, config, mended, str(config)),
        "environment": (config, {variable: " "}, config, mended, variable),
    }


@pytest.mark.parametrize(
    "place",
    [
        "file of its own",
        "environment's file",
        "configuration",
        "key without a value",
        "environment",
    ],
)
async def test_it_waits_for_an_empty_secret_and_begins_when_it_is_there(
    world: World, place: str
) -> None:
    events = list(islice(world.tenant.activity(), 5))
    await world.publish(events)
    config, environment, to_mend, text, name = the_empty_places(world)[place]
    secret_file = world.home / "secret"
    secret_file.write_text("\n")
    world.write(
        client_secret="" if place == "configuration" else None,
        client_secret_file=str(secret_file) if place == "file of its own" else None,
        http_port=0,
    )
    if place == "key without a value":
        with config.open("a") as file:
            file.write("client_secret:\n")
    process = await world.start("run", "-c", str(config), "--drain", "1", **environment)
    port = (await line_with(process, "status.served"))["port"]
    said = await line_with(process, "secret.awaited")
    assert said["code"] == "client-secret-missing"
    assert name in said["sentence"]
    assert said["remedy"]
    status, health = await get(port, "/healthz")
    assert (status, health["health"], health["code"]) == (
        200,
        "CRITICAL",
        "client-secret-missing",
    )
    status, ready = await get(port, "/readyz")
    assert (status, ready["ready"]) == (503, False)
    assert await world.queue.counts() == (5, 0, 0)
    assert world.tenant.stats.total == 0

    to_mend.write_text(text)

    await line_with(process, "secret.found")
    run = await ended(process)
    assert run.status == 0, run.stderr
    assert stored_once(world.files()) == {event.id for event in events}


async def test_waiting_is_said_once_and_a_mistake_made_while_mending_is_told(world: World) -> None:
    path = world.write(client_secret="")
    process = await world.start("run", "-c", str(path))
    await line_with(process, "secret.awaited", code="client-secret-missing")
    with path.open("a") as file:
        file.write("client_secert: x\n")
    # The very next line of it: nothing is repeated while nothing changes.
    line = await line_with(process, "secret.awaited")
    assert line["code"] == "configuration-invalid"
    assert "client_secret" in line["sentence"]
    world.write()
    await line_with(process, "secret.found")
    await line_with(process, "engine.started")
    process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_waiting(world: World, number: int) -> None:
    process = await world.start("run", "-c", str(world.write(client_secret="")))
    await line_with(process, "secret.awaited")
    process.send_signal(number)
    run = await ended(process)
    assert run.status == 0, run.stderr
    said = [line["action"] for line in run.log]
    assert "process.stopping" in said
    assert not any(action.startswith(("secret.", "connector.", "engine.")) for action in said)


async def test_a_worker_that_waits_for_its_secret_is_seen_and_steered(world: World) -> None:
    process = await world.start("run", "-c", str(world.write(client_secret="", connector_id="c-1")))
    await line_with(process, "worker.wanted", mode="RUNNING")
    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    registry = Registry(engine)
    waiting = await registry.worker("c-1", started_by="hand", pid=process.pid)
    report = json.loads(waiting["report"])
    assert (report["health"], report["code"]) == ("CRITICAL", "client-secret-missing")
    asked = await registry.send("c-1", "TetraScience.Connector.ListCustomCommands")
    assert (await registry.ended(asked))["status"] == "SUCCESS"

    await registry.want("c-1", "IDLE")
    await line_with(process, "worker.wanted", mode="IDLE")
    world.write(connector_id="c-1")
    await line_with(process, "secret.found")
    await world.publish([world.tenant.emit("v2.entry.created")])
    await registry.want("c-1", "DISABLED")
    assert (await ended(process)).status == 0
    assert (world.files(), world.tenant.stats.total) == ([], 0)
    await engine.dispose()


async def test_what_is_changed_with_the_secret_holds_but_for_where_it_lives(world: World) -> None:
    async with SESSION.create_client("sqs", **world.aws.client_arguments()) as client:
        other = await make_queue(client)
    path = world.write(client_secret="", connector_id="c-1")
    process = await world.start("run", "-c", str(path))
    await line_with(process, "secret.awaited", code="client-secret-missing")
    world.write(connector_id="c-1", data_dir=str(world.home / "elsewhere"))
    said = await line_with(process, "secret.awaited")
    assert (said["code"], "data_dir" in said["sentence"]) == ("configuration-invalid", True)

    world.write(connector_id="c-1", sqs_url=other.url)
    await line_with(process, "secret.found")
    await line_with(process, "engine.started")
    engine = open_engine(f"sqlite:///{world.home}/data/connector.db")
    assert (await Registry(engine).connector("c-1"))["queue"] == one_form(other.url)
    await engine.dispose()
    process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0
    assert not (world.home / "elsewhere").exists()


async def test_check_tells_of_an_empty_secret_and_tests_the_rest(world: World) -> None:
    path = world.write(client_secret="")
    told = await world.program("check", "-c", str(path), "--json")
    assert told.status == 3
    items = {item["name"]: item for item in told.document()["items"]}
    assert items["configuration"]["status"] == "failed"
    assert items["configuration"]["code"] == "client-secret-missing"
    assert str(path) in items["configuration"]["summary"]
    assert {n for n, one in items.items() if one["status"] == "skipped"} == {
        "benchling-token",
        "benchling-read",
        "clock",
    }
    assert items["queue-receive"]["status"] == items["lake"]["status"] == "passed"


async def test_a_rotated_secret_is_taken_from_its_file_without_a_restart(world: World) -> None:
    tenant = world.tenant
    first = list(islice(tenant.activity(), 5))
    await world.publish(first)
    secret_file = world.home / "secret"
    secret_file.write_text(DEFAULT_CLIENT_SECRET)
    config = world.write(client_secret=None, client_secret_file=str(secret_file), http_port=0)
    process = await world.start("run", "-c", str(config))
    port = (await line_with(process, "status.served"))["port"]
    await line_with(process, "file.stored")

    tenant.tokens.register(tenant.client_id, "a-new-secret")
    tenant.tokens.revoke_all()
    asked_before = tenant.stats.calls["POST /api/v2/token"]
    second = list(islice(tenant.activity(), 5))
    await world.publish(second)
    failed = await line_with(process, "dependency.failed", dependency="benchling")
    assert failed["code"] == "benchling-credentials-refused"
    _, health = await get(port, "/healthz")
    assert (health["health"], health["code"]) == ("CRITICAL", "benchling-credentials-refused")
    assert (await get(port, "/readyz"))[0] == 503

    loop = asyncio.get_running_loop()
    began = loop.time()
    while tenant.stats.calls["POST /api/v2/token"] < asked_before + 4:
        await asyncio.sleep(0.1)
    # After pauses of 2, 4 and 8 s, of which at least the half is waited.
    assert loop.time() - began > 2

    secret_file.write_text("")  # as it is for a moment while somebody writes
    secret_file.write_text("a-new-secret\n")
    mended = loop.time()
    await line_with(process, "credentials.renewed")
    await line_with(process, "dependency.works", dependency="benchling")
    assert loop.time() - mended < 30  # what is promised
    while len(stored_once(world.files())) < 10:
        await asyncio.sleep(0.1)
    assert (await get(port, "/readyz"))[0] == 200
    process.send_signal(signal.SIGTERM)
    run = await ended(process)
    assert run.status == 0, run.stderr
    assert stored_once(world.files()) == {event.id for event in [*first, *second]}
    # Four refused, those while it was mended, and the one that was given.
    assert tenant.stats.calls["POST /api/v2/token"] <= asked_before + 7


async def test_new_credentials_of_another_tenant_are_not_sent_to_the_old_one(world: World) -> None:
    tenant = world.tenant
    config = world.write()
    process = await world.start("run", "-c", str(config))
    await line_with(process, "engine.started")
    world.write(benchling_url="https://other.acme.test", client_secret="the-others-secret")
    tenant.tokens.register(tenant.client_id, "the-others-secret")  # it would be accepted
    tenant.tokens.revoke_all()
    await world.publish([tenant.emit("v2.entry.created")])
    await line_with(process, "dependency.failed", code="benchling-credentials-refused")
    calls = tenant.stats.calls
    while calls["POST /api/v2/token"] < 4:
        await asyncio.sleep(0.1)
    issued = tenant.tokens.issued
    process.send_signal(signal.SIGTERM)
    run = await ended(process)
    assert run.status == 0
    assert issued == 1
    assert "credentials.renewed" not in run.stderr
