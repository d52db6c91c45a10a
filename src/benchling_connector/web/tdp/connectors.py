"""Connectors by HTTP: created, listed, edited, moved from mode to mode, deleted."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.connectors import Change, NewConnector, Wanted
from benchling_connector.domain.lifecycle import Wish
from benchling_connector.platform.once import once
from benchling_connector.web.access import Served, allowed, allowed_or_itself
from benchling_connector.web.shapes import as_json, problems
from benchling_connector.web.tdp.shapes import (
    ConnectorAnswer,
    ConnectorsAnswer,
    EditBody,
    LabelBody,
    LabelsChange,
    NewConnectorBody,
    StatusAnswer,
    StatusBody,
    connector_answer,
)

__all__ = ["IdempotencyKey", "router"]

router = APIRouter(prefix="/v1/data-acquisition/connectors", tags=["connectors"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="What was created with this key is answered again, and not created again.",
    ),
]

_WISHES = {
    "RUNNING": Wish.START,
    "IDLE": Wish.STOP,
    "DISABLED": Wish.DISABLE,
    "ENABLED": Wish.ENABLE,
}


@router.post("", status_code=201, response_model_exclude_unset=True, responses=problems(404))
async def create_connector(
    body: NewConnectorBody,
    services: Served,
    caller: Annotated[Caller, Depends(allowed(Role.ADMIN))],
    idempotency_key: IdempotencyKey = None,
) -> ConnectorAnswer:
    """A new connector: enabled, IDLE, health N/A."""
    new = NewConnector(
        name=body.name,
        type=body.connector_type,
        host=body.host_type,
        description=body.description,
        version=body.version,
        labels=_pairs(body.labels),
        metadata=body.metadata,
        tags=body.tags,
    )
    one = once(caller, idempotency_key, "connector", body.model_dump(mode="json"))
    return connector_answer(await services.registry.create(caller, new, one))


@router.get("", response_model_exclude_unset=True)
async def list_connectors(
    services: Served,
    _: Annotated[Caller, Depends(allowed(Role.VIEWER))],
    search: Annotated[str, Query(max_length=200, description="A part of the name.")] = "",
    which: Annotated[Wanted, Query(alias="filter")] = Wanted.ALL,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> ConnectorsAnswer:
    """Connectors, oldest first; `cursor` is the `next` of the page before."""
    page = await services.registry.list(search=search, wanted=which, limit=limit, cursor=cursor)
    return ConnectorsAnswer(
        connectors=[connector_answer(view) for view in page.rows], next=page.next
    )


@router.get("/{connector_id}", responses=problems(404), response_model_exclude_unset=True)
async def get_connector(
    connector_id: str,
    services: Served,
    caller: Annotated[Caller, Depends(allowed_or_itself(Role.VIEWER))],
    response: Response,
    resolve_secrets: Annotated[
        bool,
        Query(alias="resolveSecrets", description="Heeded when the connector itself asks."),
    ] = False,
    include: Annotated[
        list[str] | None, Query(description="`config`: the configuration that holds.")
    ] = None,
) -> ConnectorAnswer:
    """One connector. A secret is given to the connector itself, and to nobody else."""
    view = await services.registry.get(connector_id)
    config = None
    if include is not None and "config" in include:
        secrets = resolve_secrets and caller.connector_id == connector_id
        response.headers["Cache-Control"] = "no-store"
        content = await services.configurations.content(connector_id, secrets=secrets)
        config = as_json(content)
    return connector_answer(view, config)


@router.put("/{connector_id}", responses=problems(404), response_model_exclude_unset=True)
async def edit_connector(
    connector_id: str,
    body: EditBody,
    services: Served,
    caller: Annotated[Caller, Depends(allowed(Role.ADMIN))],
) -> ConnectorAnswer:
    """Edits name, description, version, host, labels, metadata and tags."""
    labels: list[LabelBody] = []
    changes: list[LabelsChange] = []
    for one in body.labels or []:
        if isinstance(one, LabelBody):
            labels.append(one)
        else:
            changes.append(one)
    change = Change(
        name=body.name,
        type=body.connector_type,
        host=body.host_type,
        description=body.description,
        version=body.version,
        labels=None if body.labels is None or changes else _pairs(labels),
        labels_to_add=_pairs(one for some in changes for one in some.labels_to_add),
        labels_to_drop=tuple(one for some in changes for one in some.labels_to_drop),
        metadata=body.metadata,
        tags=None if body.tags is None else tuple(body.tags),
    )
    return connector_answer(await services.registry.edit(caller, connector_id, change))


@router.delete("/{connector_id}", status_code=204, responses=problems(404, 409))
async def delete_connector(
    connector_id: str,
    services: Served,
    caller: Annotated[Caller, Depends(allowed(Role.ADMIN))],
) -> None:
    """Deletes a connector that is disabled. Its files, and what is known of them, stay."""
    await services.registry.move(caller, connector_id, Wish.DELETE)


@router.put("/{connector_id}/status", responses=problems(404, 409))
async def set_status(
    connector_id: str,
    body: StatusBody,
    services: Served,
    caller: Annotated[Caller, Depends(allowed(Role.OPERATOR))],
) -> StatusAnswer:
    """Starts (RUNNING), stops (IDLE), disables or enables it. Its workers are told."""
    wish = _WISHES[body.status]
    mode = await services.registry.move(caller, connector_id, wish, body.reason)
    return StatusAnswer.model_validate({"status": mode})


def _pairs(labels: Iterable[LabelBody]) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, one.value) for one in labels)
