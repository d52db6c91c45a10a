"""The places that a ledger may be in: what is promised holds in each of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ledger_homes import Home, MemoryHome, empty_postgres, empty_sqlite, sql_home
from tests.people import people, people_url, quick_hashes  # noqa: F401 - fixtures
from tests.platforms import Platform, opened_platform
from tests.watched import Watched, open_watched

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
async def url(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Of an empty database of each kind."""
    if request.param == "sqlite":
        template = tmp_path_factory.getbasetemp() / "ledger.db"
        return await empty_sqlite(template, tmp_path / "connector.db")
    return await empty_postgres(request.getfixturevalue("postgres"))


@pytest.fixture
async def platform(url: str, tmp_path: Path) -> AsyncIterator[Platform]:
    async with opened_platform(url, tmp_path) as made:
        yield made


@pytest.fixture
async def watched(url: str, tmp_path: Path) -> AsyncIterator[Watched]:
    """The platform that looks after connectors, and time that the test owns."""
    async with open_watched(url, tmp_path) as made:
        yield made
