"""A Grafana dashboard and Prometheus alert rules for the platform's `/metrics`, as package data."""

from dataclasses import dataclass
from importlib import resources

__all__ = ["FILES", "File", "read"]


@dataclass(frozen=True, slots=True)
class File:
    """A file: its name, and what it is in one sentence."""

    name: str
    title: str


FILES = (
    File("grafana-dashboard.json", "Grafana dashboard of all connectors and their workers."),
    File("prometheus-alerts.yaml", "Prometheus alert rules, by the platform's own thresholds."),
)


def read(name: str) -> str:
    """The text of a file, by its name with or without what follows the point.

    Raises KeyError for another.
    """
    for file in FILES:
        if name in (file.name, file.name.partition(".")[0]):
            return resources.files(__name__).joinpath(file.name).read_text(encoding="utf-8")
    raise KeyError(name)
