"""The lake: one object, written, read back and removed."""

from benchling_connector.adapters.lake import open_lake, probe_lake
from benchling_connector.checkup.items import Item, Outcome, warning
from benchling_connector.domain.configuration import Configuration

__all__ = ["check_lake"]


async def check_lake(configuration: Configuration) -> Item:
    """Leaves nothing behind where it may remove. Raises `ConnectorError` when it fails."""
    async with open_lake(
        configuration.lake_url,
        region=configuration.aws_region,
        ca_bundle=configuration.ca_bundle,
    ) as lake:
        probe = await probe_lake(lake)
    for trial in (probe.write, probe.read_back):
        if trial.error is not None:
            raise trial.error
    problems = [
        what
        for trial, what in (
            (probe.remove, f"the object at {probe.path} could not be removed"),
            (probe.tells_missing, "it does not tell that an object is missing"),
        )
        if not trial.works
    ]
    if problems:
        return warning("lake", "lake-permissions-incomplete", f"Works, but {'; '.join(problems)}.")
    return Item("lake", Outcome.PASSED, f"Written, read back and cleaned up in {probe.location}.")
