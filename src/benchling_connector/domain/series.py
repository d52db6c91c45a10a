"""Samples as series: of a gauge its mean and largest in each step, of a counter its rate.

A counter's rate is what it grew, over the step's length. A worker that begins anew begins at 0, so
that what is less than before is a growth by all of it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from benchling_connector.domain.samples import (
    KEPT,
    Kind,
    Summary,
    floored,
    is_older,
    kind_of,
    largest,
    last,
    mean,
    of_all_workers,
)

__all__ = ["Point", "Range", "Sample", "Series", "chosen", "series_of"]

STEPS = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800)
"""Lengths of a step in seconds, of which the shortest is taken that gives few enough points."""

_JUST_BORN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Range:
    """What of the samples is read, and in which steps; `step` and `resolution` in seconds.

    Where nothing of the resolution is there yet, at the end, what is finer stands for it.
    """

    since: datetime
    until: datetime
    resolution: int
    step: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured of one worker. `born`: when the worker began, None if nobody knows."""

    worker_id: str
    at: datetime
    values: Summary
    born: datetime | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One step, by its begin. `largest` is None for a rate."""

    at: datetime
    value: float
    largest: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One number over time: `kind` tells whether the points are rates (per second) or values."""

    name: str
    kind: Kind
    points: tuple[Point, ...]


def chosen(since: datetime, until: datetime, points: int, now: datetime) -> Range:
    """How to read a range in at most so many points, on whole steps; the first may begin before
    `since`. Raises ValueError when nothing lies between, or there are to be fewer than two points.
    """
    if since >= until or points < 2:
        raise ValueError("There is nothing between, or too few points for what is.")
    # What is forgotten is read as if it were there, and so in the coarsest.
    finest = next((one for one, kept in KEPT.items() if since >= now - kept), max(KEPT))
    length = (until - since).total_seconds()
    # One more than fit: both ends may cut a step.
    fitting = (step for step in STEPS if step >= finest and length / step <= points - 1)
    step = next(fitting, STEPS[-1] * (int(length / STEPS[-1] / (points - 1)) + 1))
    # Nothing finer than the step is needed, and there is less of what is coarser.
    resolution = max(one for one in KEPT if one <= step)
    return Range(floored(since, step), until, resolution, step)


@dataclass(slots=True)
class _Mean:
    """Of one worker in one step, while it is added up."""

    total: float = 0.0
    count: int = 0
    most: float = float("-inf")


@dataclass(slots=True)
class _Step:
    """Of one number, while it is added up: by worker for gauges, growth for counters."""

    means: dict[str, _Mean] = field(default_factory=dict)
    growth: float = 0.0


def series_of(
    samples: Iterable[Sample], span: Range, names: Collection[str] | None = None
) -> Sequence[Series]:
    """Of all workers together: rates are added, gauges as `domain/samples.py` says.

    The samples come in the order of their time; those before the range only tell where counters
    stood. `names`: only these numbers; None, all.
    """
    before: dict[tuple[str, str], float] = {}
    steps: dict[str, dict[datetime, _Step]] = {}
    # A month has a million numbers: what can be is looked up once.
    kinds: dict[str, Kind] = {}
    for sample in samples:
        at = floored(sample.at, span.step)
        inside = span.since <= sample.at < span.until
        for name in sample.values if names is None else names:
            if name not in sample.values:
                continue
            value = sample.values[name]
            kind = kinds.get(name) or kinds.setdefault(name, kind_of(name))
            if kind == "counter":
                growth = _growth(before, sample, name, last(value))
                if inside and growth is not None:
                    _step(steps, name, at).growth += growth
            elif inside:
                means = _step(steps, name, at).means
                of_worker = means.get(sample.worker_id)
                if of_worker is None:
                    of_worker = means[sample.worker_id] = _Mean()
                of_worker.total += mean(value)
                of_worker.count += 1
                of_worker.most = max(of_worker.most, largest(value))
    return [
        Series(name, kinds[name], tuple(_points(name, kinds[name], steps[name], span)))
        for name in sorted(steps)
    ]


def _step(steps: dict[str, dict[datetime, _Step]], name: str, at: datetime) -> _Step:
    of_name = steps.get(name)
    if of_name is None:
        of_name = steps[name] = {}
    step = of_name.get(at)
    if step is None:
        step = of_name[at] = _Step()
    return step


def _growth(
    before: dict[tuple[str, str], float], sample: Sample, name: str, value: float
) -> float | None:
    """What a counter grew since the sample before; None if there was none to compare with."""
    key = sample.worker_id, name
    was = before.get(key)
    before[key] = value
    if was is None:
        young = sample.born is not None and sample.at - sample.born <= _JUST_BORN
        return value if young and not is_older(name) else None
    return value - was if value >= was else value


def _points(name: str, kind: Kind, steps: Mapping[datetime, _Step], span: Range) -> Iterable[Point]:
    together = max if of_all_workers(name) == "max" else sum
    for at in sorted(steps):
        step = steps[at]
        if kind == "counter":
            yield Point(at, step.growth / span.step)
        else:
            means = [one.total / one.count for one in step.means.values()]
            yield Point(at, together(means), together(one.most for one in step.means.values()))
