"""A browser's part without a browser, on a platform of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.test_access import browsing
from tests.ledger_homes import empty_sqlite
from tests.people import People

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def people_url(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of one kind: what pages ask for, the services' own tests ask of either database."""
    template = tmp_path_factory.getbasetemp() / "ledger.db"
    return await empty_sqlite(template, tmp_path / "connector.db")


@pytest.fixture
async def client(people: People) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(people) as made:
        made.headers.update(PAGE)
        yield made
