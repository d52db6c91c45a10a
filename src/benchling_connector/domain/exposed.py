"""What the platform shows to Prometheus: metrics of all connectors and workers, and its own."""

from dataclasses import dataclass
from typing import Literal

from benchling_connector.domain.samples import SAMPLED, Sampled

__all__ = ["CONNECTOR", "EXPOSED", "PLATFORM", "WORKER", "Exposed", "Family", "exposed_of"]

PREFIX = "benchling_connector_"

CONNECTOR = ("connector_id", "connector")
WORKER = (*CONNECTOR, "worker")
PLATFORM: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exposed:
    """One metric and the names of its labels. A counter's name goes without `_total`."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its values, each under the values of its labels."""

    metric: Exposed
    values: tuple[tuple[tuple[str, ...], float], ...]


def _gauge(name: str, meaning: str, labels: tuple[str, ...] = CONNECTOR) -> Exposed:
    return Exposed(PREFIX + name, "gauge", meaning, labels)


def exposed_of(sampled: Sampled) -> Exposed:
    """The metric that a sampled number is shown as."""
    return Exposed(PREFIX + sampled.name, sampled.kind, sampled.meaning, WORKER)


EXPOSED: dict[str, Exposed] = {
    one.name.removeprefix(PREFIX): one
    for one in (
        _gauge("health", "0 healthy, 1 warning, 2 critical; left out where it is N/A."),
        _gauge("online", "1 while a worker of it was heard of lately, else 0."),
        _gauge("mode", "What is wanted of it: 0 disabled, 1 idle, 2 running."),
        _gauge("workers", "Workers of it that were heard of lately."),
        _gauge("quarantined_messages", "Messages in quarantine that nobody has decided about."),
        _gauge("alerts_open", "Alerts of it that are open."),
        _gauge("commands_open", "Commands to it that have not come to their end."),
        _gauge(
            "last_event_timestamp_seconds",
            "When the queue handed over a message to any worker last, since 1970.",
        ),
        *(exposed_of(sampled) for sampled in SAMPLED.values()),
        _gauge(
            "platform_info",
            "1, with the version of the platform as a label.",
            ("version",),
        ),
        _gauge("platform_connectors", "Connectors that there are.", PLATFORM),
        _gauge("platform_workers_supervised", "Workers that the platform runs itself.", PLATFORM),
        _gauge("platform_alerts_open", "Alerts that are open.", PLATFORM),
        _gauge("platform_commands_open", "Commands that have not come to their end.", PLATFORM),
        _gauge("platform_notices_undelivered", "Notices that wait for their next try.", PLATFORM),
    )
}
"""By name without the prefix, in the order of the page."""
