"""A connector's home in memory: the twin of the one in a database, for tests."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from benchling_connector.adapters.memory.faults import Faults
from benchling_connector.domain.commands import Command, CommandStatus, Job, JobStatus
from benchling_connector.domain.lifecycle import Mode, Network, network_of
from benchling_connector.ports import Beat, Situation

__all__ = ["HomeStore", "KnownWorker", "MemoryHome"]

WAITING = (CommandStatus.CREATED, CommandStatus.PENDING)


@dataclass(slots=True)
class KnownWorker:
    """What a worker said last."""

    beat: Beat
    seen_at: datetime
    ended_at: datetime | None = None
    is_gone: bool = False

    def is_away(self, now: datetime) -> bool:
        """Whether nobody has heard of it for too long, or it has ended."""
        return self.is_gone or network_of(self.seen_at, self.ended_at, now) is Network.OFFLINE


@dataclass(slots=True)
class HomeStore:
    """One connector's home, which its workers share."""

    connector_id: str = "c1"
    name: str = "benchling"
    situation: Situation = field(default_factory=lambda: Situation(Mode.IDLE, None, None))
    configurations: dict[int, Mapping[str, object]] = field(default_factory=dict)
    workers: dict[str, KnownWorker] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    samples: list[tuple[datetime, Mapping[str, float]]] = field(default_factory=list)
    keys: Iterator[int] = field(default_factory=itertools.count)


class MemoryHome:
    """The `Home` port in memory, for one worker; workers share a store.

    `faults` knows the methods by name; one that fails `after` has done its work.
    """

    def __init__(self, store: HomeStore, worker_id: str = "w1") -> None:
        self.store = store
        self._worker_id = worker_id
        self.faults = Faults()

    async def situation(self) -> Situation:
        """See `ports.Home`."""
        with self._struck("situation"):
            waiting = any(one.status in WAITING for one in self.store.commands.values())
            return replace(self.store.situation, has_commands=waiting)

    async def configuration(self, version: int) -> Mapping[str, object]:
        """See `ports.Home`."""
        with self._struck("configuration"):
            return {"connector_name": self.store.name, **self.store.configurations[version]}

    async def set_log_level(self, level: str) -> None:
        """See `ports.Home`."""
        with self._struck("set_log_level"):
            self.store.situation = replace(self.store.situation, log_level=level)

    async def beat(self, beat: Beat, now: datetime) -> None:
        """See `ports.Home`."""
        with self._struck("beat"):
            self.store.workers[self._worker_id] = KnownWorker(beat, now)

    async def leave(self, now: datetime) -> None:
        """See `ports.Home`."""
        with self._struck("leave"):
            known = self.store.workers.get(self._worker_id)
            if known is not None:
                known.ended_at = now

    async def sample(self, values: Mapping[str, float], now: datetime) -> None:
        """See `ports.Home`."""
        with self._struck("sample"):
            self.store.samples.append((now, values))

    async def tidy(self, now: datetime) -> None:
        """See `ports.Home`."""
        with self._struck("tidy"):
            for command in list(self.store.commands.values()):
                if command.status in WAITING and command.expires_at <= now:
                    self._change(command, status=CommandStatus.EXPIRED, ended_at=now)
                elif command.status is CommandStatus.PROCESSING and self._is_left(
                    command.worker_id, now
                ):
                    why = {"code": "command-interrupted"}
                    self._change(command, status=CommandStatus.FAILURE, ended_at=now, answer=why)
            for job in list(self.store.jobs.values()):
                if job.status is JobStatus.RUNNING and self._is_left(job.worker_id, now):
                    self.store.jobs[job.job_id] = replace(
                        job, status=JobStatus.FAILURE, ended_at=now
                    )

    async def take(self, now: datetime) -> Sequence[Command]:
        """See `ports.Home`."""
        with self._struck("take"):
            waiting = [
                command
                for command in self.store.commands.values()
                if command.status in WAITING and command.expires_at > now
            ]
            waiting.sort(key=lambda command: (command.created_at, command.command_id))
            return [
                self._change(
                    command,
                    status=CommandStatus.PROCESSING,
                    worker_id=self._worker_id,
                    started_at=now,
                )
                for command in waiting
            ]

    async def answer(
        self, command_id: str, status: CommandStatus, answer: object, now: datetime
    ) -> None:
        """See `ports.Home`."""
        with self._struck("answer"):
            command = self.store.commands[command_id]
            if command.status is CommandStatus.PROCESSING and self._is_mine(command):
                self._change(command, status=status, answer=answer, ended_at=now)

    async def begin_job(self, kind: str, command: Command, total: int | None, now: datetime) -> str:
        """See `ports.Home`."""
        with self._struck("begin_job"):
            job_id = f"job-{next(self.store.keys)}"
            self.store.jobs[job_id] = Job(
                job_id, command.connector_id, kind, JobStatus.RUNNING, 0, total, None, None,
                self._worker_id, now, command.created_by, now, None,
            )  # fmt: skip
            self._change(
                self.store.commands[command.command_id],
                status=CommandStatus.SUCCESS,
                answer={"jobId": job_id},
                job_id=job_id,
                ended_at=now,
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
        with self._struck("progress"):
            job = self.store.jobs[job_id]
            if job.ended_at is not None:
                return
            self.store.jobs[job_id] = replace(
                job,
                status=status,
                done=done,
                total=job.total if total is None else total,
                message=message,
                answer=answer,
                updated_at=now,
                ended_at=None if status is JobStatus.RUNNING else now,
            )

    @contextmanager
    def _struck(self, method: str) -> Iterator[None]:
        self.faults.strike(method, "before")
        yield
        self.faults.strike(method, "after")

    def _is_mine(self, command: Command) -> bool:
        return command.worker_id == self._worker_id

    def _is_left(self, worker_id: str | None, now: datetime) -> bool:
        known = self.store.workers.get(worker_id or "")
        return known is None or known.is_away(now)

    def _change(self, command: Command, **changes: object) -> Command:
        changed = replace(command, **changes)  # type: ignore[arg-type]
        self.store.commands[command.command_id] = changed
        return changed
