"""Tests a configuration against the real services, item by item, and starts nothing.

Beside `assembly` the only place that knows several adapters. Each item passed, passed with a
warning, failed, or could not be tried because one before it failed.
"""

from collections.abc import AsyncIterator

from benchling_connector.checkup.benchling import BENCHLING_ITEMS, check_benchling
from benchling_connector.checkup.database import check_database
from benchling_connector.checkup.items import Item, Outcome, attempt, failure, warning
from benchling_connector.checkup.lake import check_lake
from benchling_connector.checkup.queue import QUEUE_ITEMS, check_queue
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConfigurationError

__all__ = ["ITEMS", "Item", "Outcome", "check_up", "failure"]

ITEMS = ("configuration", *BENCHLING_ITEMS, *QUEUE_ITEMS, "lake", "database")
"""Every item, in the order in which they come."""


async def check_up(
    configuration: Configuration, secret_missing: ConfigurationError | None = None
) -> AsyncIterator[Item]:
    """The items one by one, as they are known. Raises nothing: what fails is an item.

    `secret_missing`: the client secret is empty, and this says where.
    """
    yield _configuration(configuration, secret_missing)
    async for item in check_benchling(configuration):
        yield item
    async for item in check_queue(configuration):
        yield item
    yield await attempt("lake", lambda: check_lake(configuration))
    yield await attempt("database", lambda: check_database(configuration))


def _configuration(configuration: Configuration, missing: ConfigurationError | None) -> Item:
    if missing is not None:
        return failure("configuration", missing)
    if configuration.sample_result_export_interface_ids:
        return warning("configuration", "interface-ids-no-effect")
    return Item("configuration", Outcome.PASSED, "All keys are valid.")
