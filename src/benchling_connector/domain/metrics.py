"""What a running connector measures: names, kinds and meanings, in base units."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Metric", "counter", "gauge"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric and its values by label value; `label` is empty for a metric with one value.

    A counter's name goes without `_total`, which the exposition adds.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    values: tuple[tuple[str, float], ...]
    label: str = ""


def counter(
    name: str, meaning: str, value: float | Sequence[tuple[str, float]], label: str = ""
) -> Metric:
    """A metric that only grows."""
    return Metric(f"benchling_connector_{name}", "counter", meaning, _values(value), label)


def gauge(
    name: str, meaning: str, value: float | Sequence[tuple[str, float]], label: str = ""
) -> Metric:
    """A metric that goes up and down."""
    return Metric(f"benchling_connector_{name}", "gauge", meaning, _values(value), label)


def _values(value: float | Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    if isinstance(value, (int, float)):
        return (("", float(value)),)
    return tuple(value)
