"""Tests a platform's configuration as `check` does: on the real services, item by item."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import InvalidConfiguration
from benchling_connector.platform.trying import LiveTest, TriedItem

__all__ = ["live_test"]


def live_test(database_url: str, data_dir: Path) -> LiveTest:
    """A test for connectors of the platform on this database, as a worker beside it sees them."""

    async def test(given: Mapping[str, object]) -> Sequence[TriedItem]:
        from benchling_connector.checkup import check_up, failure  # slow to import

        configuration = Configuration.model_validate(
            {"data_dir": data_dir, **given, "database_url": database_url}
        )
        try:
            items = [item async for item in check_up(configuration)]
        except InvalidConfiguration as error:  # of a file that only this machine has, or has not
            items = [failure("configuration", error)]
        return [
            TriedItem(item.name, item.passed, item.summary, item.remedy, item.code)
            for item in items
        ]

    return test
