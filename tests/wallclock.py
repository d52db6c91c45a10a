"""The world's own clock, for tests that need real time."""

import asyncio
import time
from datetime import UTC, datetime


class WallClock:
    """The `Clock` port over the machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
