"""What a worker does with its connector: opens and runs it, drains it, or rests, as is wanted.

A configuration that is wanted in place of another drains the connector first, so that nothing in
flight is lost, and opens it anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConfigurationError, ConnectorError
from benchling_connector.domain.health import Condition, Health, State
from benchling_connector.domain.lifecycle import Mode
from benchling_connector.domain.metrics import Metric, gauge
from benchling_connector.ports import Clock
from benchling_connector.worker.page import Page
from benchling_connector.worker.secret import LOOK_EVERY_S, AwaitedSecret
from benchling_connector.worker.tools import OpenConnector, Tools

__all__ = ["LONGEST_PAUSE_S", "Duty", "Wanted"]

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 300.0
"""Between two tries to open what does not open."""

PROVEN_AFTER_S = 30.0
"""What failed before is in trouble until it has run for so long."""

PART = "configuration"
"""The row of the health table while no connector is open."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted: `version` of the home's configurations, None for one of the worker's own, or
    as long as there is none."""

    mode: Mode
    version: int | None


class Duty:
    """One worker's. `own`: its configuration if it brought one; `fetch` gives a version of the
    home's. `port`: where probes are answered while there is none. `drain`: end when for so many
    seconds nothing came and nothing was to do."""

    def __init__(
        self,
        tools: Tools,
        fetch: Callable[[int], Awaitable[Configuration]],
        clock: Clock,
        own: Configuration | None,
        port: int | None,
        drain: float | None,
    ) -> None:
        self._tools = tools
        self._fetch = fetch
        self._clock = clock
        self._own = own
        self._secret = None
        if own is not None and not len(own.client_secret) and tools.look_again is not None:
            self._secret = AwaitedSecret(tools.look_again, clock)
        self._port = port
        self._drain = drain
        self._wanted: Wanted | None = None
        self._known = asyncio.Event()
        self._changed = asyncio.Event()
        self._over = False
        self._connector: OpenConnector | None = None
        self._working: Wanted | None = None
        self._opened_at = 0.0
        self._trouble: Condition | None = None
        self._tries = 0
        self._well_since = clock.now()
        # Where nothing has ever worked there is nothing to go back to: the start fails.
        self._may_fail = own is not None
        self._page = Page(lambda port: tools.serve(port, self.health, self.metrics))

    @property
    def doing(self) -> Wanted:
        """What it does just now: IDLE, but for the time in which a connector runs."""
        rests_with = self._wanted.version if self._wanted else None
        return self._working or Wanted(Mode.IDLE, rests_with)

    def own(self) -> Configuration | None:
        """The configuration that it brought, if it did.

        Raises `ConnectorError` while its client secret is awaited.
        """
        if self._secret is not None:
            raise self._secret.error or ConfigurationError("client-secret-missing")
        return self._own

    def want(self, wanted: Wanted) -> None:
        """From now on this is wanted."""
        if wanted != self._wanted:
            log.info("worker.wanted", mode=wanted.mode.value, config_version=wanted.version)
            self._wanted = wanted
            self._changed.set()
        self._known.set()

    def stop(self) -> None:
        """Ends `do` soon, with everything settled."""
        self._over = True
        self._changed.set()

    def health(self) -> Health:
        """That of the connector; without one, whether there is a configuration, and it opens."""
        running_s = self._clock.monotonic() - self._opened_at
        if self._trouble is not None and (self._connector is None or running_s < PROVEN_AFTER_S):
            return Health((self._trouble,))
        if self._connector is not None:
            return self._connector.health()
        if self._own is None and self.doing.version is None:
            return Health(())
        return Health((Condition(PART, State.HEALTHY, self._well_since),))

    def metrics(self) -> Sequence[Metric]:
        """Those of the connector; without one, health alone."""
        if self._connector is not None:
            return self._connector.metrics()
        return (gauge("health", "0 healthy, 1 warning, 2 critical.", self.health().state),)

    async def do(self) -> None:
        """Does what is wanted, until that is DISABLED, or it is stopped or drained.

        Raises `ConnectorError` when a configuration of its own does not open at the start.
        """
        async with self._page:
            while not self._over:
                self._changed.clear()
                wanted = self._wanted
                if wanted is None and self._own is not None:
                    # It is opened beside the question what is wanted.
                    wanted = Wanted(Mode.RUNNING, None)
                if wanted is None:
                    await self._changed.wait()
                elif wanted.mode is Mode.DISABLED:
                    log.info("worker.disabled")
                    return
                elif await self._done_with(wanted):
                    return

    async def _done_with(self, wanted: Wanted) -> bool:
        """Whether it has come to the end of all work, as `drain` says."""
        configured = self._own is not None or wanted.version is not None
        runs = wanted.mode is Mode.RUNNING and configured
        try:
            if self._secret is not None:
                await self._await(self._secret)
                return False
            drained = await (self._run(wanted) if runs else self._rest(wanted))
        except ConnectorError as error:
            if self._is_outdated(wanted):  # whatever it was, something else is wanted by now
                return False
            if self._may_fail and (runs or self._secret is not None):
                raise
            await self._pause_after(error)
            return False
        self._may_fail = False
        return drained

    async def _await(self, secret: AwaitedSecret) -> None:
        """For a moment, until something changes, or until the client secret is there."""
        found = await secret.look()
        if found is not None:
            self._own, self._secret = found, None
            self._well()
            return
        assert self._own is not None
        self._trouble = secret.condition(PART)
        await self._page.show(self._own.http_port)
        secret.say()
        await self._changed_within(LOOK_EVERY_S)

    async def _run(self, wanted: Wanted) -> bool:
        """Runs a connector for as long as this is wanted. Its work is ended in order, unless it
        has not begun."""
        work = asyncio.create_task(self._work(wanted))
        try:
            while not work.done():
                if self._is_outdated(wanted):
                    if self._connector is None:
                        work.cancel()
                    else:
                        self._connector.stop()
                    await asyncio.wait([work])
                else:
                    await self._heard(work)
            return False if work.cancelled() else work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    def _is_outdated(self, wanted: Wanted) -> bool:
        return self._over or (self._wanted is not None and self._wanted != wanted)

    async def _heard(self, work: asyncio.Task[bool]) -> None:
        """Returns when the work has ended, or something changed."""
        change = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait([work, change], return_when=asyncio.FIRST_COMPLETED)
            self._changed.clear()
        finally:
            change.cancel()
            await asyncio.gather(change, return_exceptions=True)

    async def _work(self, wanted: Wanted) -> bool:
        """Whether it was drained."""
        configuration = await self._configuration(wanted)
        await self._page.show(configuration.http_port)
        async with self._tools.open(configuration) as connector:
            await self._known.wait()
            if self._is_outdated(wanted):
                return False
            self._connector, self._working = connector, wanted
            self._opened_at = self._clock.monotonic()
            try:
                await connector.run(self._drain)
            finally:
                self._connector = self._working = None
        self._well()
        return not self._is_outdated(wanted)

    async def _rest(self, wanted: Wanted) -> bool:
        """Until something changes. Whether there was nothing to do for so long as `drain` says."""
        if self._own is None and wanted.version is None:
            await self._page.show(self._port)
        else:
            await self._page.show((await self._configuration(wanted)).http_port)
        self._well()
        return not await self._changed_within(self._drain)

    async def _configuration(self, wanted: Wanted) -> Configuration:
        if self._own is not None:
            return self._own
        assert wanted.version is not None
        return await self._fetch(wanted.version)

    def _well(self) -> None:
        if self._trouble is not None:
            self._trouble, self._well_since = None, self._clock.now()
        self._tries = 0

    async def _pause_after(self, error: ConnectorError) -> None:
        pause = min(FIRST_PAUSE_S * float(1 << min(self._tries, 16)), LONGEST_PAUSE_S)
        since = self._trouble.since if self._trouble is not None else self._clock.now()
        self._trouble = Condition(
            PART, State.CRITICAL, since, error.code, error.sentence, error.remedy
        )
        self._tries += 1
        log.error(
            "connector.not_opened",
            code=error.code,
            sentence=error.sentence,
            remedy=error.remedy,
            again_after_seconds=pause,
        )
        if await self._changed_within(pause):
            self._tries = 0

    async def _changed_within(self, seconds: float | None) -> bool:
        """Waits for a change, at most for so long; tells whether one came."""
        change = asyncio.create_task(self._changed.wait())
        waits = [change]
        if seconds is not None:
            waits.append(asyncio.create_task(_true(self._clock.sleep(seconds))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return change.done()
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


async def _true(sleep: Awaitable[None]) -> Literal[True]:
    await sleep
    return True
