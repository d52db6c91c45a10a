"""The platform's own probes, through the real app on a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from benchling_connector.platform.keys import KeyPlace
from benchling_connector.platform.services import open_services
from benchling_connector.web.app import make_app
from tests.people import untried
from tests.postgres import Postgres

pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture
async def client(postgres: Postgres, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    opening = open_services(
        await postgres.make_database(),
        now=lambda: datetime.now(UTC),
        new_id=str,
        key_place=KeyPlace(tmp_path / "platform.key"),
        may_make=True,
    )
    async with opening as services:
        transport = httpx.ASGITransport(make_app(services, untried))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as made:
            yield made


async def test_it_lives_and_is_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"health": "HEALTHY"}
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True})


async def test_it_lives_but_is_not_ready_while_the_database_is_away(
    client: httpx.AsyncClient, postgres: Postgres
) -> None:
    postgres.stop()
    try:
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
    finally:
        postgres.start()
    assert (ready.status_code, ready.json()["code"]) == (503, "database-failing")
    assert (await client.get("/readyz")).status_code == 200
