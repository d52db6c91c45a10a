"""The real `serve` with a connector at work, and people who may do more or less."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from benchling_connector.domain.access import Role
from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import Tenant
from tests.acceptance.platform import until
from tests.acceptance.test_platform_story import CONNECTORS, Api, api, token_of
from tests.acceptance.world import World, ended, line_with
from tests.aws import SESSION, make_queue

__all__ = ["PASSWORD", "Town", "opened_town"]

PASSWORD = "four words in a row"
NAMES: Mapping[Role, str] = {Role.VIEWER: "vera", Role.OPERATOR: "otto", Role.ADMIN: "ada"}


@dataclass
class Town:
    """`connector_id` is at work and HEALTHY. `cookies` sign in, by role. `log`: what it says."""

    url: str
    place: tuple[str, ...]
    world: World
    script: Api
    connector_id: str
    cookies: dict[Role, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    async def connector(self, name: str) -> str:
        """A new connector's ID."""
        made = await self.script.ask(
            "POST",
            CONNECTORS,
            {"name": name, "connectorType": "benchling", "hostType": "standalone"},
            status=201,
        )
        return str(made["id"])


@asynccontextmanager
async def opened_town(aws: EmbeddedAws, folder: Path) -> AsyncIterator[Town]:
    """All of it, for as long as the block; it ends by SIGTERM, and without a fault in its log."""
    tenant = Tenant(seed=7)
    async with (
        SESSION.create_client("sqs", **aws.client_arguments()) as client,
        TenantServer(tenant) as server,
    ):
        world = World(tenant, server.url, aws, await make_queue(client), folder)
        place = ("--data-dir", str(folder / "data"))
        token = await token_of(world, place)
        process = await world.start("serve", *place, "--http-port", "0")
        url = (await line_with(process, "platform.served"))["url"]
        async with api(url, token) as script:
            town = Town(url, place, world, script, await _at_work(world, script))
            reading = asyncio.create_task(_read(process, town.log))
            try:
                for role in Role:
                    town.cookies[role] = await _person(url, script, role)
                yield town
            finally:
                process.send_signal(signal.SIGTERM)
                await reading
                assert (await ended(process)).status == 0
        assert not [line for line in town.log if "request.failed" in line or '"error"' in line]


async def _at_work(world: World, script: Api) -> str:
    made = await script.ask(
        "POST",
        CONNECTORS,
        {
            "name": "Assays, Basel",
            "connectorType": "benchling",
            "hostType": "local",
            "description": "All of the assay lab.",
            "labels": [{"name": "site", "value": "Basel"}],
            "metadata": {"owner": "ada"},
            "tags": ["assay"],
        },
        status=201,
    )
    connector_id = str(made["id"])
    keys = {key: value for key, value in world.settings().items() if key != "data_dir"}
    path = f"{CONNECTORS}/{connector_id}"
    await script.ask("PUT", f"{path}/config", {"config": keys, "reason": "first"})
    await script.ask("PUT", f"{path}/status", {"status": "RUNNING"})
    await world.publish(islice(world.tenant.activity(), 20))

    async def uploaded() -> bool:
        stats = await script.ask("GET", f"{path}/files/stats")
        return bool(stats["success"])

    await script.is_so(connector_id, operatingStatus="RUNNING", health="HEALTHY")
    await until(uploaded)
    return connector_id


async def _person(url: str, script: Api, role: Role) -> str:
    """Makes an account; the secret of a session of its."""
    body: dict[str, Any] = {"name": NAMES[role], "role": role, "password": PASSWORD}
    await script.ask("POST", "/v1/accounts", body, status=201)
    async with httpx.AsyncClient(base_url=url) as client:
        credentials = {"name": NAMES[role], "password": PASSWORD}
        answer = await client.post("/v1/session", json=credentials)
        return client.cookies["benchling-session"] if answer.is_success else answer.text


async def _read(process: asyncio.subprocess.Process, log: list[str]) -> None:
    """A pipe that nobody reads would fill up and hold the process."""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        log.append(line.decode())
