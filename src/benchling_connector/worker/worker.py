"""One worker under its connector's home: once a second it looks at what is wanted, and what is to
be done; and it says how it is."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.lifecycle import Mode
from benchling_connector.ports import Beat, Clock, Home, Situation
from benchling_connector.worker.duty import Duty, Wanted
from benchling_connector.worker.tools import Tools

if TYPE_CHECKING:
    from benchling_connector.worker.carrying import Carrying

__all__ = ["Worker"]

LOOK_EVERY_S = 1.0
BEAT_EVERY_S = 10.0
SAMPLE_EVERY_S = 10.0
RESTING_EVERY_S = 30.0
"""The same for a worker that is IDLE, of which there may be hundreds."""
FIRST_BEAT_S = 0.5
"""Not before: the start has other things to write down."""
LEAVE_WITHIN_S = 1.0

log = structlog.get_logger()


class Worker:
    """`own`: its configuration if it brought one, and does not take the home's. `port`: where
    probes are answered while there is none. `drain`: end when for so many seconds nothing came and
    nothing was to do."""

    def __init__(
        self,
        tools: Tools,
        clock: Clock,
        *,
        own: Configuration | None = None,
        port: int | None = None,
        drain: float | None = None,
    ) -> None:
        self._tools = tools
        self._clock = clock
        self._brought_its_own = own is not None
        self._home: Home | None = None
        self._duty = Duty(tools, self._fetch, clock, own, port, drain)
        self._stopping = False
        self._over = asyncio.Event()
        self._carrying: Carrying | None = None
        self._has_commands = False
        self._beat_at = clock.monotonic() + FIRST_BEAT_S
        self._told: object = None
        self._sample_at = 0.0
        self._has_beaten = False
        self._away_since: float | None = None

    def stop(self) -> None:
        """`run` returns soon, with everything settled."""
        self._stopping = True
        self._duty.stop()

    async def run(self) -> None:
        """Works until it is stopped or drained, or the connector is disabled.

        Raises `ConnectorError` when its home cannot be found, or a configuration of its own does
        not open at the start.
        """
        looking = asyncio.create_task(self._look_for_ever())
        doing = asyncio.create_task(self._duty.do())
        try:
            await asyncio.wait([looking, doing], return_when=asyncio.FIRST_COMPLETED)
            self._duty.stop()
            await asyncio.wait([doing])
            self._over.set()
            await self._leave(looking)
            for one in (doing, looking):
                if one.done() and not one.cancelled():
                    one.result()
        finally:
            for one in (looking, doing):
                one.cancel()
            await asyncio.gather(looking, doing, return_exceptions=True)

    async def _look(self) -> Situation:
        """What is wanted now; and from now on that is done. Raises `TransientError`."""
        assert self._home is not None
        found = await self._home.situation()
        self._tools.set_log_level(found.log_level)
        version = None if self._brought_its_own else found.config_version
        self._duty.want(Wanted(found.mode, version))
        self._has_commands = found.has_commands
        return found

    async def _holding(self) -> Configuration | None:
        """The one that holds, None if there is none. Raises `ConnectorError`."""
        own = self._duty.own()
        if own is not None:
            return own
        version = self._duty.doing.version
        return None if version is None else await self._fetch(version)

    async def _fetch(self, version: int) -> Configuration:
        assert self._home is not None
        keys = await self._home.configuration(version)
        return await self._tools.configure(keys)

    async def _look_for_ever(self) -> None:
        home = self._home = await self._tools.find_home()
        while not self._over.is_set():
            await self._try(self._look)
            news = self._has_beaten and self._state() != self._told
            if news or self._clock.monotonic() >= self._beat_at:
                await self._try(lambda: self._beat(home))
            if self._has_beaten and self._clock.monotonic() >= self._sample_at:
                await self._try(lambda: self._sample(home))
            # A worker that nobody has heard of yet counts as gone, and its commands as interrupted.
            if self._has_commands and self._has_beaten and not self._stopping:
                self._carrying = self._carrying or self._ready_for_commands(home)
                await self._try(self._carrying.take)
            await self._pause(LOOK_EVERY_S)

    def _ready_for_commands(self, home: Home) -> "Carrying":
        # What commands can be is not made up before the connector is at work: it takes time.
        from benchling_connector.worker.carrying import Carrying
        from benchling_connector.worker.commands import Abilities, understood

        abilities = Abilities(
            self._brought_its_own,
            self._look,
            home.set_log_level,
            self._holding,
            self._fetch,
            self._tools,
        )
        return Carrying(home, self._clock, understood(abilities))

    async def _beat(self, home: Home) -> None:
        told, now = self._state(), self._clock.now()
        doing = self._duty.doing
        report = {**self._duty.health().report(), "counts": dict(self._tools.counts())}
        await home.beat(Beat(doing.mode, doing.version, json.dumps(report)), now)
        self._has_beaten, self._told = True, told
        self._beat_at = self._clock.monotonic() + self._every(BEAT_EVERY_S)
        sample_at = self._clock.monotonic() + self._every(SAMPLE_EVERY_S)
        self._sample_at = min(self._sample_at, sample_at)
        await home.tidy(now)

    async def _sample(self, home: Home) -> None:
        self._sample_at = self._clock.monotonic() + self._every(SAMPLE_EVERY_S)
        values = await self._tools.sample() if self._tools.sample is not None else {}
        if values:
            await home.sample(values, self._clock.now())

    def _every(self, seconds: float) -> float:
        return seconds if self._duty.doing.mode is Mode.RUNNING else RESTING_EVERY_S

    def _state(self) -> object:
        """What others want to know of soon when it changes."""
        health = self._duty.health()
        return self._duty.doing, [(one.part, one.state, one.code) for one in health.conditions]

    async def _try(self, call: Callable[[], Awaitable[object]]) -> None:
        """While its home is away it goes on with what it knows."""
        try:
            await call()
        except TransientError as error:
            if self._away_since is None:
                self._away_since = self._clock.monotonic()
                log.warning("home.away", code=error.code, sentence=error.sentence)
        else:
            if self._away_since is not None:
                away_s = self._clock.monotonic() - self._away_since
                log.info("home.back", after_seconds=round(away_s, 1))
                self._away_since = None

    async def _pause(self, seconds: float) -> None:
        waits = [
            asyncio.ensure_future(self._over.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _leave(self, looking: asyncio.Task[None]) -> None:
        """Answers what was begun, and says that it ends; as well as it can in a moment."""
        leaving = asyncio.ensure_future(self._take_leave(looking))
        timer = asyncio.ensure_future(self._clock.sleep(LEAVE_WITHIN_S))
        try:
            await asyncio.wait([leaving, timer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (leaving, timer):
                one.cancel()
            await asyncio.gather(leaving, timer, return_exceptions=True)
        if leaving.cancelled() or leaving.exception() is not None:
            log.warning("worker.not_signed_off", code="database-failing")

    async def _take_leave(self, looking: asyncio.Task[None]) -> None:
        if self._home is None:  # nobody knows of this worker yet
            return
        await asyncio.wait([looking])  # not in the middle of taking a command
        if self._carrying is not None:
            if self._has_commands and self._has_beaten and not self._stopping:
                # What came with the wish that nobody works any more: nobody else will take it.
                await self._try(self._carrying.take)
            await self._carrying.end()
        await self._home.leave(self._clock.now())
