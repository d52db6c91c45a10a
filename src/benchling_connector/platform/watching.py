"""The platform's eye on its connectors: every ten seconds it looks, and tells whom it concerns."""

from collections.abc import Awaitable, Callable

import structlog

from benchling_connector.domain.errors import ConnectorError
from benchling_connector.platform.alerts import Alerts
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.forgetting import forget_ended
from benchling_connector.platform.notifying import Notices
from benchling_connector.platform.observing import note, sightings
from benchling_connector.platform.samples import Samples

__all__ = ["LOOK_EVERY_S", "Watching", "watch"]

log = structlog.get_logger()

LOOK_EVERY_S = 10.0
KEEP_EVERY_S = 60.0


class Watching:
    """One look after the other; any number of processes may look at once."""

    def __init__(self, desk: Desk, samples: Samples, alerts: Alerts, notices: Notices) -> None:
        self._desk = desk
        self._samples = samples
        self._alerts = alerts
        self._notices = notices

    async def look(self) -> None:
        """Raises and resolves alerts, and sends what is due. Raises `TransientError`."""
        latest = await self._samples.latest()
        async with self._desk.reading() as connection:
            found = await sightings(connection, latest, self._desk.now())
        if any(one.is_news for one in found):
            async with self._desk.writing() as connection:
                await note(connection, found)
        await self._alerts.update(found)
        while await self._notices.deliver():
            pass

    async def keep(self) -> None:
        """Sums samples up, and forgets old ones, and old alerts, commands and jobs.

        Raises `TransientError`.
        """
        await self._samples.keep()
        await self._alerts.keep()
        await forget_ended(self._desk)


async def watch(watching: Watching, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Looks for ever, until it is cancelled. What passes is logged and tried again."""
    kept_ago = KEEP_EVERY_S
    while True:
        try:
            await watching.look()
            if kept_ago >= KEEP_EVERY_S:
                await watching.keep()
                kept_ago = 0.0
        except ConnectorError as error:
            log.warning("watch.failed", code=error.code, sentence=error.sentence)
        except Exception:
            # A fault of our own must not end the watch over everything else.
            log.exception("watch.stumbled")
        await sleep(LOOK_EVERY_S)
        kept_ago += LOOK_EVERY_S
