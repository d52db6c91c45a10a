"""Whether it makes sense to try: to take messages now, and to ask a dependency again.

While something that every message needs is broken, each message taken is a receive count burnt on
the way to the dead-letter queue. So the gate closes when a dependency fails, and what is in flight
stays there and waits. Of all who wait for one dependency, one at a time tries again, with growing
pauses, and another when that one is not answered; when it works again all go on at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import structlog

from benchling_connector.domain.errors import ConnectorError
from benchling_connector.domain.health import Condition, Finding, condition_of
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.waiting import Bell
from benchling_connector.ports import Clock, Ids

__all__ = ["Dependency", "Gate", "Trouble"]

log = structlog.get_logger()

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0

LATELY_S = 20.0
"""Longer than the longest pause between two tries."""

Result = TypeVar("Result")


class Dependency(StrEnum):
    """What the connector cannot do without."""

    BENCHLING = "benchling"
    QUEUE = "queue"
    DELETES = "queue-deletes"
    LAKE = "lake"
    DATABASE = "database"


@dataclass(slots=True)
class Trouble:
    """What is wrong with one dependency, and since when; times are monotonic seconds."""

    error: ConnectorError
    since: float
    since_at: datetime
    failures: int
    open_at: float
    tried_until: float = 0.0
    """For so long whoever tries may take for an answer, before another tries."""


class Gate:
    """Closed for as long as any dependency is in trouble."""

    def __init__(self, clock: Clock, ids: Ids, stats: Stats) -> None:
        self._clock = clock
        self._ids = ids
        self._stats = stats
        self._troubles: dict[Dependency, Trouble] = {}
        self._changed = Bell(clock)
        self._turns = {dependency: asyncio.Lock() for dependency in Dependency}
        self._callers = dict.fromkeys(Dependency, 0)
        self._well_since = dict.fromkeys(Dependency, clock.now())
        self.worked_at = dict.fromkeys(Dependency, clock.monotonic())
        """Monotonic seconds: when each last did what it was asked for."""
        self._refused_at = dict.fromkeys(Dependency, -LATELY_S)
        self.closed_for_good = asyncio.Event()

    @property
    def troubles(self) -> dict[Dependency, Trouble]:
        """What is wrong now."""
        return dict(self._troubles)

    def conditions(self) -> tuple[Condition, ...]:
        """How each dependency is."""
        now = self._clock.monotonic()
        return tuple(
            condition_of(
                one.value,
                Finding(trouble.error, trouble.since_at, now - trouble.since)
                if (trouble := self._troubles.get(one))
                else None,
                self._well_since[one],
            )
            for one in Dependency
        )

    def failed(self, dependency: Dependency, error: ConnectorError) -> None:
        """Something that a dependency was asked for did not work."""
        now = self._clock.monotonic()
        self._stats.errors[error.code] += 1
        known = self._troubles.get(dependency)
        failures = known.failures + 1 if known else 1
        if known and known.open_at > now and type(known.error) is type(error):
            return  # the same trouble, seen by others who were under way
        longest = min(FIRST_PAUSE_S * float(1 << min(failures - 1, 16)), LONGEST_PAUSE_S)
        pause = longest * (0.5 + 0.5 * self._ids.jitter())
        since, since_at = (known.since, known.since_at) if known else (now, self._clock.now())
        self._troubles[dependency] = Trouble(error, since, since_at, failures, now + pause)
        if known is None or known.error.code != error.code:
            log.warning(
                "dependency.failed",
                dependency=dependency.value,
                code=error.code,
                sentence=error.sentence,
                remedy=error.remedy,
            )
        self._changed.ring()

    def works(self, dependency: Dependency) -> None:
        """Something that a dependency was asked for worked."""
        self.worked_at[dependency] = self._clock.monotonic()
        trouble = self._troubles.pop(dependency, None)
        if trouble is not None:
            self._well_since[dependency] = self._clock.now()
            log.info(
                "dependency.works",
                dependency=dependency.value,
                after_seconds=round(self._clock.monotonic() - trouble.since, 3),
            )
            self._changed.ring()

    def answers(self, dependency: Dependency) -> None:
        """It was asked for a sign of life, and gave one: it works, unless it refused lately what
        somebody still asks for."""
        lately = self._clock.monotonic() - self._refused_at[dependency] < LATELY_S
        if not (lately and self.is_asked(dependency)):
            self.works(dependency)

    def close(self) -> None:
        """No more intake: the engine stops."""
        self.closed_for_good.set()
        self._changed.ring()

    @property
    def is_shut(self) -> bool:
        """Whether no message may be taken now. The queue's own trouble is for a receive to end."""
        return self.closed_for_good.is_set() or bool(self._troubles.keys() - {Dependency.QUEUE})

    async def opened(self) -> None:
        """Waits until messages may be taken, or until the gate is closed for good.

        The queue's own trouble is over when its pause is: only a receive can tell.
        """
        while not self.closed_for_good.is_set():
            queue = self._troubles.get(Dependency.QUEUE)
            pause = queue.open_at - self._clock.monotonic() if queue else 0.0
            if self.is_shut:
                pause = max(pause, LONGEST_PAUSE_S)
            if pause <= 0:
                return
            await self.change(pause)

    async def change(self, seconds: float) -> None:
        """Waits until a trouble came or went, at most so many seconds."""
        await self._changed.heard(seconds)

    @contextmanager
    def asking(self, dependency: Dependency) -> Iterator[None]:
        """Somebody has work for a dependency, and tries until it is done or given up."""
        self._callers[dependency] += 1
        try:
            yield
        finally:
            self._callers[dependency] -= 1

    def is_asked(self, dependency: Dependency) -> bool:
        """Whether there is work for a dependency just now."""
        return self._callers[dependency] > 0

    async def attempt(
        self, dependency: Dependency, call: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Calls once: at once if all is well, else in turn and when the pause is over.

        Raises what the call raises; a `ConnectorError` is counted as the dependency's.
        """
        if dependency in self._troubles:
            async with self._turns[dependency]:
                await self._turn(dependency)
        return await self._call(dependency, call)

    async def insist(self, dependency: Dependency, call: Callable[[], Awaitable[Result]]) -> Result:
        """Calls until it succeeds, with growing pauses."""
        tried = 0
        with self.asking(dependency):
            while True:
                try:
                    return await self.attempt(dependency, call)
                except ConnectorError:
                    tried += 1
                    await self._clock.sleep(self.pause(tried))

    def pause(self, tried: int) -> float:
        """Seconds between one's own tries: growing, the upper half at random."""
        longest = min(0.5 * float(1 << min(tried - 1, 16)), LONGEST_PAUSE_S)
        return longest * (0.5 + 0.5 * self._ids.jitter())

    async def _call(self, dependency: Dependency, call: Callable[[], Awaitable[Result]]) -> Result:
        try:
            result = await call()
        except ConnectorError as error:
            self._refused_at[dependency] = self._clock.monotonic()
            self.failed(dependency, error)
            raise
        self.works(dependency)
        return result

    async def _turn(self, dependency: Dependency) -> None:
        """Waits until it makes sense to try, or until the trouble is over."""
        while (trouble := self._troubles.get(dependency)) is not None:
            now = self._clock.monotonic()
            left = max(trouble.open_at, trouble.tried_until) - now
            if left <= 0 or self.closed_for_good.is_set():
                trouble.tried_until = now + LONGEST_PAUSE_S
                return
            await self.change(left)
