"""The world that acceptance tests stand in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import upgrade
from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import Tenant
from tests.acceptance.in_process import Program
from tests.acceptance.platform import Registry
from tests.acceptance.world import World
from tests.aws import Queue
from tests.people import quick_hashes  # noqa: F401 - fixtures
from tests.postgres import Postgres

on_postgresql = pytest.mark.xdist_group("postgresql")


@pytest.fixture
async def world(aws: EmbeddedAws, queue: Queue, tmp_path: Path) -> AsyncIterator[World]:
    tenant = Tenant(seed=7)
    async with TenantServer(tenant) as server:
        yield World(tenant, server.url, aws, queue, tmp_path)
        assert tenant.stats.violations == []


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("COLUMNS", "200")
    return Program(capsys, monkeypatch)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=on_postgresql)])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a platform that nobody has used yet, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/connector.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return await postgres.make_database()


@pytest.fixture
async def registry(database_url: str) -> AsyncIterator[Registry]:
    """What others do to that platform's database."""
    engine = open_engine(database_url)
    await upgrade(engine)
    made = Registry(engine)
    yield made
    await made.kill_all()
    await engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=on_postgresql)])
async def place(request: pytest.FixtureRequest, world: World) -> tuple[str, ...]:
    """How the program is told where the platform is."""
    if request.param == "sqlite":
        return ("--data-dir", str(world.home / "data"))
    postgres: Postgres = request.getfixturevalue("postgres")
    home = str(world.home / "data")
    return ("--data-dir", home, "--database-url", await postgres.make_database())
