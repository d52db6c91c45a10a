"""Forgets what is so old that nobody delivers it again: beside the work, and never in its way."""

from datetime import timedelta

import structlog

from benchling_connector.domain.errors import ConnectorError
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.waiting import wait_for
from benchling_connector.ports import Clock, Ids, Ledger

__all__ = ["AT_ONCE", "FIRST_AFTER_S", "LOOK_EVERY_S", "Prune"]

log = structlog.get_logger()

FIRST_AFTER_S = 20.0
"""After the start, when there is most to do; and before a short run ends that only drains."""

LOOK_EVERY_S = 600.0

AT_ONCE = 500
"""Events in one transaction: as many as are claimed or stored at once, so that
nobody waits longer than for that."""

PAUSE_S = 0.2
PAUSE_SHARE = 5.0
"""The pause after a step, as a multiple of what the step took: where the database is slow or has
much to do, it is asked less."""


class Prune:
    """A loop that runs until it is cancelled, or the engine stops."""

    def __init__(
        self, ledger: Ledger, keep: timedelta, gate: Gate, stats: Stats, clock: Clock, ids: Ids
    ) -> None:
        self._ledger = ledger
        self._keep = keep
        self._gate = gate
        self._stats = stats
        self._clock = clock
        self._ids = ids

    async def pruning(self) -> None:
        """Looks every ten minutes. Workers of one connector look at different times, by chance."""
        pause = FIRST_AFTER_S
        while not await self._stopped_within(pause * (0.5 + self._ids.jitter())):
            if Dependency.DATABASE not in self._gate.troubles:
                await self.sweep()
            pause = LOOK_EVERY_S

    async def sweep(self) -> None:
        """From the oldest on, until there is nothing more that old, or the database is in trouble.

        What is left then is found the next time.
        """
        before = self._clock.now() - self._keep
        cursor, gone = None, 0
        while True:
            began = self._clock.monotonic()
            try:
                pruned = await self._ledger.prune(before, AT_ONCE, cursor)
            except ConnectorError as error:
                # Not the gate's business: if it keeps the work from being done, the work tells.
                log.warning("ledger.not_pruned", code=error.code, sentence=error.sentence)
                break
            gone += pruned.events
            self._stats.pruned += pruned.events
            cursor = pruned.next
            pause = max(PAUSE_S, PAUSE_SHARE * (self._clock.monotonic() - began))
            if (
                cursor is None
                or await self._stopped_within(pause)
                or Dependency.DATABASE in self._gate.troubles
            ):
                break
        if gone:
            log.info("ledger.pruned", events=gone, received_before=before.isoformat())

    async def _stopped_within(self, seconds: float) -> bool:
        return await wait_for(self._gate.closed_for_good, seconds, self._clock)
