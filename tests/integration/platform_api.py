"""The platform's real app for tests, with tokens of every role, spoken to as from outside."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import upgrade
from benchling_connector.domain.access import Role
from benchling_connector.platform.trying import TriedItem
from benchling_connector.web.app import make_app
from tests.platforms import Platform, opened_platform

__all__ = ["CONNECTORS", "Api", "LiveTests", "opened_api"]

CONNECTORS = "/v1/data-acquisition/connectors"


@dataclass
class LiveTests:
    """Stands where the real services would be tested: notes what it is given."""

    given: list[Mapping[str, object]] = field(default_factory=list)
    items: Sequence[TriedItem] = (TriedItem("lake", passed=True, summary="Fine."),)

    async def __call__(self, given: Mapping[str, object]) -> Sequence[TriedItem]:
        self.given.append(given)
        return self.items


@dataclass
class Api:
    """The app, and who calls it."""

    platform: Platform
    client: httpx.AsyncClient
    live_tests: LiveTests

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        role: Role | None = Role.ADMIN,
        connector_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> httpx.Response:
        """An answer; as a role, as a connector, or as nobody if `role` is None."""
        known = dict(headers or {})
        if connector_id is not None:
            known["Authorization"] = f"Bearer bct_{connector_id}"
        elif role is not None:
            known["Authorization"] = f"Bearer bct_{role}"
        return await self.client.request(
            method,
            path,
            json=body,
            headers=known,
            **more,  # type: ignore[arg-type]
        )


@asynccontextmanager
async def opened_api(folder: Path, database_url: str | None = None) -> AsyncIterator[Api]:
    """The API over a new database: a SQLite file in the folder, unless another is named."""
    url = database_url or f"sqlite:///{folder / 'connector.db'}"
    engine = open_engine(url)
    await upgrade(engine)
    await engine.dispose()
    live_tests = LiveTests()
    async with opened_platform(url, folder) as platform:
        for role in Role:
            await platform.token(role)
        transport = httpx.ASGITransport(make_app(platform.services, live_tests))
        async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
            yield Api(platform, client, live_tests)
