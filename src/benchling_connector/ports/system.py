"""Time, identity and chance."""

from datetime import datetime
from typing import Protocol

__all__ = ["Clock", "Ids"]


class Clock(Protocol):
    """Time, so that a test can own it."""

    def now(self) -> datetime:
        """The wall clock, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds`."""
        ...


class Ids(Protocol):
    """Identity and chance, so that a test can own them."""

    def file_id(self) -> str:
        """A new UUID."""
        ...

    def jitter(self) -> float:
        """A number from 0 up to 1."""
        ...
