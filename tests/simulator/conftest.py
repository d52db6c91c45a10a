"""A tenant, its server, and a client with a good token."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.answers import Answer, Call
from benchling_connector.simulator.api import TenantApi
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET, Tenant

FAMILIES = list(catalog().families)
EVENT_TYPES = list(catalog().event_types)


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self, now: float = 1_780_000_000.25) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Asker:
    """Calls the API without a socket, with a token of its own."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.api = TenantApi(tenant)
        self.token = self.new_token()

    def new_token(self, secret: str = DEFAULT_CLIENT_SECRET) -> str:
        form = f"grant_type=client_credentials&client_id={self.tenant.client_id}"
        body = f"{form}&client_secret={secret}".encode()
        answer = self.api.answer(Call("POST", "/api/v2/token", body=body))
        return str(json.loads(answer.body).get("access_token", ""))

    def get(self, path: str, **query: str) -> Answer:
        return self.api.answer(Call("GET", path, query, f"Bearer {self.token}"))

    def json(self, path: str, **query: str) -> Any:
        answer = self.get(path, **query)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tenant(clock: Clock) -> Tenant:
    """Three resources of every family."""
    return Tenant(seed=5, resources=3 * len(FAMILIES), clock=clock)


@pytest.fixture
def ask(tenant: Tenant) -> Asker:
    return Asker(tenant)


@pytest.fixture
async def server(tenant: Tenant) -> AsyncIterator[TenantServer]:
    async with TenantServer(tenant) as running:
        yield running


@pytest.fixture
async def client(server: TenantServer, ask: Asker) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {ask.token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        yield session
