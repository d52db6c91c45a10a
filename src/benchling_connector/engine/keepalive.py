"""Extends the visibility of everything in flight, and the lease of everything claimed."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.engine.flight import Held, Register
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.waiting import ended
from benchling_connector.engine.watch import ANSWER_WITHIN_S
from benchling_connector.ports import Clock, EventSource, Ledger

__all__ = ["Keepalive"]

log = structlog.get_logger()

MOST_HIDDEN_S = 43_200 - 300
"""SQS hides a message 12 hours in all, counted from its receive; near the end nothing helps."""

LEASE_EVERY_S = 10.0


class Keepalive:
    """Two loops that run until they are cancelled, after everything else has ended."""

    def __init__(
        self,
        *,
        source: EventSource,
        ledger: Ledger,
        register: Register,
        gate: Gate,
        clock: Clock,
        visibility_s: int,
        share: Callable[[int], None],
        report: Callable[[], str] = str,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._register = register
        self._gate = gate
        self._clock = clock
        self._visibility_s = visibility_s
        self._share = share
        self._report = report

    async def visibility(self) -> None:
        """Extends each message at half its time."""
        while True:
            await self._clock.sleep(max(self._visibility_s / 8, 0.25))
            now = self._clock.monotonic()
            due = [
                held
                for held in self._register.messages()
                if not held.leaving
                and now - held.hidden_at >= self._visibility_s / 2
                and now - held.first_at + self._visibility_s < MOST_HIDDEN_S
            ]
            if due:
                await self._extend(due, now)

    async def lease(self) -> None:
        """Tells the ledger that this worker lives."""
        while True:
            await self._clock.sleep(LEASE_EVERY_S)
            beat = asyncio.create_task(self._beat())
            try:
                if not await ended(beat, ANSWER_WITHIN_S, self._clock):
                    sentence = f"No answer within {ANSWER_WITHIN_S:.0f} seconds."
                    self._gate.failed(
                        Dependency.DATABASE, TransientError("database-failing", sentence)
                    )
                await beat
            finally:
                beat.cancel()

    async def _beat(self) -> None:
        try:
            workers = await self._ledger.heartbeat(self._clock.now(), self._report())
        except ConnectorError as error:
            self._gate.failed(Dependency.DATABASE, error)
        else:
            self._share(workers)
            self._gate.answers(Dependency.DATABASE)

    async def _extend(self, due: Sequence[Held], now: float) -> None:
        try:
            failed = await self._source.extend([held.delivery for held in due], self._visibility_s)
        except ConnectorError as error:
            log.warning("visibility.not_extended", count=len(due), code=error.code)
            return
        unextended = {delivery.receipt_handle for delivery in failed}
        for held in due:
            if held.delivery.receipt_handle not in unextended:
                held.hidden_at = now
