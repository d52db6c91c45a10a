"""A platform's services on a real database, with a clock that a test owns."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from argon2 import PasswordHasher

from benchling_connector.database.connection import writing
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.audit import AuditFilter, AuditRecord
from benchling_connector.platform import passwords as passwords_module
from benchling_connector.platform.keys import KeyPlace
from benchling_connector.platform.services import Services, open_services
from benchling_connector.platform.trying import TriedItem
from tests.ledger_homes import empty_postgres, empty_sqlite
from tests.ledgers import NOON

ROOT = Caller("root@lab", Way.CLI, Role.ADMIN)
PASSWORD = "four words in a row"


async def untried(_: Mapping[str, object]) -> Sequence[TriedItem]:
    """For apps that test no configuration."""
    return ()


@dataclass
class Clock:
    """Stands until it is moved."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def move(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class People:
    """The services, and what a test needs beside them."""

    url: str
    services: Services
    clock: Clock = field(default_factory=Clock)

    async def audit(self) -> list[AuditRecord]:
        """All entries, oldest first."""
        return [one async for one in self.services.audit.export(AuditFilter())]

    async def actions(self) -> list[str]:
        return [one.action for one in await self.audit()]

    async def run(self, *statements: str) -> None:
        """As somebody would who owns the database."""
        async with writing(self.services.desk.engine) as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")


@asynccontextmanager
async def people_on(url: str, clock: Clock | None = None) -> AsyncIterator[People]:
    """Services on a database, as a process has them."""
    clock, numbers = clock or Clock(), itertools.count(1)
    with TemporaryDirectory() as folder:
        opening = open_services(
            url,
            now=clock.now,
            new_id=lambda: f"id-{next(numbers)}",
            key_place=KeyPlace(Path(folder) / "platform.key"),
            may_make=True,
        )
        async with opening as services:
            yield People(url, services, clock)


KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))]


@pytest.fixture(params=KINDS)
async def people_url(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A new database of either kind."""
    if request.param == "postgresql":
        return await empty_postgres(request.getfixturevalue("postgres"))
    template = tmp_path_factory.getbasetemp() / "ledger.db"
    return await empty_sqlite(template, tmp_path / "connector.db")


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real argon2 hashes, made with less work: a test makes many."""
    real = PasswordHasher

    def quick() -> PasswordHasher:
        return real(time_cost=1, memory_cost=32)

    monkeypatch.setattr(passwords_module, "PasswordHasher", quick)


@pytest.fixture
async def people(people_url: str, quick_hashes: None) -> AsyncIterator[People]:
    """A platform on either database."""
    async with people_on(people_url) as made:
        yield made
