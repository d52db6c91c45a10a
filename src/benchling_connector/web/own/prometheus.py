"""`/metrics`: all connectors and workers, and the platform itself, for Prometheus.

It asks for no token, as probes do not send one: names, IDs and numbers stand in it, and nothing
else.
"""

from collections.abc import Iterable, Sequence

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from benchling_connector.domain.exposed import Family
from benchling_connector.platform.exposition import families
from benchling_connector.web.access import Served

__all__ = ["router"]

router = APIRouter(tags=["metrics"])


class _Families(Collector):
    def __init__(self, found: Sequence[Family]) -> None:
        self._found = found

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        for family in self._found:
            metric = family.metric
            make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            shown = make(metric.name, metric.help, labels=list(metric.labels))
            for labels, value in family.values:
                shown.add_metric(list(labels), value)
            yield shown


@router.get(
    "/metrics",
    response_class=Response,
    summary="Numbers for Prometheus",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_prometheus_metrics(services: Served) -> Response:
    """The newest numbers of all workers, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Families(await families(services.desk, services.samples, services.alerts)))
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
