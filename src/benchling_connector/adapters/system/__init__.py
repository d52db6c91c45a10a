"""Time, identity and chance of the machine itself."""

import asyncio
import secrets
import time
import uuid
from datetime import UTC, datetime

from benchling_connector.adapters.system.process import is_gone, own_name

__all__ = ["SystemClock", "SystemIds", "is_gone", "own_name"]


class SystemClock:
    """The `Clock` port on the machine's clocks."""

    def now(self) -> datetime:
        """The wall clock, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds`."""
        await asyncio.sleep(seconds)


class SystemIds:
    """The `Ids` port on the machine's source of randomness."""

    def file_id(self) -> str:
        """A new random UUID."""
        return str(uuid.uuid4())

    def jitter(self) -> float:
        """A number from 0 up to 1."""
        return secrets.randbelow(1 << 24) / (1 << 24)
