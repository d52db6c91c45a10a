"""Signs of life by HTTP, of connectors that were built on the vendor's SDK."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from benchling_connector.domain.access import Caller, Role
from benchling_connector.web.access import Served, allowed_or_itself
from benchling_connector.web.shapes import Body, problems

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/data-acquisition/connectors/{connector_id}",
    tags=["signs of life"],
    responses=problems(404),
)


class HealthBody(Body):
    """How a connector says that it is."""

    status: Literal["HEALTHY", "WARNING", "CRITICAL", "N/A"]
    error_code: str | None = Field(None, max_length=200)


@router.post("/heartbeat", status_code=201)
async def hear_heartbeat(
    connector_id: str,
    services: Served,
    _: Annotated[Caller, Depends(allowed_or_itself(Role.ADMIN))],
) -> None:
    """A heartbeat: the connector is ONLINE until three that should have followed did not come."""
    await services.registry.hear(connector_id)


@router.put("/health", status_code=204)
async def set_health(
    connector_id: str,
    body: HealthBody,
    services: Served,
    _: Annotated[Caller, Depends(allowed_or_itself(Role.ADMIN))],
) -> None:
    """What the connector says of its health, while it is ONLINE."""
    await services.registry.said(connector_id, body.status, body.error_code)
