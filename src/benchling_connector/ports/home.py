"""A connector's home, as one worker of it sees it: what is wanted, what is to be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from benchling_connector.domain.commands import Command, CommandStatus, JobStatus
from benchling_connector.domain.lifecycle import Mode

__all__ = ["Beat", "Home", "Situation"]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is wanted of a connector now.

    `config_version` is None until it is configured here; `log_level` until somebody set one.
    `has_commands`: whether some may wait to be taken.
    """

    mode: Mode
    config_version: int | None
    log_level: str | None
    has_commands: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """A worker's sign of life: what it does, with which configuration, and how it is.

    `report` is JSON as `Health.report` with `counts`. `config_version` is None with a
    configuration of its own.
    """

    mode: Mode
    config_version: int | None
    report: str


class Home(Protocol):
    """What a worker asks and tells its home. Each call is one transaction.

    Raises `TransientError` (`database-failing`) when it cannot be reached; a worker goes on with
    what it knows, and asks again.
    """

    async def situation(self) -> Situation:
        """What is wanted now. Cheap: asked every second."""
        ...

    async def configuration(self, version: int) -> Mapping[str, object]:
        """The keys and values of a version, secrets in the clear, and the connector's name.

        Raises `ConfigurationError` when the secrets cannot be decrypted.
        """
        ...

    async def set_log_level(self, level: str) -> None:
        """From now on all workers of the connector log so much."""
        ...

    async def beat(self, beat: Beat, now: datetime) -> None:
        """Says that this worker lives, and how it is."""
        ...

    async def leave(self, now: datetime) -> None:
        """Says that this worker ends. No `beat` may follow."""
        ...

    async def sample(self, values: Mapping[str, float], now: datetime) -> None:
        """Writes down what was measured of this worker, by name, in base units."""
        ...

    async def take(self, now: datetime) -> Sequence[Command]:
        """Takes the commands that wait, oldest first: they are PROCESSING, and this worker's.

        Their bodies hold the secrets that came with them. What has expired is not given.
        """
        ...

    async def tidy(self, now: datetime) -> None:
        """Ends this connector's commands that nobody took in time, and the commands and jobs of
        workers that are gone."""
        ...

    async def answer(
        self, command_id: str, status: CommandStatus, answer: object, now: datetime
    ) -> None:
        """Ends a command that this worker took, with a JSON value as its answer.

        Changes nothing if it has ended meanwhile: this worker was taken for gone.
        """
        ...

    async def begin_job(self, kind: str, command: Command, total: int | None, now: datetime) -> str:
        """Long work that a command began; the command ends as SUCCESS with the job's ID."""
        ...

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
        """How far a job is; with another status it has ended."""
        ...
