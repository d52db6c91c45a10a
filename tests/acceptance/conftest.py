"""The world that acceptance tests stand in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import Tenant
from tests.acceptance.in_process import Program
from tests.acceptance.world import World
from tests.aws import Queue
from tests.people import quick_hashes  # noqa: F401 - fixtures


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
