"""What is measured of a worker every ten seconds: names, units, meaning, and how it is summed up.

Of a minute, and of an hour, a counter keeps its last value, a gauge its mean and its largest. Names
are those of the metrics (`benchling_connector_…`) without what the exposition puts around them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

__all__ = [
    "HOUR",
    "KEPT",
    "MINUTE",
    "RAW",
    "SAMPLED",
    "Kind",
    "Sampled",
    "Summary",
    "floored",
    "is_older",
    "kind_of",
    "largest",
    "last",
    "mean",
    "of_all_workers",
    "summed_up",
]

RAW = 10
"""Seconds that a sample stands for as it was measured."""
MINUTE = 60
HOUR = 3600
"""Seconds that a summary stands for."""

KEPT = {RAW: timedelta(days=1), MINUTE: timedelta(days=30), HOUR: timedelta(days=365)}
"""How long what stands for so many seconds is kept; each is summed up from the one before it."""

Kind = Literal["counter", "gauge"]
Together = Literal["sum", "max"]

Summary = Mapping[str, float | Sequence[float]]
"""Numbers by name; of a gauge, where it was summed up, its mean and its largest."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """One number. `unit` is a base unit, or what is counted. A counter begins at 0 with its worker,
    unless it is `older`, and may begin anew.

    `together`: what a connector's workers make at once; each of them sees the whole queue.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    together: Together = "sum"
    older: bool = False


def _counter(name: str, unit: str, meaning: str) -> Sampled:
    return Sampled(name, "counter", unit, meaning)


def _gauge(name: str, unit: str, meaning: str) -> Sampled:
    return Sampled(name, "gauge", unit, meaning)


def _common(name: str, unit: str, meaning: str) -> Sampled:
    return Sampled(name, "gauge", unit, meaning, "max")


SAMPLED: dict[str, Sampled] = {
    one.name: one
    for one in (
        _counter("process_cpu_seconds", "seconds", "CPU time that the worker's process used."),
        _gauge("process_memory_bytes", "bytes", "Resident memory of the worker's process."),
        Sampled(
            "container_cpu_seconds",
            "counter",
            "seconds",
            "CPU time that the worker's cgroup used; the machine where there is none.",
            older=True,
        ),
        _common(
            "container_cpu_limit_cores",
            "cores",
            "CPUs that the cgroup may use; all of the machine where it has no limit.",
        ),
        _common(
            "container_memory_bytes",
            "bytes",
            "Memory that the cgroup uses, without page cache that can go.",
        ),
        _common(
            "container_memory_limit_bytes",
            "bytes",
            "Memory that the cgroup may use; all of the machine where it has no limit.",
        ),
        _counter("messages_received", "messages", "Messages that the queue handed over."),
        _counter("messages_repeated", "messages", "Messages whose event was known already."),
        _counter("messages_released", "messages", "Messages sent back to the queue for later."),
        _counter("messages_quarantined", "messages", "Messages put into quarantine."),
        _gauge("messages_in_flight", "messages", "Messages between receive and settle."),
        _common(
            "oldest_message_seconds",
            "seconds",
            "Age of the oldest message in flight, since it was sent; 0 with none.",
        ),
        _common(
            "last_message_timestamp_seconds",
            "seconds",
            "When the queue handed over a message last, since 1970.",
        ),
        _counter("events_stored", "events", "Events that stand in a RAW file."),
        _counter("events_skipped", "events", "Events that the filters leave out."),
        _counter("files_composed", "files", "RAW files composed: what the platform calls scanned."),
        _counter("files_stored", "files", "RAW files written: uploaded."),
        _counter("files_stored_bytes", "bytes", "Size of the RAW files written."),
        _gauge("files_pending", "files", "RAW files composed and not yet written."),
        _gauge("files_stopped", "files", "RAW files that the lake refuses, stopped."),
        _counter("errors", "errors", "Errors met, of all codes."),
        _common("freshness_seconds", "seconds", "From the queue to the lake, newest event."),
        _counter("api_requests", "requests", "Requests sent to Benchling."),
        _counter("api_throttled", "requests", "Answers 429 from Benchling."),
        _common("api_budget_limit", "requests", "Requests that a window allows, as believed."),
        _common("api_budget_remaining", "requests", "Requests left in the window."),
        _gauge("api_requests_waiting", "requests", "Requests that wait for the budget."),
        _common("queue_messages", "messages", "Messages that the queue can hand out, about."),
        _common("queue_messages_in_flight", "messages", "Messages that it has handed out, about."),
        _common("queue_retention_seconds", "seconds", "How long the queue keeps a message."),
        _common("dead_letter_messages", "messages", "Messages in the dead-letter queue, about."),
    )
}
"""By name. What cannot be measured, or may not be asked for, is left out of a sample."""


def kind_of(name: str) -> Kind:
    """Of a number that is not in the table, which some other connector sent: a gauge."""
    known = SAMPLED.get(name)
    return known.kind if known else "gauge"


def is_older(name: str) -> bool:
    """Whether a counter was there before its worker, as that of a whole machine."""
    known = SAMPLED.get(name)
    return known is not None and known.older


def of_all_workers(name: str) -> Together:
    """How the values of a connector's workers are put together."""
    known = SAMPLED.get(name)
    return known.together if known else "sum"


def floored(moment: datetime, seconds: int) -> datetime:
    """The begin of the span of so many seconds that a time lies in."""
    return moment.fromtimestamp(moment.timestamp() // seconds * seconds, moment.tzinfo)


def summed_up(samples: Sequence[Summary]) -> dict[str, float | Sequence[float]]:
    """Several samples of one worker, in the order of their time, as one."""
    names = dict.fromkeys(name for sample in samples for name in sample)
    summary: dict[str, float | Sequence[float]] = {}
    for name in names:
        values = [sample[name] for sample in samples if name in sample]
        if kind_of(name) == "counter":
            summary[name] = last(values[-1])
        else:
            summary[name] = [sum(map(mean, values)) / len(values), max(map(largest, values))]
    return summary


def last(value: float | Sequence[float]) -> float:
    """A counter's value, however it was kept."""
    return mean(value)


def mean(value: float | Sequence[float]) -> float:
    """A gauge's mean."""
    return value if isinstance(value, (int, float)) else value[0]


def largest(value: float | Sequence[float]) -> float:
    """A gauge's largest value."""
    return value if isinstance(value, (int, float)) else value[1]
