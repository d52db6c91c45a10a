"""Files that the lake refuses, alone among all: what is known of them while they wait for a person.

Their events stay in flight: claimed, their messages hidden, for the reason may pass.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from benchling_connector.domain.errors import ConnectorError
from benchling_connector.domain.rawfile import RawFile
from benchling_connector.engine.flight import Register
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.waiting import first_of
from benchling_connector.ports import Clock, Ledger

__all__ = ["LOOK_EVERY_S", "MOST_ERRORS", "Standstill", "Stopped"]

MOST_ERRORS = 5
"""Refusals after which a file is stopped, as on the Tetra Data Platform."""

LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Standstill:
    """How many files are stopped, since when any is, and what the lake said of the last.

    `is_full`: they take all there is room for, so that nothing more is taken from the queue.
    """

    files: int
    since: datetime
    sentence: str
    is_full: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    file: RawFile
    since: datetime
    sentence: str
    retried: asyncio.Event


class Stopped:
    """Those that this worker holds."""

    def __init__(
        self, *, ledger: Ledger, register: Register, gate: Gate, stats: Stats, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._register = register
        self._gate = gate
        self._stats = stats
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}
        self._some = asyncio.Event()

    def standstill(self) -> Standstill | None:
        """What there is to tell of them; None without any."""
        if not self._waiting:
            return None
        waiting = list(self._waiting.values())
        held = self._register.carrying(
            item.event.id for one in waiting for item in one.file.content
        )
        return Standstill(
            len(waiting),
            min(one.since for one in waiting),
            waiting[-1].sentence,
            is_full=self._register.is_occupied and held >= len(self._register),
        )

    async def retried(self, file: RawFile, refusal: ConnectorError) -> bool:
        """Waits until a stopped file is to be tried again: True; or the engine stops: False."""
        one = _Waiting(file, self._clock.now(), refusal.sentence, asyncio.Event())
        self._waiting[file.file_id] = one
        self._register.keep(len(file.body))
        self._stats.stopped += 1
        self._some.set()
        try:
            await first_of(one.retried.wait(), self._gate.closed_for_good.wait())
            return not self._gate.closed_for_good.is_set()
        finally:
            self._stats.stopped -= 1
            self._register.keep(-len(file.body))
            del self._waiting[file.file_id]

    async def watching(self) -> None:
        """Asks the ledger every second, while there are any, which are ERROR no more: because
        somebody has them tried again, or another worker has taken them over. Runs for ever."""
        while True:
            if not self._waiting:
                self._some.clear()
                await self._some.wait()
            await self._clock.sleep(LOOK_EVERY_S)
            asked = list(self._waiting.values())
            if not asked or self._gate.closed_for_good.is_set():
                continue
            still = await self._still(one.file.file_id for one in asked)
            for one in asked:
                if one.file.file_id not in still:
                    one.retried.set()

    async def _still(self, file_ids: Iterable[str]) -> frozenset[str]:
        ids = list(file_ids)
        return await self._gate.insist(Dependency.DATABASE, lambda: self._ledger.stopped(ids))
