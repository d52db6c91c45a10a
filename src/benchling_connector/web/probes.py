"""`/healthz` and `/readyz` of the platform itself; what connectors say stands in the API."""

from typing import Literal

from fastapi import APIRouter, Response
from sqlalchemy import select

from benchling_connector.domain.errors import TransientError
from benchling_connector.web.access import Served
from benchling_connector.web.shapes import Answer

__all__ = ["router"]

router = APIRouter(tags=["probes"])


class LiveAnswer(Answer):
    """The process answers: that is all it says."""

    health: Literal["HEALTHY"]


class ReadyAnswer(Answer):
    """Whether it can work, and if not, why."""

    ready: bool
    code: str | None = None
    sentence: str | None = None


@router.get("/healthz", summary="Whether the process lives")
async def read_liveness() -> LiveAnswer:
    """Asks nobody else."""
    return LiveAnswer(health="HEALTHY")


@router.get(
    "/readyz",
    response_model_exclude_none=True,
    summary="Whether the platform can work",
    responses={503: {"model": ReadyAnswer, "description": "It cannot."}},
)
async def read_readiness(services: Served, response: Response) -> ReadyAnswer:
    """Asks the database."""
    try:
        async with services.desk.reading() as connection:
            await connection.execute(select(1))
    except TransientError as error:
        response.status_code = 503
        return ReadyAnswer(ready=False, code=error.code, sentence=error.sentence)
    return ReadyAnswer(ready=True)
