"""All connectors, and the short form for another one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from benchling_connector.domain.connectors import ConnectorView, NewConnector, Wanted
from benchling_connector.domain.errors import InvalidInput
from benchling_connector.domain.lifecycle import HealthWord, Host
from benchling_connector.platform.once import once
from benchling_connector.web.console.rendering import draw, leave, show
from benchling_connector.web.console.streaming import live
from benchling_connector.web.console.visits import AdminVisit, ViewerVisit, Visit
from benchling_connector.web.forms import chosen, fields_of, problems_of

__all__ = ["TWIN", "router"]

TWIN = "/v1/data-acquisition/connectors"
HOSTS = {host.value: host for host in Host}

router = APIRouter(include_in_schema=False)


Search = Annotated[str, Query(max_length=200)]
Filter = Annotated[Wanted, Query(alias="filter")]
Health = Annotated[HealthWord | None, Query()]


@dataclass(frozen=True, slots=True)
class Looked:
    """Which connectors somebody looks at; as query parameters, its permalink."""

    search: Search = ""
    wanted: Filter = Wanted.ALL
    health: Health = None

    @property
    def is_narrow(self) -> bool:
        """Whether there may be others."""
        return bool(self.search or self.health) or self.wanted is not Wanted.ALL

    def query(self, **other: object) -> str:
        """The query of a link to the same with something otherwise."""
        values = {"search": self.search, "filter": self.wanted, "health": self.health, **other}
        given = {name: str(value) for name, value in values.items() if value}
        if given.get("filter") == Wanted.ALL:
            del given["filter"]
        return f"?{urlencode(given)}" if given else ""

    def twin(self) -> str:
        """The API knows no filter by health: its answer says the health of each."""
        return TWIN + self.query(health=None)


Looking = Annotated[Looked, Depends()]
"""A route's parameter for them."""


@router.get("/connectors")
async def list_page(visit: ViewerVisit, looked: Looking) -> Response:
    """Connectors with what matters of each, searched and filtered."""
    return await _page(visit, looked)


@router.get("/live/connectors")
async def list_live(visit: ViewerVisit, looked: Looking) -> Response:
    """The tiles and the table, again when they are otherwise."""

    async def drawn() -> str:
        return draw(visit, "_connectors.html", **await _shown(visit, looked))

    return live(visit, drawn)


@router.post("/connectors")
async def create(request: Request, visit: AdminVisit) -> Response:
    """A new connector, whose page comes next; sent twice, the form makes one."""
    fields = await fields_of(request)
    try:
        new = NewConnector(
            name=fields.get("name", ""),
            type=fields.get("connectorType", ""),
            host=chosen(fields, "hostType", HOSTS),
            description=fields.get("description", ""),
        )
        asked = {name: value for name, value in fields.items() if name not in ("csrf", "key")}
        one = once(visit.caller, fields.get("key") or None, "connector form", asked)
        made = await visit.services.registry.create(visit.caller, new, one)
    except InvalidInput as error:
        return await _page(visit, Looked(), _form(visit, fields, error), status=422)
    return leave(request, f"/connectors/{made.connector_id}", "connector-created")


async def _page(
    visit: Visit, looked: Looked, form: Mapping[str, object] | None = None, status: int = 200
) -> Response:
    return show(
        visit,
        "connectors.html",
        title="Connectors",
        twin=looked.twin(),
        status=status,
        form=form or _form(visit, {"connectorType": "benchling", "hostType": Host.LOCAL.value}),
        live="/live/connectors" + looked.query(),
        **await _shown(visit, looked),
    )


async def _shown(visit: Visit, looked: Looked) -> dict[str, object]:
    """The tiles count what is searched and filtered, whatever health is looked at."""
    found: Sequence[ConnectorView] = (
        await visit.services.registry.list(search=looked.search, wanted=looked.wanted)
    ).rows
    counted = Counter(view.health for view in found)
    health = looked.health
    return {
        "looked": looked,
        "filters": tuple(Wanted),
        "tiles": [(word, counted[word]) for word in HealthWord],
        "total": len(found),
        "views": [view for view in found if health is None or view.health is health],
    }


def _form(
    visit: Visit, values: Mapping[str, str], error: InvalidInput | None = None
) -> Mapping[str, object]:
    return {
        "values": values,
        "problems": problems_of(error) if error else {},
        "hosts": tuple(HOSTS),
        "key": visit.services.desk.new_id(),
    }
