"""The workers and jobs of a connector."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, JsonValue

from benchling_connector.platform.workers import job_of, jobs_of, workers_of
from benchling_connector.web.access import Served
from benchling_connector.web.own.common import Known, Paging, Viewer, answer, answers, no_such
from benchling_connector.web.shapes import Answer, Time, problems

__all__ = ["router"]

router = APIRouter(prefix="/v1/connectors/{connector_id}", responses=problems(404))


class WorkerAnswer(Answer):
    """One process that works for the connector, or did."""

    worker_id: str
    host: str = Field(description="Name of the machine.")
    pid: int
    started_by: str = Field(description="`supervisor` or `hand`.")
    version: str | None
    mode: str | None = Field(description="What it does: `IDLE` or `RUNNING`.")
    config_version: int | None = Field(description="Null with a configuration of its own.")
    network: str = Field(description="`ONLINE` or `OFFLINE`.")
    started_at: Time
    seen_at: Time | None
    ended_at: Time | None
    report: dict[str, JsonValue] = Field(description="Its last word: health table and counts.")


class WorkersAnswer(Answer):
    """Newest first."""

    workers: list[WorkerAnswer]
    next: str | None


class JobAnswer(Answer):
    """Long work that a command began: `done` of `total`, the latter null while nobody knows."""

    job_id: str
    kind: str
    status: str = Field(description="`RUNNING`, `SUCCESS` or `FAILURE`.")
    done: int
    total: int | None
    message: str | None
    answer: JsonValue
    worker_id: str | None
    created_at: Time
    created_by: str
    updated_at: Time
    ended_at: Time | None


class JobsAnswer(Answer):
    """Newest first."""

    jobs: list[JobAnswer]
    next: str | None


@router.get("/workers", tags=["workers"])
async def list_workers(
    connector_id: Known, services: Served, _: Viewer, paging: Annotated[Paging, Depends()]
) -> WorkersAnswer:
    """The connector's workers, one by one, wherever they run."""
    page = await workers_of(services.desk, connector_id, paging.limit, paging.cursor)
    return WorkersAnswer(workers=answers(WorkerAnswer, page.rows), next=page.next)


@router.get("/jobs", tags=["jobs"])
async def list_jobs(
    connector_id: Known, services: Served, _: Viewer, paging: Annotated[Paging, Depends()]
) -> JobsAnswer:
    """Long work, and how far it is."""
    page = await jobs_of(services.desk, connector_id, paging.limit, paging.cursor)
    return JobsAnswer(jobs=answers(JobAnswer, page.rows), next=page.next)


@router.get("/jobs/{job_id}", tags=["jobs"])
async def read_job(connector_id: Known, job_id: str, services: Served, _: Viewer) -> JobAnswer:
    """One job."""
    job = await job_of(services.desk, connector_id, job_id)
    if job is None:
        raise no_such("job")
    return answer(JobAnswer, job)
