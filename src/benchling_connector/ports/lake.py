"""The lake."""

from typing import Protocol

__all__ = ["Lake"]


class Lake(Protocol):
    """Where RAW files go."""

    async def put(self, path: str, body: bytes) -> None:
        """Writes one object durably, as a whole or not at all. `path` is relative."""
        ...

    async def sha256(self, path: str) -> str | None:
        """The checksum of what stands there, in hex; None if nothing does."""
        ...

    async def remove(self, path: str) -> None:
        """Takes away what stands there, if anything does."""
        ...

    async def ping(self) -> None:
        """Returns when the lake answers at all. Writes nothing."""
        ...

    async def try_out(self) -> None:
        """Returns when the lake takes a small object, gives it back, and (where that is allowed)
        removes it: so whoever is refused another one knows that it is not the whole lake.

        The object stands in a folder `_probe/` of its own for a moment.
        """
        ...
