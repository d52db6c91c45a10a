"""Whether it makes sense to take messages now.

While something that every message needs is broken, each message taken is a receive count burnt on
the way to the dead-letter queue. So the gate closes on errors and opens again by itself: after a
`ConfigurationError` when a probe succeeds, after `TransientError`s with growing pauses, in which a
few messages are let through to see whether it works again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from benchling_connector.domain.errors import ConfigurationError, ConnectorError
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.waiting import wait_for
from benchling_connector.ports import Clock, Ids

__all__ = ["Dependency", "Gate", "Trouble"]

log = structlog.get_logger()

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 20.0
PROBATION = 10
"""Messages in flight while it is not sure yet that a dependency works again."""


class Dependency(StrEnum):
    """What the connector cannot do without."""

    BENCHLING = "benchling"
    QUEUE = "queue"
    LAKE = "lake"
    DATABASE = "database"


@dataclass(slots=True)
class Trouble:
    """What is wrong with one dependency, and since when (monotonic seconds)."""

    error: ConnectorError
    since: float
    failures: int
    open_at: float


class Gate:
    """Closed for as long as any dependency is in trouble."""

    def __init__(self, clock: Clock, ids: Ids, stats: Stats) -> None:
        self._clock = clock
        self._ids = ids
        self._stats = stats
        self._troubles: dict[Dependency, Trouble] = {}
        self._changed = asyncio.Event()
        self._probing = asyncio.Lock()
        self.closed_for_good = asyncio.Event()

    @property
    def troubles(self) -> dict[Dependency, Trouble]:
        """What is wrong now."""
        return dict(self._troubles)

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
        since = known.since if known else now
        self._troubles[dependency] = Trouble(error, since, failures, now + pause)
        if known is None or known.error.code != error.code:
            log.warning(
                "dependency.failed",
                dependency=dependency.value,
                code=error.code,
                sentence=error.sentence,
                remedy=error.remedy,
            )

    def works(self, dependency: Dependency) -> None:
        """Something that a dependency was asked for worked."""
        trouble = self._troubles.pop(dependency, None)
        if trouble is not None:
            log.info(
                "dependency.works",
                dependency=dependency.value,
                after_seconds=round(self._clock.monotonic() - trouble.since, 3),
            )
            self._changed.set()

    def close(self) -> None:
        """No more intake: the engine stops."""
        self.closed_for_good.set()
        self._changed.set()

    async def allowance(self, probe: Callable[[], Awaitable[None]]) -> int | None:
        """Waits until messages may be taken; gives how many may be in flight (None: any number).

        `probe` asks Benchling, which somebody had to mend; the others are asked by the work
        itself, which goes on trying.
        """
        while not self.closed_for_good.is_set():
            if not self._troubles:
                return None
            now = self._clock.monotonic()
            pause = max(trouble.open_at for trouble in self._troubles.values()) - now
            if pause > 0:
                self._changed.clear()
                await wait_for(self._changed, pause, self._clock)
                continue
            if not self._refused():
                return PROBATION
            async with self._probing:
                if self._refused():  # by now another has asked
                    await probe()
        return 0

    def _refused(self) -> bool:
        trouble = self._troubles.get(Dependency.BENCHLING)
        return (
            trouble is not None
            and isinstance(trouble.error, ConfigurationError)
            and trouble.open_at <= self._clock.monotonic()
        )
