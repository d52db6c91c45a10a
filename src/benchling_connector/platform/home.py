"""The connectors' home in the database: what one worker of one connector asks and tells it.

What it finds there: `configurations.content` is a JSON object of keys and values, `.secrets` one
of keys and their ciphertexts. A command's `body` is JSON; `secrets` is one ciphertext, of a JSON
object of keys and values that belong into the object `config` in the body.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.database.base import INSERT
from benchling_connector.database.connection import reading, writing
from benchling_connector.database.platform_tables import commands, configurations, jobs, samples
from benchling_connector.database.tables import connectors, workers
from benchling_connector.domain.commands import Command, CommandStatus, JobStatus
from benchling_connector.domain.errors import ConfigurationError, FieldProblem, InvalidConfiguration
from benchling_connector.domain.lifecycle import Mode
from benchling_connector.domain.records import storable
from benchling_connector.platform.beats import WorkerProcess, write_beat
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.keeping import tidy
from benchling_connector.platform.samples import Samples
from benchling_connector.ports import Beat, Situation

__all__ = ["DatabaseHome", "Decrypt"]

RAW_SAMPLE_S = 10
"""What a sample stands for, in seconds, as it was measured."""

KEEP_EVERY = timedelta(minutes=1)
"""So often samples are summed up, and old ones forgotten."""

WAITING = (CommandStatus.CREATED.value, CommandStatus.PENDING.value)

Decrypt = Callable[[str, str, str], str]
"""A secret from its ciphertext, whom it belongs to (the connector's ID), and its name: the key, or
`command` and the command's ID. Raises `ConfigurationError`."""

_WAITING = (
    select(commands.c.command_id)
    .where(
        commands.c.ended_at.is_(None),
        commands.c.connector_id == bindparam("connector"),
        commands.c.status.in_(WAITING),
        commands.c.expires_at > bindparam("now"),
    )
    .order_by(commands.c.created_at, commands.c.command_id)
)


_SITUATION = select(
    connectors.c.mode,
    connectors.c.config_version,
    connectors.c.log_level,
    connectors.c.deleted_at,
    select(commands.c.command_id)
    .where(
        commands.c.ended_at.is_(None),
        commands.c.connector_id == bindparam("connector"),
        commands.c.status.in_(WAITING),
    )
    .exists()
    .label("has_commands"),
).where(connectors.c.connector_id == bindparam("connector"))


class DatabaseHome:
    """Implements `ports.Home`. The engine stays the caller's, who closes it."""

    def __init__(
        self,
        engine: AsyncEngine,
        connector_id: str,
        worker: WorkerProcess,
        *,
        decrypt: Decrypt,
        new_id: Callable[[], str],
    ) -> None:
        self._engine = engine
        self._connector_id = connector_id
        self._worker = worker
        self._decrypt = decrypt
        self._new_id = new_id
        self._kept_at: datetime | None = None

    async def situation(self) -> Situation:
        """See `ports.Home`. A connector that was deleted is DISABLED."""
        async with reading(self._engine) as connection:
            found = await connection.execute(_SITUATION, {"connector": self._connector_id})
            row = found.one_or_none()
        if row is None or row.deleted_at is not None:
            return Situation(Mode.DISABLED, None, None)
        return Situation(Mode(row.mode), row.config_version, row.log_level, bool(row.has_commands))

    async def configuration(self, version: int) -> Mapping[str, object]:
        """See `ports.Home`."""
        query = (
            select(configurations.c.content, configurations.c.secrets, connectors.c.name)
            .join(connectors, connectors.c.connector_id == configurations.c.connector_id)
            .where(
                configurations.c.connector_id == self._connector_id,
                configurations.c.version == version,
            )
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            problem = f"The database has no version {version} of it."
            raise InvalidConfiguration([FieldProblem("configuration", problem, "Save it again.")])
        secrets = {
            key: self._decrypt(sealed, self._connector_id, key)
            for key, sealed in json.loads(row.secrets).items()
        }
        return {"connector_name": row.name, **json.loads(row.content), **secrets}

    async def set_log_level(self, level: str) -> None:
        """See `ports.Home`."""
        async with writing(self._engine, urgent=True) as connection:
            await connection.execute(
                update(connectors)
                .where(connectors.c.connector_id == self._connector_id)
                .values(log_level=level)
            )

    async def beat(self, beat: Beat, now: datetime) -> None:
        """See `ports.Home`. The lease of its claims is the ledger's: it is never cut short."""
        async with writing(self._engine, urgent=True) as connection:
            await write_beat(connection, self._connector_id, self._worker, beat, now)

    async def leave(self, now: datetime) -> None:
        """See `ports.Home`."""
        async with writing(self._engine, urgent=True) as connection:
            await connection.execute(
                update(workers)
                .where(workers.c.worker_id == self._worker.worker_id)
                .values(ended_at=now, seen_at=now)
            )

    async def sample(self, values: Mapping[str, float], now: datetime) -> None:
        """See `ports.Home`."""
        async with writing(self._engine, urgent=True) as connection:
            made = INSERT[connection.dialect.name](samples).values(
                connector_id=self._connector_id,
                resolution=RAW_SAMPLE_S,
                at=now,
                worker_id=self._worker.worker_id,
                content=json.dumps(dict(values)),
            )
            await connection.execute(made.on_conflict_do_nothing())

    async def tidy(self, now: datetime) -> None:
        """See `ports.Home`."""
        await tidy(self._engine, now, self._worker.is_gone, self._connector_id)
        if self._kept_at is None or now - self._kept_at >= KEEP_EVERY:
            self._kept_at = now
            await Samples(Desk(self._engine, lambda: now, self._new_id)).keep(self._connector_id)

    async def take(self, now: datetime) -> Sequence[Command]:
        """See `ports.Home`. Nothing is written while nothing waits.

        A command whose secrets cannot be decrypted is answered here: it failed.
        """
        which = {"connector": self._connector_id, "now": now}
        async with reading(self._engine) as connection:
            waiting = (await connection.scalars(_WAITING, which)).all()
        if not waiting:
            return ()
        async with writing(self._engine, urgent=True) as connection:
            # Whoever has locked a command takes it.
            free = _WAITING.with_for_update(skip_locked=True)
            ids = (await connection.scalars(free, which)).all()
            taken = await connection.execute(
                update(commands)
                .where(commands.c.command_id.in_(ids))
                .values(
                    status=CommandStatus.PROCESSING.value,
                    worker_id=self._worker.worker_id,
                    started_at=now,
                )
                .returning(commands)
            )
            rows = sorted(
                taken.mappings().all(), key=lambda row: (row["created_at"], row["command_id"])
            )
        readable = []
        for row in rows:
            try:
                readable.append(self._command(row))
            except ConfigurationError as error:
                why = {"code": error.code, "error": error.sentence}
                await self.answer(row["command_id"], CommandStatus.FAILURE, why, now)
        return tuple(readable)

    async def answer(
        self, command_id: str, status: CommandStatus, answer: object, now: datetime
    ) -> None:
        """See `ports.Home`."""
        async with writing(self._engine, urgent=True) as connection:
            await self._end(connection, command_id, now, status=status.value, answer=_json(answer))

    async def begin_job(self, kind: str, command: Command, total: int | None, now: datetime) -> str:
        """See `ports.Home`."""
        job_id = self._new_id()
        async with writing(self._engine, urgent=True) as connection:
            await connection.execute(
                insert(jobs).values(
                    job_id=job_id,
                    connector_id=self._connector_id,
                    kind=kind,
                    status=JobStatus.RUNNING.value,
                    done=0,
                    total=total,
                    worker_id=self._worker.worker_id,
                    created_at=now,
                    created_by=command.created_by,
                    updated_at=now,
                )
            )
            await self._end(
                connection,
                command.command_id,
                now,
                status=CommandStatus.SUCCESS.value,
                answer=_json({"jobId": job_id}),
                job_id=job_id,
            )
        return job_id

    async def progress(
        self,
        job_id: str,
        now: datetime,
        *,
        done: int,
        total: int | None = None,
        message: str | None = None,
        status: JobStatus = JobStatus.RUNNING,
        answer: object = None,
    ) -> None:
        """See `ports.Home`."""
        ended = status is not JobStatus.RUNNING
        async with writing(self._engine, urgent=True) as connection:
            await connection.execute(
                update(jobs)
                .where(jobs.c.job_id == job_id, jobs.c.ended_at.is_(None))
                .values(
                    status=status.value,
                    done=done,
                    total=func.coalesce(total, jobs.c.total),
                    message=None if message is None else storable(message),
                    answer=None if answer is None else _json(answer),
                    updated_at=now,
                    ended_at=now if ended else None,
                )
            )

    async def _end(
        self, connection: AsyncConnection, command_id: str, now: datetime, **values: object
    ) -> None:
        await connection.execute(
            update(commands)
            .where(
                commands.c.command_id == command_id,
                commands.c.status == CommandStatus.PROCESSING.value,
                commands.c.worker_id == self._worker.worker_id,
            )
            .values(ended_at=now, secrets=None, **values)
        )

    def _command(self, row: RowMapping) -> Command:
        body = None if row["body"] is None else json.loads(row["body"])
        if row["secrets"] is not None and isinstance(body, dict):
            name = f"command {row['command_id']}"
            secrets = json.loads(self._decrypt(row["secrets"], self._connector_id, name))
            body = {**body, "config": {**(body.get("config") or {}), **secrets}}
        return Command(
            command_id=row["command_id"],
            connector_id=row["connector_id"],
            action=row["action"],
            body=body,
            status=CommandStatus(row["status"]),
            created_at=row["created_at"],
            created_by=row["created_by"],
            expires_at=row["expires_at"],
            worker_id=row["worker_id"],
            started_at=row["started_at"],
        )


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False))
