"""What the routes of our own API share: connectors that must be there, pages, and periods."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.errors import NotFound
from benchling_connector.platform.workers import is_known
from benchling_connector.web.access import Served, allowed
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.shapes import AwareTime

__all__ = [
    "Admin",
    "Known",
    "Operator",
    "Paging",
    "Period",
    "Viewer",
    "answer",
    "answers",
    "no_such",
]

MOST = 1000

Viewer = Annotated[Caller, Depends(allowed(Role.VIEWER))]
"""A route's parameter for whoever calls, who may look."""
Operator = Annotated[Caller, Depends(allowed(Role.OPERATOR))]
Admin = Annotated[Caller, Depends(allowed(Role.ADMIN))]

Shape = TypeVar("Shape", bound=BaseModel)


def no_such(what: str) -> HttpProblem:
    """The 404 to raise."""
    return HttpProblem(404, "not-found", f"There is no such {what}.")


def _known() -> Callable[[str, Served], Awaitable[str]]:
    async def check(connector_id: str, services: Served) -> str:
        if not await is_known(services.desk, connector_id):
            raise NotFound("connector-unknown")
        return connector_id

    return check


Known = Annotated[str, Depends(_known())]
"""The ID of a connector that is there; 404 if it is not."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How much of a list, and from where on."""

    limit: Annotated[int, Query(ge=1, le=MOST, description="At most so many.")] = 100
    cursor: Annotated[
        str | None, Query(max_length=2000, description="The `next` of the page before.")
    ] = None


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when, half open."""

    since: Annotated[AwareTime | None, Query(description="From then on.")] = None
    until: Annotated[AwareTime | None, Query(description="Before then.")] = None

    def checked(self, default: datetime, now: datetime) -> tuple[datetime, datetime]:
        """Both ends. Raises `HttpProblem` (422) if nothing lies between."""
        since, until = self.since or default, self.until or now
        if since >= until:
            raise HttpProblem(
                422,
                "request-invalid",
                "Nothing lies between since and until.",
                more={"fields": [{"field": "since", "error": "is not before until"}]},
            )
        return since, until


def answer(shape: type[Shape], record: object) -> Shape:
    """A record as its shape."""
    return shape.model_validate(record, from_attributes=True)


def answers(shape: type[Shape], records: Sequence[Any]) -> list[Shape]:
    """Records as their shapes."""
    return [answer(shape, record) for record in records]
