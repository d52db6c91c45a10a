"""`/healthz`, `/readyz` and `/metrics` of a running connector, by HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration
from benchling_connector.domain.health import Health, State
from benchling_connector.domain.metrics import Metric

__all__ = ["serve_status"]


class _Metrics(Collector):
    def __init__(self, metrics: Callable[[], Sequence[Metric]]) -> None:
        self._metrics = metrics

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        found: list[CounterMetricFamily | GaugeMetricFamily] = []
        for metric in self._metrics():
            make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = make(metric.name, metric.help, labels=[metric.label] if metric.label else [])
            for label, value in metric.values:
                family.add_metric([label] if metric.label else [], value)
            found.append(family)
        return found


@asynccontextmanager
async def serve_status(
    port: int,
    health: Callable[[], Health],
    metrics: Callable[[], Sequence[Metric]],
    host: str = "0.0.0.0",  # noqa: S104 - probes come from outside the container
) -> AsyncIterator[int]:
    """Serves until the block ends; gives the port (0 asks for any free one).

    Raises `InvalidConfiguration` when the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(_Metrics(metrics))

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response(health().report())

    async def readyz(_: web.Request) -> web.Response:
        now = health()
        ready = now.state is not State.CRITICAL
        return web.json_response({"ready": ready, **now.report()}, status=200 if ready else 503)

    async def metrics_page(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics_page),
        ]
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            problem = f"port {port} cannot be used ({error.strerror or 'refused'})."
            remedy = "Choose a free one, or 0 for any."
            raise InvalidConfiguration([FieldProblem("http_port", problem, remedy)]) from None
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
