"""Metrics as the Tetra Data Platform knows them: reported by connectors, and read back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.series import Series
from benchling_connector.web.access import Served, allowed, allowed_or_itself
from benchling_connector.web.own.common import Known
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.shapes import Answer, AwareTime, Body, Time, problems

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/data-acquisition/connectors/{connector_id}/metrics",
    tags=["metrics"],
    responses=problems(404),
)

A_DAY = timedelta(days=1)
OLDEST, NEWEST = timedelta(days=14), timedelta(hours=2)
LARGEST = 1e100
"""Many of them can be added up, and still are a number."""
POINTS = 290
"""Of a day: five minutes each."""
REPORTED_BY_ITSELF = "itself"
"""Stands for the worker of a connector that speaks by HTTP."""


class ValueAnswer(Answer):
    """A value and its time."""

    time: Time
    value: float


class MetricAnswer(Answer):
    """One metric."""

    name: str
    values: list[ValueAnswer]


class MetricsAnswer(Answer):
    """Of the last day."""

    metrics: list[MetricAnswer]


class DimensionBody(Body):
    """What a metric is of. Accepted, and not kept: everything is of the connector."""

    name: str = Field(max_length=255)
    value: str = Field(max_length=1024)


class ValueBody(Body):
    """A value and its time, from two weeks ago to two hours from now."""

    time: AwareTime
    value: float | None = Field(None, ge=-LARGEST, le=LARGEST, allow_inf_nan=False, strict=True)


class MetricBody(Body):
    """One metric. `unit` is one of CloudWatch's."""

    name: str = Field(min_length=1, max_length=255)
    unit: str = Field(max_length=64)
    dimensions: list[DimensionBody] = Field(max_length=30)
    values: list[ValueBody] = Field(max_length=1000)


class ReportBody(Body):
    """What a connector measured of itself."""

    metrics: list[MetricBody] = Field(max_length=100)


@router.get("")
async def read_metrics(
    connector_id: Known,
    services: Served,
    _: Annotated[Caller, Depends(allowed(Role.VIEWER))],
) -> MetricsAnswer:
    """Metrics of the last day, in steps of five minutes; counters as rates, per second.

    `cpu_usage` (percent), `memory_used` and `memory_total` (bytes) are those of the container.
    """
    now = services.desk.now()
    _span, series = await services.samples.series(connector_id, now - A_DAY, now, points=POINTS)
    metrics = [_metric(one) for one in series]
    return MetricsAnswer(metrics=[*_of_the_sdk(series), *metrics])


@router.post("", status_code=201)
async def report_metrics(
    connector_id: Known,
    body: ReportBody,
    services: Served,
    _: Annotated[Caller, Depends(allowed_or_itself(Role.ADMIN))],
) -> None:
    """Numbers that a connector measured of itself. Values without a number are left out."""
    now = services.desk.now()
    reported: dict[datetime, dict[str, float]] = {}
    for metric in body.metrics:
        for one in metric.values:
            if not now - OLDEST <= one.time <= now + NEWEST:
                raise HttpProblem(
                    422,
                    "request-invalid",
                    f"A time of {metric.name} is more than two weeks ago, or too far ahead.",
                    more={"fields": [{"field": "metrics.values.time", "error": "out of range"}]},
                )
            if one.value is not None:
                reported.setdefault(one.time, {})[metric.name] = one.value
    await services.samples.report(connector_id, REPORTED_BY_ITSELF, reported)


def _metric(series: Series, name: str | None = None, factor: float = 1.0) -> MetricAnswer:
    values = [ValueAnswer(time=one.at, value=one.value * factor) for one in series.points]
    return MetricAnswer(name=name or series.name, values=values)


def _of_the_sdk(series: Sequence[Series]) -> list[MetricAnswer]:
    """Our own numbers under the names that the vendor's SDK reports."""
    known = {one.name: one for one in series}
    found = []
    for name, ours in (
        ("memory_used", "container_memory_bytes"),
        ("memory_total", "container_memory_limit_bytes"),
    ):
        if ours in known and name not in known:
            found.append(_metric(known[ours], name))
    used, cores = known.get("container_cpu_seconds"), known.get("container_cpu_limit_cores")
    if used and cores and "cpu_usage" not in known:
        limits = {one.at: one.value for one in cores.points}
        shares = [
            ValueAnswer(time=one.at, value=100 * one.value / limits[one.at])
            for one in used.points
            if limits.get(one.at)
        ]
        found.append(MetricAnswer(name="cpu_usage", values=shares))
    return found
