"""Bodies and answers of the Tetra Data Platform's routes: its names, and a few more of ours."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from benchling_connector import __version__
from benchling_connector.domain.connectors import ConnectorView, WorkerView
from benchling_connector.domain.lifecycle import Host, connection_of
from benchling_connector.web.shapes import INT32, Answer, Body, Time

__all__ = ["ConnectorAnswer", "ConnectorsAnswer", "EditBody", "LabelBody", "NewConnectorBody"]
__all__ += ["StatusAnswer", "StatusBody", "connector_answer"]

ORGANISATION = "local"
"""`orgSlug`: a platform of this kind has one organisation."""

NAMESPACE = "common"


class LabelBody(Body):
    """A label."""

    name: str
    value: str


class LabelsChange(Body):
    """Labels that come to those that there are, and such as go, by their `id`."""

    labels_to_add: tuple[LabelBody, ...] = ()
    labels_to_drop: tuple[Annotated[int, Field(ge=0, le=INT32)], ...] = ()


class NewConnectorBody(Body):
    """A connector to be created."""

    name: str = Field(max_length=200)
    connector_type: str = Field(max_length=128, examples=["benchling"])
    host_type: Host
    description: str = ""
    version: str = ""
    labels: tuple[LabelBody, ...] = ()
    metadata: dict[str, str] = Field(default_factory=dict)
    tags: tuple[str, ...] = ()


class EditBody(Body):
    """What is to be otherwise; what is left out or null stays.

    `labels`: all that there are to be, or changes of them.
    """

    name: str | None = None
    connector_type: str | None = Field(None, description="May be said, and not be otherwise.")
    host_type: Host | None = None
    description: str | None = None
    version: str | None = None
    labels: list[LabelBody] | list[LabelsChange] | None = None
    metadata: dict[str, str] | None = None
    tags: list[str] | None = None


class StatusBody(Body):
    """What is wanted of a connector."""

    status: Literal["IDLE", "RUNNING", "DISABLED", "ENABLED"]
    reason: str | None = Field(None, max_length=1000)


class StatusAnswer(Answer):
    """The mode after it."""

    status: Literal["IDLE", "RUNNING", "DISABLED"]


class ArtifactAnswer(Answer):
    """What kind of connector it is."""

    namespace: str
    slug: str
    version: str


class LabelAnswer(Answer):
    """A label."""

    id: str
    name: str
    value: str


class TroubleAnswer(Answer):
    """Why it is not well. `code` is a heading of the troubleshooting guide where it is ours."""

    code: str
    sentence: str | None
    remedy: str | None
    since: str | None


class WorkerAnswer(Answer):
    """One process that works, or worked, for a connector."""

    worker_id: str
    host: str
    pid: int
    started_by: str
    version: str | None
    mode: str | None
    config_version: int | None
    network_status: str
    health: str
    started_at: Time
    last_seen_at: Time | None
    ended_at: Time | None


class ConnectorAnswer(Answer):
    """A connector. `config` is there when it was asked for."""

    id: str
    name: str
    org_slug: str
    description: str
    artifact: ArtifactAnswer
    host_type: Host
    metadata: dict[str, str]
    tags: list[str]
    labels: list[LabelAnswer]
    health: str
    health_error_code: str | None
    operating_status: str
    network_status: str
    config: dict[str, JsonValue] = Field(default_factory=dict)
    last_seen_at: Time | None
    updated_at: Time
    created_at: Time
    connection_status: str
    config_version: int | None
    version: str
    log_level: str | None
    trouble: TroubleAnswer | None
    workers: list[WorkerAnswer]


class ConnectorsAnswer(Answer):
    """Connectors, and the `cursor` of those after them."""

    connectors: list[ConnectorAnswer]
    next: str | None


def connector_answer(
    view: ConnectorView, config: dict[str, JsonValue] | None = None
) -> ConnectorAnswer:
    """A connector as it is shown; `config` without it stays unset."""
    more = {} if config is None else {"config": config}
    trouble = view.trouble
    return ConnectorAnswer(
        id=view.connector_id,
        name=view.name,
        org_slug=ORGANISATION,
        description=view.description,
        artifact=ArtifactAnswer(
            namespace=NAMESPACE, slug=view.type, version=view.version or __version__
        ),
        host_type=view.host,
        metadata=dict(view.metadata),
        tags=list(view.tags),
        labels=[
            LabelAnswer(id=str(one.number), name=one.name, value=one.value) for one in view.labels
        ],
        health=view.health,
        health_error_code=None if trouble is None else trouble.code,
        operating_status=view.mode,
        network_status=view.network,
        last_seen_at=view.seen_at,
        updated_at=view.updated_at,
        created_at=view.created_at,
        connection_status=connection_of(view.mode),
        config_version=view.config_version,
        version=view.version,
        log_level=view.log_level,
        trouble=trouble
        and TroubleAnswer(
            code=trouble.code,
            sentence=trouble.sentence,
            remedy=trouble.remedy,
            since=trouble.since,
        ),
        workers=worker_answers(view.workers),
        **more,
    )


def worker_answers(workers: Sequence[WorkerView]) -> list[WorkerAnswer]:
    """Workers as they are shown."""
    return [
        WorkerAnswer(
            worker_id=one.worker_id,
            host=one.host,
            pid=one.pid,
            started_by=one.started_by,
            version=one.version,
            mode=one.mode,
            config_version=one.config_version,
            network_status=one.network,
            health=one.health,
            started_at=one.started_at,
            last_seen_at=one.seen_at,
            ended_at=one.ended_at,
        )
        for one in workers
    ]
