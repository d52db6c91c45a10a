"""Everything that the platform can do, opened together for the web, the command line and tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import require_schema, upgrade
from benchling_connector.platform.alerts import Alerts
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.outward import Outside, Outward, outward
from benchling_connector.platform.samples import Samples
from benchling_connector.platform.tokens import Tokens

__all__ = ["Services", "open_services"]


@dataclass(frozen=True, slots=True)
class Services:
    """One of each. `given` is None where the platform was opened with its database only."""

    desk: Desk
    tokens: Tokens
    samples: Samples
    alerts: Alerts
    given: Outward | None = None

    @property
    def outward(self) -> Outward:
        """What needs the outside."""
        assert self.given is not None, "the platform was opened without it"
        return self.given


@asynccontextmanager
async def open_services(
    database_url: str,
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], str],
    may_make: bool = False,
    outside: Outside | None = None,
) -> AsyncIterator[Services]:
    """The services on a database, which is made or upgraded first if it may be.

    Raises `ConfigurationError` when there is none, or one of another version, and
    `TransientError`.
    """
    engine = open_engine(database_url)
    try:
        await (upgrade(engine) if may_make else require_schema(engine))
        desk = Desk(engine, now, new_id)
        samples, alerts = Samples(desk), Alerts(desk)
        yield Services(
            desk=desk,
            tokens=Tokens(desk),
            samples=samples,
            alerts=alerts,
            given=None if outside is None else outward(desk, samples, alerts, outside),
        )
    finally:
        await engine.dispose()
