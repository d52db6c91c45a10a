"""`/healthz` and `/readyz` of the platform itself; what connectors say stands in the API."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import select

from benchling_connector.domain.errors import TransientError
from benchling_connector.web.access import Served

__all__ = ["router"]

router = APIRouter(tags=["probes"])


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> dict[str, str]:
    """Asks nobody else."""
    return {"health": "HEALTHY"}


@router.get(
    "/readyz",
    summary="Whether the platform can work",
    responses={503: {"description": "The database cannot be used at present."}},
)
async def readyz(services: Served) -> JSONResponse:
    """Asks the database."""
    try:
        async with services.desk.reading() as connection:
            await connection.execute(select(1))
    except TransientError as error:
        told = {"ready": False, "code": error.code, "sentence": error.sentence}
        return JSONResponse(told, status_code=503)
    return JSONResponse({"ready": True})
