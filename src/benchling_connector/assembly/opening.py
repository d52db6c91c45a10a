"""Opens everything that one worker needs, and puts it together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import structlog

from benchling_connector import __version__
from benchling_connector.adapters.benchling import open_reader
from benchling_connector.adapters.lake import open_lake
from benchling_connector.adapters.sqs import open_queue
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.assembly.connector import Connector, Standing
from benchling_connector.assembly.ledger import open_own_ledger
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.domain.rawfile import Origin
from benchling_connector.engine.engine import Engine, Options, Ports
from benchling_connector.engine.intake import Filter

__all__ = ["open_connector"]

log = structlog.get_logger()


@asynccontextmanager
async def open_connector(
    configuration: Configuration,
    *,
    poll_s: int = 20,
    look_again: Callable[[], Configuration] | None = None,
    standing: Standing | None = None,
) -> AsyncIterator[Connector]:
    """Opens everything that one worker needs, and closes it in the end.

    `poll_s`: seconds of a long poll. `look_again` gives the configuration as it is now, for a
    secret that Benchling has refused. `standing`: of a worker under a home, which serves the probes
    itself, too. Raises `ConnectorError` when database or lake cannot be opened.
    """
    _warn(configuration)
    clock, ids, standing = SystemClock(), SystemIds(), standing or Standing()
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(
            open_reader(configuration, clock, ids, look_again=look_again)
        )
        source = await stack.enter_async_context(
            open_queue(
                configuration.sqs_url,
                configuration.aws_region,
                clock,
                ca_bundle=configuration.ca_bundle,
            )
        )
        # Benchling and AWS are asked while the database opens; the engine takes the answers in its
        # own order, and receives nothing before.
        reader.begin()
        source.begin()
        ledger, name = await open_own_ledger(stack, configuration, standing, clock, ids)
        lake = await stack.enter_async_context(
            open_lake(
                configuration.lake_url,
                region=configuration.aws_region,
                ca_bundle=configuration.ca_bundle,
            )
        )
        engine = Engine(
            Ports(source, reader, lake, ledger, clock, ids),
            Options(
                origin=Origin(
                    configuration.benchling_url,
                    ledger.connector_id,
                    name,
                    __version__,
                ),
                wanted=Filter(configuration.event_types, configuration.schema_ids),
                events_per_file=configuration.events_per_file,
                bulk_size=configuration.bulk_get_size,
                wait_s=poll_s,
                retention=timedelta(days=configuration.event_retention_days),
            ),
            standing.stats,
        )
        connector = Connector(
            configuration, ledger.connector_id, standing, engine, reader, source, clock
        )
        if standing.database is None and configuration.http_port is not None:
            await _serve_status(stack, configuration.http_port, connector)
        log.info(
            "connector.opened",
            connector_id=ledger.connector_id,
            worker_id=standing.worker_id,
            version=__version__,
            benchling_url=configuration.benchling_url,
            lake=lake.location,
        )
        standing.api_requests_since = lambda: connector.budget().used_total
        standing.connector = connector
        try:
            yield connector
        finally:
            standing.api_requests += connector.budget().used_total
            standing.api_requests_since = int
            standing.connector = None


async def _serve_status(stack: AsyncExitStack, http_port: int, connector: Connector) -> None:
    # A web server is slow to import, and most connectors serve nothing.
    from benchling_connector.adapters.status import serve_status

    port = await stack.enter_async_context(
        serve_status(http_port, connector.health, connector.metrics)
    )
    log.info("status.served", port=port)


def _warn(configuration: Configuration) -> None:
    warnings = (
        (configuration.disable_ssl_verification, "tls-verification-off"),
        (configuration.sample_result_export_interface_ids, "interface-ids-no-effect"),
    )
    for applies, code in warnings:
        if applies:
            problem = PROBLEMS[code]
            log.warning(
                "configuration.warning", code=code, sentence=problem.title, remedy=problem.remedy
            )
