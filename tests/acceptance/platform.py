"""What others than a worker do to a platform's database, and what can be seen there."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.database.connection import reading, writing
from benchling_connector.database.platform_tables import commands, configurations
from benchling_connector.database.tables import connectors, workers

PATIENCE_S = 60.0


async def until(claim: Callable[[], Awaitable[Any]]) -> Any:
    """Waits until something is so, and gives what it is."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await claim()):
            await asyncio.sleep(0.1)
    return found


def is_running(pid: int) -> bool:
    """Whether a process of this ID is there, and is no zombie."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        return stat.rpartition(b")")[2].split()[0] != b"Z"
    return False


@dataclass(frozen=True, slots=True)
class Registry:
    """The rows that a registry writes, and those that workers do."""

    engine: AsyncEngine

    async def create(self, connector_id: str, *, mode: str = "IDLE", host: str = "cloud") -> None:
        """A new connector."""
        async with writing(self.engine) as connection:
            await connection.execute(
                insert(connectors).values(
                    connector_id=connector_id,
                    name=f"Name of {connector_id}",
                    created_at=datetime.now(UTC),
                    mode=mode,
                    host=host,
                )
            )

    async def configure(self, connector_id: str, version: int, content: dict[str, Any]) -> None:
        """A version of its configuration, which holds from now on."""
        async with writing(self.engine) as connection:
            await connection.execute(
                insert(configurations).values(
                    connector_id=connector_id,
                    version=version,
                    created_at=datetime.now(UTC),
                    created_by="ann",
                    content=json.dumps(content),
                    secrets="{}",
                    fingerprints="{}",
                )
            )
            await connection.execute(
                update(connectors)
                .where(connectors.c.connector_id == connector_id)
                .values(config_version=version)
            )

    async def want(self, connector_id: str, mode: str) -> None:
        """Its mode."""
        async with writing(self.engine) as connection:
            await connection.execute(
                update(connectors)
                .where(connectors.c.connector_id == connector_id)
                .values(mode=mode)
            )

    async def send(self, connector_id: str, action: str, body: object = None) -> str:
        """A command's ID."""
        command_id, now = str(uuid4()), datetime.now(UTC)
        async with writing(self.engine) as connection:
            await connection.execute(
                insert(commands).values(
                    command_id=command_id,
                    connector_id=connector_id,
                    action=action,
                    body=json.dumps(body),
                    status="PENDING",
                    created_at=now,
                    created_by="ann",
                    expires_at=now + timedelta(minutes=10),
                )
            )
        return command_id

    async def connector(self, connector_id: str) -> dict[str, Any]:
        """Its row."""
        query = select(connectors).where(connectors.c.connector_id == connector_id)
        async with reading(self.engine) as connection:
            return dict((await connection.execute(query)).mappings().one())

    async def command(self, command_id: str) -> dict[str, Any]:
        """Its row."""
        query = select(commands).where(commands.c.command_id == command_id)
        async with reading(self.engine) as connection:
            return dict((await connection.execute(query)).mappings().one())

    async def ended(self, command_id: str) -> dict[str, Any]:
        """The row of a command, as soon as it has ended."""

        async def has_ended() -> dict[str, Any] | None:
            row = await self.command(command_id)
            return row if row["ended_at"] is not None else None

        found: dict[str, Any] = await until(has_ended)
        return found

    async def workers(self, connector_id: str) -> list[dict[str, Any]]:
        """The workers whose processes run on this machine, oldest first."""
        query = select(workers).where(workers.c.connector_id == connector_id)
        async with reading(self.engine) as connection:
            rows = await connection.execute(query.order_by(workers.c.started_at))
            return [dict(row) for row in rows.mappings() if is_running(row["pid"])]

    async def worker(self, connector_id: str, **fields: object) -> dict[str, Any]:
        """The one worker that runs, as soon as it has said all this of itself."""

        async def is_there() -> dict[str, Any] | None:
            rows = await self.workers(connector_id)
            return rows[0] if len(rows) == 1 and fields.items() <= rows[0].items() else None

        found: dict[str, Any] = await until(is_there)
        return found

    async def nobody_works(self, connector_id: str) -> None:
        """Returns as soon as no worker runs."""

        async def nobody() -> bool:
            return not await self.workers(connector_id)

        await until(nobody)

    async def kill_all(self) -> None:
        """Ends whatever workers a test has left."""
        async with reading(self.engine) as connection:
            rows = (await connection.execute(select(workers.c.pid))).scalars().all()
        for pid in rows:
            if is_running(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
