"""Connectors as their home knows them: what people say of them, and what is seen of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from benchling_connector.domain.errors import FieldProblem
from benchling_connector.domain.labels import Label, label_problems, metadata_problems
from benchling_connector.domain.lifecycle import HealthWord, Host, Mode, Network

__all__ = ["Change", "ConnectorView", "NewConnector", "Trouble", "Wanted", "WorkerView"]

NAME_LENGTH = 200
TYPE_LENGTH = 128
VERSION_LENGTH = 128
DESCRIPTION_LENGTH = 4096
"""Characters."""


class Wanted(StrEnum):
    """Which connectors to list."""

    ALL = "all"
    ONLINE = "online"
    OFFLINE = "offline"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class NewConnector:
    """A connector that somebody wants to create. `labels` are names and values."""

    name: str
    type: str = "benchling"
    host: Host = Host.LOCAL
    description: str = ""
    version: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    def problems(self) -> list[FieldProblem]:
        """What is wrong with it, by field."""
        texts = (
            ("name", self.name, NAME_LENGTH, True),
            ("connectorType", self.type, TYPE_LENGTH, True),
            ("description", self.description, DESCRIPTION_LENGTH, False),
            ("version", self.version, VERSION_LENGTH, False),
        )
        problems = []
        for name, text, longest, required in texts:
            if required and not text.strip():
                problems.append(FieldProblem(name, "is empty.", "Give one."))
            if len(text) > longest:
                problem = f"has more than {longest} characters."
                problems.append(FieldProblem(name, problem, "Shorten it."))
        if not self.name.isprintable():
            remedy = "Use printable characters."
            problems.append(FieldProblem("name", "has characters that cannot be shown.", remedy))
        problems += label_problems(self.labels)
        return problems + metadata_problems(self.metadata, self.tags)


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to be otherwise; None stays as it is.

    `labels` stand instead of all that there are; else some are added and some dropped, by number.
    `type` may be said, and not be otherwise.
    """

    name: str | None = None
    type: str | None = None
    host: Host | None = None
    description: str | None = None
    version: str | None = None
    labels: tuple[tuple[str, str], ...] | None = None
    labels_to_add: tuple[tuple[str, str], ...] = ()
    labels_to_drop: tuple[int, ...] = ()
    metadata: Mapping[str, str] | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a connector, in its code and sentences; `code` alone may be known."""

    code: str
    sentence: str | None = None
    remedy: str | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One process that works, or worked, for a connector. `report` is what it said last."""

    worker_id: str
    host: str
    pid: int
    process: str | None
    started_by: str
    version: str | None
    mode: Mode | None
    config_version: int | None
    network: Network
    health: HealthWord
    started_at: datetime
    seen_at: datetime | None
    ended_at: datetime | None
    report: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ConnectorView:
    """One connector, as it is now. `trouble` is what makes its health, if it is not well."""

    connector_id: str
    name: str
    type: str
    host: Host
    description: str
    version: str
    labels: tuple[Label, ...]
    metadata: Mapping[str, str]
    tags: tuple[str, ...]
    mode: Mode
    network: Network
    health: HealthWord
    trouble: Trouble | None
    config_version: int | None
    queue: str | None
    log_level: str | None
    seen_at: datetime | None
    created_at: datetime
    updated_at: datetime
    workers: tuple[WorkerView, ...]
