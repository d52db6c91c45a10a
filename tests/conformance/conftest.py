"""The places that a ledger may be in: what is promised holds in each of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ledger_homes import Home, MemoryHome, empty_postgres, empty_sqlite, sql_home
from tests.platforms import Platform, opened_platform

KINDS = [
    "memory",
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql")),
]


@pytest.fixture(params=KINDS)
async def home(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Home]:
    if request.param == "memory":
        yield MemoryHome()
        return
    if request.param == "sqlite":
        template = tmp_path_factory.getbasetemp() / "ledger.db"
        url = await empty_sqlite(template, tmp_path / "connector.db")
    else:
        url = await empty_postgres(request.getfixturevalue("postgres"))
    async with sql_home(url) as made:
        yield made


@pytest.fixture(params=KINDS[1:])
async def platform(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    if request.param == "sqlite":
        template = tmp_path_factory.getbasetemp() / "ledger.db"
        url = await empty_sqlite(template, tmp_path / "connector.db")
    else:
        url = await empty_postgres(request.getfixturevalue("postgres"))
    async with opened_platform(url, tmp_path) as made:
        yield made
