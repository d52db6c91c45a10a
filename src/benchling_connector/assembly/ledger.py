"""Opens the ledger for a worker, which is under a home or by itself."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeVar

import structlog

from benchling_connector.adapters.ledger import Process, SqlLedger, open_ledger
from benchling_connector.adapters.system import SystemIds, is_gone, own_name
from benchling_connector.assembly.connector import Standing
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.engine.engine import START_TRIES
from benchling_connector.ports import Clock

__all__ = ["open_own_ledger", "opened"]

LEAVE_WITHIN_S = 2.0

Opened = TypeVar("Opened")

log = structlog.get_logger()


async def open_own_ledger(
    stack: AsyncExitStack,
    configuration: Configuration,
    standing: Standing,
    clock: Clock,
    ids: SystemIds,
) -> tuple[SqlLedger, str]:
    """The ledger of a worker, and the connector's name: on its home's database, or on one that it
    opens, and that `stack` closes. Raises `ConnectorError`."""
    process = Process(own_name(), is_gone)
    if standing.database is None:
        ledger = await opened(
            stack,
            clock,
            lambda: open_ledger(
                configuration.database_url,
                connector_id=configuration.connector_id,
                connector_name=configuration.connector_name,
                worker_id=standing.worker_id,
                now=clock.now(),
                new_id=ids.file_id,
                process=process,
            ),
        )
        stack.push_async_callback(_leave, ledger, clock)
        return ledger, configuration.connector_name
    database = await standing.database()
    ledger = SqlLedger(
        database.engine,
        database.connector_id,
        standing.worker_id,
        process=process,
        heart=database.heart,
    )
    if standing.has_worked:
        await ledger.begin_anew()
    standing.has_worked = True
    return ledger, database.connector_name or configuration.connector_name


async def opened(
    stack: AsyncExitStack, clock: Clock, opening: Callable[[], AbstractAsyncContextManager[Opened]]
) -> Opened:
    """Opens something, with a few tries if it passes."""
    for tried in range(1, START_TRIES):
        try:
            return await stack.enter_async_context(opening())
        except TransientError as error:
            log.warning("start.retried", code=error.code, sentence=error.sentence)
            await clock.sleep(float(1 << tried))
    return await stack.enter_async_context(opening())


async def _leave(ledger: SqlLedger, clock: Clock) -> None:
    """Without a home nobody else says that the worker has ended."""
    try:
        async with asyncio.timeout(LEAVE_WITHIN_S):
            await ledger.leave(clock.now())
    except (ConnectorError, TimeoutError):
        log.warning("worker.not_signed_off", code="database-failing")
