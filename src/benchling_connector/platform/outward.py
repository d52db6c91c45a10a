"""What of the platform needs more than its database, and what it is given for it."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.platform.alerts import Alerts
from benchling_connector.platform.channels import Channels
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.notifying import Notices
from benchling_connector.platform.samples import Samples
from benchling_connector.platform.watching import Watching
from benchling_connector.ports import LedgerReader, Notify, Quarantine, Sealing

__all__ = ["Outside", "Outward", "outward"]


@dataclass(frozen=True, slots=True)
class Outside:
    """What whoever opens the platform gives it. The ledger's readers are of all connectors, or of
    the one with this ID.
    """

    ledger: Callable[[AsyncEngine, str | None], LedgerReader]
    quarantine: Callable[[AsyncEngine, str | None], Quarantine]
    notify: Notify


@dataclass(frozen=True, slots=True)
class Outward:
    """One of each."""

    channels: Channels
    notices: Notices
    watching: Watching
    ledger: Callable[[str | None], LedgerReader]
    quarantine: Callable[[str | None], Quarantine]


def outward(
    desk: Desk, samples: Samples, alerts: Alerts, sealing: Sealing, outside: Outside
) -> Outward:
    """The services, put together."""
    channels = Channels(desk, sealing)
    notices = Notices(desk, channels, sealing, outside.notify)
    return Outward(
        channels=channels,
        notices=notices,
        watching=Watching(desk, samples, alerts, notices),
        ledger=lambda connector_id: outside.ledger(desk.engine, connector_id),
        quarantine=lambda connector_id: outside.quarantine(desk.engine, connector_id),
    )
