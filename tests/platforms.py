"""A platform for tests: its services on a real database, with a clock and identities of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import insert, select

from benchling_connector.adapters.ledger import SqlLedgerReader, SqlQuarantine
from benchling_connector.database.platform_tables import audit, tokens
from benchling_connector.database.tables import workers
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.connectors import ConnectorView, NewConnector
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.keys import KeyPlace, ensure_key
from benchling_connector.platform.outward import Outside
from benchling_connector.platform.services import Services, open_services
from benchling_connector.platform.tokens import hash_token
from tests.ledgers import NOON
from tests.watched import Outbox

ANN = Caller("ann@lab-7", Way.CLI, Role.ADMIN)

CONFIGURATION: dict[str, object] = {
    "benchling_url": "https://acme.benchling.com",
    "client_id": "app-1",
    "client_secret": "hunter2-hunter2",
    "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/benchling-events",
    "aws_region": "us-east-1",
}
SECRET = "hunter2-hunter2"


@dataclass
class Time:
    """The platform's clock, which only a test moves."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **some: float) -> None:
        """Lets time pass: `seconds=5`."""
        self.at += timedelta(**some)


@dataclass
class Platform:
    """Services, and what a test looks at and does beside them."""

    url: str
    services: Services
    time: Time
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def desk(self) -> Desk:
        """The desk of all services."""
        return self.services.desk

    async def connector(self, name: str = "lab", **more: object) -> ConnectorView:
        """A new connector."""
        return await self.services.registry.create(ANN, NewConnector(name, **more))  # type: ignore[arg-type]

    async def configured(self, name: str = "lab", **more: object) -> ConnectorView:
        """A new connector with a configuration."""
        made = await self.connector(name)
        given = {**CONFIGURATION, **more}
        await self.services.configurations.save(ANN, made.connector_id, given)
        return await self.services.registry.get(made.connector_id)

    async def worker(self, connector_id: str, **more: object) -> str:
        """A worker that has just been heard of."""
        worker_id = f"w{next(self.numbers)}"
        row = {
            "worker_id": worker_id,
            "connector_id": connector_id,
            "host": "lab-7",
            "pid": 7,
            "started_at": self.time(),
            "lease_until": self.time(),
            "seen_at": self.time(),
        }
        async with self.desk.writing() as connection:
            await connection.execute(insert(workers).values(**{**row, **more}))
        return worker_id

    async def token(self, role: Role | None, connector_id: str | None = None) -> str:
        """A token of this role, or of a connector."""
        token = f"bct_{role or connector_id}"
        async with self.desk.writing() as connection:
            await connection.execute(
                insert(tokens).values(
                    token_id=token,
                    name=f"{role or 'connector'}-token",
                    token_hash=hash_token(token),
                    role="connector" if role is None else role.value,
                    connector_id=connector_id,
                    created_at=self.time(),
                    created_by="test",
                )
            )
        return token

    async def audited(self) -> list[str]:
        """The actions in the audit, in order."""
        async with self.desk.reading() as connection:
            rows = await connection.scalars(select(audit.c.action).order_by(audit.c.number))
            return list(rows)


@asynccontextmanager
async def opened_platform(url: str, folder: Path) -> AsyncIterator[Platform]:
    """A platform on a database that has its tables."""
    time, ids = Time(), count(1)
    place = KeyPlace(folder / "platform.key")
    outside = Outside(SqlLedgerReader, SqlQuarantine, Outbox())
    async with open_services(
        url, now=time, new_id=lambda: f"id-{next(ids):04}", key_place=place, outside=outside
    ) as services:
        await ensure_key(services.desk, place)
        yield Platform(url, services, time)
