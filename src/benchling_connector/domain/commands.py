"""Commands to a connector: their names, and the states that they go through.

Names and states as on the Tetra Data Platform.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

__all__ = [
    "CUSTOM_PREFIX",
    "ENDED",
    "EXPIRES_AFTER",
    "TRANSITIONS",
    "Action",
    "Command",
    "CommandStatus",
    "Job",
    "JobStatus",
    "may_follow",
]

EXPIRES_AFTER = timedelta(minutes=10)
"""A command that no worker has taken by then is not carried out any more, unless it says else."""


class Action(StrEnum):
    """What every connector understands."""

    START = "TetraScience.Connector.Start"
    STOP = "TetraScience.Connector.Stop"
    SHUTDOWN = "TetraScience.Connector.Shutdown"
    VALIDATE_CONFIG = "TetraScience.Connector.ValidateConfig"
    TEST_CONFIG = "TetraScience.Connector.TestConfig"
    UPDATE_CONFIG = "TetraScience.Connector.UpdateConfig"
    SET_LOG_LEVEL = "TetraScience.Connector.SetLogLevel"
    LIST_CUSTOM_COMMANDS = "TetraScience.Connector.ListCustomCommands"


CUSTOM_PREFIX = "TetraScience.Connector.Benchling."
"""Of the commands that only this connector understands: `….<Action>`."""


class CommandStatus(StrEnum):
    """CREATED: accepted, nobody there to take it. PENDING: a worker is there and will take it."""

    CREATED = "CREATED"
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


ENDED = frozenset(
    {
        CommandStatus.SUCCESS,
        CommandStatus.FAILURE,
        CommandStatus.REJECTED,
        CommandStatus.EXPIRED,
    }
)

TRANSITIONS: dict[CommandStatus, frozenset[CommandStatus]] = {
    CommandStatus.CREATED: frozenset(
        {
            CommandStatus.PENDING,
            CommandStatus.PROCESSING,
            CommandStatus.REJECTED,
            CommandStatus.EXPIRED,
        }
    ),
    CommandStatus.PENDING: frozenset(
        {CommandStatus.PROCESSING, CommandStatus.REJECTED, CommandStatus.EXPIRED}
    ),
    CommandStatus.PROCESSING: frozenset(
        {CommandStatus.SUCCESS, CommandStatus.FAILURE, CommandStatus.REJECTED}
    ),
} | dict.fromkeys(ENDED, frozenset[CommandStatus]())
"""What may follow. What is being carried out ends; it does not expire."""


def may_follow(now: CommandStatus, then: CommandStatus) -> bool:
    """Whether a command in one state may come into another."""
    return then in TRANSITIONS[now]


class JobStatus(StrEnum):
    """Of long work that a command began."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `body` and `answer` are JSON values; secrets never stand in `body`."""

    command_id: str
    connector_id: str
    action: str
    body: object
    status: CommandStatus
    created_at: datetime
    created_by: str
    expires_at: datetime
    worker_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    answer: object = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Long work and how far it is: `done` of `total`, the latter None while nobody knows."""

    job_id: str
    connector_id: str
    kind: str
    status: JobStatus
    done: int
    total: int | None
    message: str | None
    answer: object
    worker_id: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    ended_at: datetime | None
