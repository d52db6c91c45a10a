"""What a worker does for commands with adapters that it does not need for its own work."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.records import QuarantineFilter
from benchling_connector.ports import Quarantine
from benchling_connector.worker.tools import CheckItem, Chosen, Outcome

__all__ = ["check", "discard", "retry"]

# Each imports what it needs when it is asked for: most workers never are.


async def check(configuration: Configuration) -> AsyncIterator[CheckItem]:
    """See `Tools`."""
    from benchling_connector.checkup import check_up

    async for item in check_up(configuration):
        yield item


async def retry(
    configuration: Configuration, chosen: Chosen, who: str, tell: Callable[[Outcome], None]
) -> None:
    """See `Tools`. Raises `ConnectorError`."""
    from benchling_connector import redelivery
    from benchling_connector.adapters.sqs import open_outlet
    from benchling_connector.adapters.system import SystemClock

    async with AsyncExitStack() as stack:
        quarantine = await stack.enter_async_context(_quarantine(configuration))
        outlet = await stack.enter_async_context(
            open_outlet(configuration.sqs_url, configuration.aws_region)
        )
        await redelivery.retry(
            quarantine, outlet, _selection(chosen), who=who, clock=SystemClock(), tell=tell
        )


async def discard(
    configuration: Configuration,
    chosen: Chosen,
    because: str,
    who: str,
    tell: Callable[[Outcome], None],
) -> None:
    """See `Tools`. Raises `ConnectorError`."""
    from benchling_connector import redelivery
    from benchling_connector.adapters.system import SystemClock

    async with _quarantine(configuration) as quarantine:
        await redelivery.discard(
            quarantine,
            _selection(chosen),
            because=because,
            who=who,
            clock=SystemClock(),
            tell=tell,
        )


@asynccontextmanager
async def _quarantine(configuration: Configuration) -> AsyncIterator[Quarantine]:
    from benchling_connector.adapters.ledger import open_quarantine

    async with open_quarantine(
        configuration.database_url,
        configuration.connector_id,
        connector_name=configuration.connector_name,
        to_decide=True,
    ) as quarantine:
        yield quarantine


def _selection(chosen: Chosen) -> "tuple[str, ...] | QuarantineFilter":
    return chosen.message_ids or QuarantineFilter(code=chosen.reason, since=chosen.since)
