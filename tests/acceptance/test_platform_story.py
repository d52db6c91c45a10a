"""A connector's life on the platform as a script sees it: over HTTP, with real processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import httpx

from tests.acceptance.platform import until
from tests.acceptance.test_worker import files_of
from tests.acceptance.world import World, ended, line_with, stored_once
from tests.aws import SESSION, make_queue

CONNECTORS = "/v1/data-acquisition/connectors"


@dataclass
class Api:
    """Somebody with a token."""

    client: httpx.AsyncClient

    async def ask(
        self, method: str, path: str, body: object = None, *, status: int = 200, **headers: str
    ) -> Any:
        answer = await self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def connector(self, connector_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("GET", f"{CONNECTORS}/{connector_id}")
        return found

    async def is_so(self, connector_id: str, **wanted: object) -> dict[str, Any]:
        """Waits until the connector is shown so."""

        async def look() -> dict[str, Any] | None:
            found = await self.connector(connector_id)
            return found if wanted.items() <= found.items() else None

        found: dict[str, Any] = await until(look)
        return found

    async def workers(self, connector_id: str) -> list[dict[str, Any]]:
        """Those that are ONLINE."""
        found = await self.ask("GET", f"/v1/connectors/{connector_id}/workers")
        return [one for one in found["workers"] if one["network"] == "ONLINE"]

    async def carried_out(self, connector_id: str, action: str, body: object) -> dict[str, Any]:
        """A command's end."""
        sent = await self.ask(
            "POST",
            "/v1/commands",
            {"targetId": connector_id, "action": action, "body": body},
            status=201,
        )

        async def look() -> dict[str, Any] | None:
            found: dict[str, Any] = await self.ask("GET", f"/v1/commands/{sent['commandId']}")
            return found if found["status"] not in ("CREATED", "PENDING", "PROCESSING") else None

        found: dict[str, Any] = await until(look)
        return found


@asynccontextmanager
async def served(
    world: World, place: tuple[str, ...]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`serve`, and its address; it may be killed within the block."""
    process = await world.start("serve", *place, "--http-port", "0")
    try:
        yield process, (await line_with(process, "platform.served"))["url"]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            assert (await ended(process)).status == 0


async def token_of(world: World, place: tuple[str, ...]) -> str:
    told = await world.program(
        "tokens", "create", "--name", "script", "--role", "admin", "--json", *place
    )
    assert told.status == 0, told.stderr
    return str(told.document()["token"])


@asynccontextmanager
async def api(url: str, token: str) -> AsyncIterator[Api]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        yield Api(client)


async def test_it_is_created_configured_started_killed_stopped_and_deleted(
    world: World, place: tuple[str, ...]
) -> None:
    async with SESSION.create_client("sqs", **world.aws.client_arguments()) as client:
        # Short, so that what was in flight comes back soon.
        here = replace(world, queue=await make_queue(client, visibility_timeout=5))
        await _a_whole_life(here, place)


async def _a_whole_life(world: World, place: tuple[str, ...]) -> None:
    token = await token_of(world, place)
    events = list(islice(world.tenant.activity(), 90))
    async with served(world, place) as (platform, url), api(url, token) as script:
        made = await script.ask(
            "POST",
            CONNECTORS,
            {"name": "lab", "connectorType": "benchling", "hostType": "cloud"},
            status=201,
        )
        connector_id = made["id"]
        assert (made["operatingStatus"], made["health"]) == ("IDLE", "N/A")
        await script.is_so(connector_id, networkStatus="ONLINE", health="N/A")

        keys = {key: value for key, value in world.settings().items() if key != "data_dir"}
        path = f"{CONNECTORS}/{connector_id}"
        tried = await script.ask("POST", f"{path}/config-check", {"config": keys}, status=201)
        assert tried["valid"], tried
        assert {one["passed"] for one in tried["items"]} == {True}
        saved = await script.ask("PUT", f"{path}/config", {"config": keys, "reason": "first"})
        assert saved["version"] == 1
        answer = await script.ask("PUT", f"{path}/status", {"status": "RUNNING"})
        assert answer == {"status": "RUNNING"}
        await script.is_so(connector_id, operatingStatus="RUNNING", health="HEALTHY")

        await world.publish(events[:30])
        await files_of(world, 30)
        stats = await script.ask("GET", f"{path}/files/stats")
        assert stats["success"] == stats["total"] > 0
        listed = await script.carried_out(
            connector_id, "TetraScience.Connector.ListCustomCommands", None
        )
        assert listed["status"] == "SUCCESS"

        # The worker is killed at work, and then the platform.
        await world.publish(events[30:])
        (worker,) = await script.workers(connector_id)
        os.kill(worker["pid"], signal.SIGKILL)
        platform.kill()
        await ended(platform)

    async with served(world, place) as (_, url), api(url, token) as script:
        await script.is_so(connector_id, operatingStatus="RUNNING", networkStatus="ONLINE")
        await files_of(world, 90)
        assert stored_once(world.files()) == {event.id for event in events}
        await script.is_so(connector_id, health="HEALTHY")

        assert await script.ask("PUT", f"{path}/status", {"status": "IDLE"}) == {"status": "IDLE"}
        await resting(lambda: script.workers(connector_id))
        await script.ask("DELETE", path, status=409)
        await script.ask("PUT", f"{path}/status", {"status": "DISABLED"})
        await script.is_so(connector_id, networkStatus="OFFLINE", health="N/A")
        await script.ask("DELETE", path, status=204)
        await script.ask("GET", path, status=404)
    assert len(world.files()) > 0
    checked = await world.program("audit", "verify", "--json", *place)
    assert checked.status == 0, checked.stdout


async def resting(workers: Callable[[], Awaitable[list[dict[str, Any]]]]) -> None:
    """Waits until all that is left of the workers does nothing."""

    async def look() -> bool:
        found = await workers()
        return bool(found) and {one["mode"] for one in found} == {"IDLE"}

    await until(look)
