"""Homes of one connector, in memory and in the two databases: the same tests run in each."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.adapters.memory.home import HomeStore, MemoryHome
from benchling_connector.database.connection import reading, writing
from benchling_connector.database.identity import connector_identity
from benchling_connector.database.platform_tables import commands, configurations, jobs
from benchling_connector.database.tables import connectors
from benchling_connector.domain.commands import Command, CommandStatus, Job, JobStatus
from benchling_connector.domain.lifecycle import Mode
from benchling_connector.platform.beats import WorkerProcess
from benchling_connector.platform.home import DatabaseHome
from benchling_connector.ports import Beat, Home
from tests.ledgers import NOON

IDLING = Beat(Mode.IDLE, None, '{"health": "N/A"}')


def a_command(
    command_id: str,
    action: str = "TetraScience.Connector.Start",
    body: object = None,
    *,
    created_at: datetime = NOON,
    expires_at: datetime = NOON + timedelta(minutes=10),
) -> Command:
    """One that nobody has taken yet."""
    return Command(
        command_id, "c1", action, body, CommandStatus.PENDING, created_at, "ann", expires_at
    )


class House(Protocol):
    """The home of connector `c1`, and what others than its workers do there."""

    def worker(self, worker_id: str = "w1") -> Home:
        """As one worker sees it."""
        ...

    async def want(
        self, mode: Mode, version: int | None = None, log_level: str | None = None
    ) -> None:
        """Changes what is wanted."""
        ...

    async def configure(self, version: int, content: dict[str, object]) -> None:
        """Saves a configuration."""
        ...

    async def send(self, command: Command) -> None:
        """Sends a command."""
        ...

    async def command(self, command_id: str) -> Command:
        """A command as it stands."""
        ...

    async def job(self, job_id: str) -> Job:
        """A job as it stands."""
        ...

    def kill(self, worker_id: str) -> None:
        """From now on the process of this worker is known to be gone."""
        ...


@dataclass
class MemoryHouse:
    """In memory."""

    store: HomeStore = field(default_factory=HomeStore)

    def worker(self, worker_id: str = "w1") -> MemoryHome:
        """See `House`."""
        return MemoryHome(self.store, worker_id)

    async def want(
        self, mode: Mode, version: int | None = None, log_level: str | None = None
    ) -> None:
        """See `House`."""
        self.store.situation = replace(
            self.store.situation, mode=mode, config_version=version, log_level=log_level
        )

    async def configure(self, version: int, content: dict[str, object]) -> None:
        """See `House`."""
        self.store.configurations[version] = content

    async def send(self, command: Command) -> None:
        """See `House`."""
        self.store.commands[command.command_id] = command

    async def command(self, command_id: str) -> Command:
        """See `House`."""
        return self.store.commands[command_id]

    async def job(self, job_id: str) -> Job:
        """See `House`."""
        return self.store.jobs[job_id]

    def kill(self, worker_id: str) -> None:
        """See `House`."""
        self.store.workers[worker_id].is_gone = True


@dataclass
class SqlHouse:
    """In a database."""

    engine: AsyncEngine
    gone: set[str] = field(default_factory=set)

    async def build(self) -> None:
        """Makes the connector."""
        await connector_identity(self.engine, "c1", "benchling", NOON, str)

    def worker(self, worker_id: str = "w1") -> DatabaseHome:
        """See `House`."""
        process = WorkerProcess(
            worker_id,
            "lab-7",
            4711,
            f"process-of-{worker_id}",
            "hand",
            "1.0",
            self.gone.__contains__,
        )
        return DatabaseHome(self.engine, "c1", process, decrypt=unsealed, new_id=lambda: "job-1")

    async def want(
        self, mode: Mode, version: int | None = None, log_level: str | None = None
    ) -> None:
        """See `House`."""
        async with writing(self.engine) as connection:
            await connection.execute(
                update(connectors).values(
                    mode=mode.value, config_version=version, log_level=log_level
                )
            )

    async def configure(self, version: int, content: dict[str, object]) -> None:
        """See `House`. Secrets are sealed as `unsealed` opens them."""
        secrets = {
            key: f"sealed c1 {key} {value}"
            for key, value in content.items()
            if key == "client_secret"
        }
        plain = {key: value for key, value in content.items() if key not in secrets}
        async with writing(self.engine) as connection:
            await connection.execute(
                insert(configurations).values(
                    connector_id="c1",
                    version=version,
                    created_at=NOON,
                    created_by="ann",
                    content=json.dumps(plain),
                    secrets=json.dumps(secrets),
                    fingerprints="{}",
                )
            )

    async def send(self, command: Command) -> None:
        """See `House`. A secret in the body's configuration is sealed beside it."""
        body, sealed = command.body, None
        if isinstance(body, dict) and "client_secret" in body.get("config", {}):
            config = dict(body["config"])
            secret = json.dumps({"client_secret": config.pop("client_secret")})
            body = {**body, "config": config}
            sealed = f"sealed c1 command {command.command_id} {secret}"
        async with writing(self.engine) as connection:
            await connection.execute(
                insert(commands).values(
                    command_id=command.command_id,
                    connector_id="c1",
                    action=command.action,
                    body=None if body is None else json.dumps(body),
                    secrets=sealed,
                    status=command.status.value,
                    created_at=command.created_at,
                    created_by=command.created_by,
                    expires_at=command.expires_at,
                )
            )

    async def command(self, command_id: str) -> Command:
        """See `House`."""
        async with reading(self.engine) as connection:
            query = select(commands).where(commands.c.command_id == command_id)
            row = (await connection.execute(query)).mappings().one()
        values = {key: row[key] for key in Command.__dataclass_fields__}
        values["status"] = CommandStatus(row["status"])
        for key in ("body", "answer"):
            values[key] = json.loads(row[key]) if row[key] else None
        return Command(**values)

    async def job(self, job_id: str) -> Job:
        """See `House`."""
        async with reading(self.engine) as connection:
            row = (await connection.execute(select(jobs).where(jobs.c.job_id == job_id))).mappings()
            values = dict(row.one())
        values["status"] = JobStatus(values["status"])
        values["answer"] = json.loads(values["answer"]) if values["answer"] else None
        return Job(**values)

    def kill(self, worker_id: str) -> None:
        """See `House`."""
        self.gone.add(f"process-of-{worker_id}")


def unsealed(sealed: str, owner: str, name: str) -> str:
    """Opens what `SqlHouse` has sealed, if it is asked for by owner and name."""
    prefix = f"sealed {owner} {name} "
    assert sealed.startswith(prefix)
    return sealed.removeprefix(prefix)
