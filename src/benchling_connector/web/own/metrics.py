"""What was measured of a connector, over time."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from benchling_connector.domain.samples import SAMPLED, mean
from benchling_connector.domain.series import Series
from benchling_connector.web.access import Served
from benchling_connector.web.own.common import Known, Period, Viewer
from benchling_connector.web.shapes import Answer, Time, problems

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/connectors/{connector_id}/metrics", tags=["metrics"], responses=problems(404)
)

LAST_HOUR = timedelta(hours=1)


class PointAnswer(Answer):
    """One step, by its begin. `largest` is null for a rate."""

    at: Time
    value: float
    largest: float | None


class SeriesAnswer(Answer):
    """One number over time. Of a counter the values are rates, per second."""

    name: str
    kind: Literal["counter", "gauge"]
    unit: str | None = Field(description="Null for a number that some other connector sent.")
    meaning: str | None
    points: list[PointAnswer]


class MetricsAnswer(Answer):
    """Series of a connector. `resolution` of what is kept, and `step` of the points: seconds."""

    connector_id: str
    since: Time
    until: Time
    resolution: int
    step: int
    series: list[SeriesAnswer]


class LatestAnswer(Answer):
    """The newest sample of one worker: numbers by name, counters since its start."""

    worker_id: str
    at: Time
    values: dict[str, float]


class LatestOfAll(Answer):
    """One for each worker that was measured within the last 90 seconds."""

    workers: list[LatestAnswer]


@router.get("")
async def read_series(
    connector_id: Known,
    services: Served,
    _: Viewer,
    period: Annotated[Period, Depends()],
    points: Annotated[int, Query(ge=2, le=2000, description="At most so many in a series.")] = 300,
    name: Annotated[
        list[str] | None, Query(max_length=100, description="Only these numbers; repeat it.")
    ] = None,
    worker_id: Annotated[
        str | None, Query(alias="workerId", max_length=500, description="Only this worker.")
    ] = None,
) -> MetricsAnswer:
    """Numbers of the last hour, or of another time within the last year.

    They are kept as measured, every 10 s, for a day; by minutes for 30 days; by hours for a year.
    """
    now = services.desk.now()
    since, until = period.checked(now - LAST_HOUR, now)
    span, series = await services.samples.series(
        connector_id, since, until, points=points, worker_id=worker_id, names=name
    )
    return MetricsAnswer(
        connector_id=connector_id,
        since=span.since,
        until=span.until,
        resolution=span.resolution,
        step=span.step,
        series=[_series(one) for one in series],
    )


@router.get("/latest")
async def read_latest_numbers(connector_id: Known, services: Served, _: Viewer) -> LatestOfAll:
    """The newest numbers of each worker."""
    latest = await services.samples.latest(connector_id)
    return LatestOfAll(
        workers=[
            LatestAnswer(
                worker_id=one.worker_id,
                at=one.at,
                values={name: mean(value) for name, value in one.values.items()},
            )
            for one in latest
        ]
    )


def _series(series: Series) -> SeriesAnswer:
    known = SAMPLED.get(series.name)
    return SeriesAnswer(
        name=series.name,
        kind=series.kind,
        unit=known.unit if known else None,
        meaning=known.meaning if known else None,
        points=[
            PointAnswer(at=one.at, value=one.value, largest=one.largest) for one in series.points
        ],
    )
