"""Asks after what has not been heard of for a while, and after what was in trouble.

The work itself tells whether Benchling and the lake work, for as long as there is work. On a quiet
queue, or when everything waits, somebody has to ask: so that an outage is noticed before the next
event comes, and its end without a message that has to be tried out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.waiting import within
from benchling_connector.ports import Clock

__all__ = ["ANSWER_WITHIN_S", "QUIET_S", "Watch"]

QUIET_S = 15.0
"""Not heard of for so long, a dependency is asked."""

ANSWER_WITHIN_S = 10.0
"""After so long without an answer a dependency is in trouble."""

LOOK_EVERY_S = 5.0
LONGEST_PAUSE_S = 5.0

TOLD_BY_WORK = frozenset({Dependency.LAKE})
"""While there is work for these, only the work tells: a lake that can be read may refuse writes.
Benchling is asked even then: one resource that it cannot give is not an outage."""

Ask = Callable[[], Awaitable[None]]

_SILENCE = {
    Dependency.BENCHLING: "benchling-unreachable",
    Dependency.LAKE: "lake-failing",
}


class Watch:
    """One loop for each dependency that can be asked; they run until they are cancelled."""

    def __init__(self, gate: Gate, clock: Clock, asks: Mapping[Dependency, Ask]) -> None:
        self._gate = gate
        self._clock = clock
        self._asks = asks

    async def watching(self) -> None:
        """Looks after all of them. Runs for ever."""
        async with asyncio.TaskGroup() as tasks:
            for dependency, ask in self._asks.items():
                tasks.create_task(self._look_after(dependency, ask))

    async def _look_after(self, dependency: Dependency, ask: Ask) -> None:
        gate, tried, again_at = self._gate, 0, 0.0
        while True:
            now, in_trouble = self._clock.monotonic(), dependency in gate.troubles
            if not in_trouble:
                tried, due = 0, gate.worked_at[dependency] + QUIET_S
            else:
                if not tried:
                    tried, again_at = 1, now + min(gate.pause(1), LONGEST_PAUSE_S)
                due = again_at
            if now < due:
                await gate.change(due - now)
            elif in_trouble and dependency in TOLD_BY_WORK and gate.is_asked(dependency):
                await gate.change(LOOK_EVERY_S)
            else:
                await self._ask(dependency, ask)
                tried += 1
                again_at = self._clock.monotonic() + min(gate.pause(tried), LONGEST_PAUSE_S)

    async def _ask(self, dependency: Dependency, ask: Ask) -> None:
        try:
            answered = await within(ask, ANSWER_WITHIN_S, self._clock)
        except ConnectorError as error:
            self._gate.failed(dependency, error)
            return
        if answered:
            self._gate.works(dependency)
        else:
            sentence = f"There was no answer within {ANSWER_WITHIN_S:.0f} seconds."
            self._gate.failed(dependency, TransientError(_SILENCE[dependency], sentence))
