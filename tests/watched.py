"""The platform on each database, with a clock that the test owns, and rows that workers write."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from benchling_connector.adapters.ledger import SqlLedgerReader, SqlQuarantine
from benchling_connector.database.tables import connectors, workers
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.channels import Address
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.notices import Notice
from benchling_connector.platform.keys import KeyPlace, ensure_key
from benchling_connector.platform.outward import Outside
from benchling_connector.platform.services import Services, open_services
from tests.ledgers import NOON

ADMIN = Caller("ada", Way.CLI, Role.ADMIN)


class OwnedClock:
    """It stands still until the test moves it."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Outbox:
    """Takes notices, unless it is told to fail."""

    sent: list[tuple[Address, Notice]] = field(default_factory=list)
    failing: bool = False

    async def __call__(self, address: Address, notice: Notice) -> None:
        if self.failing:
            raise TransientError("alert-not-delivered", "nobody there")
        self.sent.append((address, notice))

    def told(self) -> list[tuple[str, str]]:
        """What was told, and of which code."""
        return [(notice.what.value, notice.code) for _, notice in self.sent]


@dataclass
class Watched:
    """The services on one database."""

    services: Services
    clock: OwnedClock
    outbox: Outbox

    async def connector(self, connector_id: str = "c1", **values: Any) -> None:
        """A connector, made now, RUNNING unless said else."""
        row = {"connector_id": connector_id, "name": f"name of {connector_id}"}
        async with self.services.desk.writing() as connection:
            await connection.execute(
                insert(connectors).values({**row, "created_at": self.clock.now(), **values})
            )

    async def change(self, connector_id: str = "c1", **values: Any) -> None:
        """As somebody else would."""
        async with self.services.desk.writing() as connection:
            which = connectors.c.connector_id == connector_id
            await connection.execute(update(connectors).where(which).values(values))

    async def worker(self, worker_id: str = "w1", connector_id: str = "c1", **values: Any) -> None:
        """A worker that begins now, and says that it is HEALTHY and RUNNING."""
        now = self.clock.now()
        row = {
            "worker_id": worker_id,
            "connector_id": connector_id,
            "host": "here",
            "pid": 1,
            "started_at": now,
            "lease_until": now,
            "seen_at": now,
            "started_by": "supervisor",
            "mode": "RUNNING",
            "report": json.dumps({"health": "HEALTHY"}),
        }
        async with self.services.desk.writing() as connection:
            await connection.execute(insert(workers).values({**row, **values}))

    async def says(self, health: str, code: str | None = None, worker_id: str = "w1") -> None:
        """A worker's heartbeat."""
        now = self.clock.now()
        report = {"health": health, "code": code, "since": now.isoformat()}
        async with self.services.desk.writing() as connection:
            await connection.execute(
                update(workers)
                .where(workers.c.worker_id == worker_id)
                .values(seen_at=now, report=json.dumps(report))
            )

    async def measured(self, worker_id: str = "w1", connector_id: str = "c1", **values: float):
        """A sample of a worker, now."""
        await self.services.samples.write(connector_id, worker_id, values, self.clock.now())

    async def look(self) -> list[tuple[str, str]]:
        """What is told when the platform looks after its connectors: what and code."""
        before = len(self.outbox.sent)
        await self.services.outward.watching.look()
        return self.outbox.told()[before:]


@asynccontextmanager
async def open_watched(database_url: str, folder: Path) -> AsyncIterator[Watched]:
    """On a database, which is made if it is not there; the key is in the folder."""
    clock, outbox, made = OwnedClock(), Outbox(), iter(range(1, 1 << 30))
    outside = Outside(SqlLedgerReader, SqlQuarantine, outbox)
    async with open_services(
        database_url,
        now=clock.now,
        new_id=lambda: f"id-{next(made):06}",
        key_place=KeyPlace(folder / "platform.key"),
        may_make=True,
        outside=outside,
    ) as services:
        await ensure_key(services.desk, services.key_place)
        yield Watched(services, clock, outbox)
