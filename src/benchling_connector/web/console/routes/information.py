"""A connector: its Information tab, the form that edits it, and what moves it."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from benchling_connector.domain.connectors import Change, ConnectorView
from benchling_connector.domain.errors import InvalidInput, NotFound, Refused
from benchling_connector.domain.filerecords import FileStatus
from benchling_connector.domain.lifecycle import Host, Wish, connection_of
from benchling_connector.web.console.rendering import draw, leave
from benchling_connector.web.console.routes.connectors import HOSTS, TWIN
from benchling_connector.web.console.streaming import live
from benchling_connector.web.console.tabs import INFORMATION, header_of, show_tab
from benchling_connector.web.console.visits import AdminVisit, OperatorVisit, ViewerVisit, Visit
from benchling_connector.web.forms import chosen, fields_of, pairs_of, problems_of, text_of_pairs

__all__ = ["router"]

_WISHES = {
    "start": (Wish.START, "connector-started"),
    "stop": (Wish.STOP, "connector-stopped"),
    "enable": (Wish.ENABLE, "connector-enabled"),
    "disable": (Wish.DISABLE, "connector-disabled"),
}
"""What a button wishes, and what is said when it was granted."""

router = APIRouter(include_in_schema=False)


@router.get("/connectors/{connector_id}")
async def information(
    visit: ViewerVisit, connector_id: str, edit: Annotated[bool, Query()] = False
) -> Response:
    """What a connector is, how it is, and who works for it; with `edit`, the form."""
    view = await visit.services.registry.get(connector_id)
    return await _page(visit, view, _values(view) if edit else None)


@router.get("/live/connectors/{connector_id}")
async def information_live(visit: ViewerVisit, connector_id: str) -> Response:
    """Its header and facts, again when they are otherwise."""

    async def drawn() -> str:
        view = await visit.services.registry.get(connector_id)
        facts = await _facts(visit, view)
        return draw(visit, "connector/_information.html", **header_of(view), **facts)

    return live(visit, drawn)


@router.post("/connectors/{connector_id}")
async def edit_connector(request: Request, visit: AdminVisit, connector_id: str) -> Response:
    """Saves the form; what it says as it was stays untouched."""
    fields = await fields_of(request)
    view = await visit.services.registry.get(connector_id)
    try:
        change = _change(fields, _values(view))
        await visit.services.registry.edit(visit.caller, connector_id, change)
    except InvalidInput as error:
        return await _page(visit, view, {**_values(view), **fields}, problems_of(error))
    return leave(request, INFORMATION.path(connector_id), "connector-edited")


@router.post("/connectors/{connector_id}/status")
async def move_connector(request: Request, visit: OperatorVisit, connector_id: str) -> Response:
    """Starts, stops, enables or disables it, and leads back; there it says if it was refused."""
    wish, done = chosen(await fields_of(request), "wish", _WISHES)
    try:
        await visit.services.registry.move(visit.caller, connector_id, wish)
    except NotFound:
        raise
    except Refused as error:
        done = error.code
    return leave(request, INFORMATION.path(connector_id), done)


async def _page(
    visit: Visit,
    view: ConnectorView,
    values: Mapping[str, str] | None,
    problems: Mapping[str, str] | None = None,
) -> Response:
    """With `values` of its form it is edited, and not live."""
    return show_tab(
        visit,
        INFORMATION,
        view,
        "connector/information.html",
        twin=f"{TWIN}/{view.connector_id}",
        status=422 if problems else 200,
        values=values,
        problems=problems or {},
        hosts=tuple(HOSTS),
        live=None if values else f"/live/connectors/{view.connector_id}",
        **await _facts(visit, view),
    )


async def _facts(visit: Visit, view: ConnectorView) -> dict[str, object]:
    counts = (await visit.services.files.counts(view.connector_id)).by_status
    return {
        "connection": connection_of(view.mode),
        "files": {
            "pending": counts[FileStatus.PENDING] + counts[FileStatus.PROCESSING],
            "uploaded": counts[FileStatus.SUCCESS],
            "failed": counts[FileStatus.ERROR],
        },
    }


def _values(view: ConnectorView) -> dict[str, str]:
    """The form as the connector is."""
    return {
        "name": view.name,
        "description": view.description,
        "version": view.version,
        "hostType": view.host.value,
        "labels": text_of_pairs(tuple((one.name, one.value) for one in view.labels)),
        "metadata": text_of_pairs(view.metadata),
        "tags": "\n".join(view.tags),
    }


def _change(fields: Mapping[str, str], known: Mapping[str, str]) -> Change:
    """What the form says otherwise. Raises `InvalidInput`."""
    said = {name: fields.get(name, text) for name, text in known.items()}
    other = {name: text for name, text in said.items() if text != known[name]}
    host: Host | None = chosen(said, "hostType", HOSTS) if "hostType" in other else None
    metadata = dict(pairs_of(said["metadata"], "metadata")) if "metadata" in other else None
    return Change(
        name=other.get("name"),
        host=host,
        description=other.get("description"),
        version=other.get("version"),
        labels=pairs_of(said["labels"], "labels") if "labels" in other else None,
        metadata=metadata,
        tags=tuple(line.strip() for line in said["tags"].split("\n") if line.strip())
        if "tags" in other
        else None,
    )
