"""Time, identity and chance of the machine itself."""

import asyncio
import secrets
import time
import uuid
from datetime import UTC, datetime

from benchling_connector.adapters.system.container import measure
from benchling_connector.adapters.system.process import is_gone, own_name

__all__ = ["SystemClock", "SystemIds", "is_gone", "measure", "own_name"]


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
        """A new UUID of version 7 (RFC 9562): milliseconds, then 74 random bits.

        In the order of their time, so that they stand together in the ledger's indices.
        """
        milliseconds, chance = time.time_ns() // 1_000_000, secrets.randbits(74)
        version_and_variant = 0x7 << 76 | 0b10 << 62
        high, low = chance >> 62, chance & ((1 << 62) - 1)
        return str(uuid.UUID(int=milliseconds << 80 | version_and_variant | high << 64 | low))

    def jitter(self) -> float:
        """A number from 0 up to 1."""
        return secrets.randbelow(1 << 24) / (1 << 24)
