"""A lake in memory: a dict of objects that outlives whoever wrote to it."""

import hashlib

from benchling_connector.adapters.memory.faults import Faults
from benchling_connector.domain.errors import ConnectorError

__all__ = ["MemoryLake"]

TRIAL = "_probe/trial.json"


class MemoryLake:
    """The `Lake` port in memory, and what the adapters can besides.

    `objects` may be given, so that the next run finds what this one wrote. `faults` knows the
    methods by name; a `put` that fails `after` has written. `refused`: begins of paths that it does
    not take, and the error that it answers instead.
    """

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = {} if objects is None else objects
        self.refused: dict[str, ConnectorError] = {}
        self.puts = 0
        self.faults = Faults()

    @property
    def location(self) -> str:
        """Where it is, as people read it."""
        return "memory"

    async def put(self, path: str, body: bytes) -> None:
        """Writes one object, as a whole or not at all."""
        if any(part in {"", ".", ".."} for part in path.split("/")) or "\0" in path:
            raise ValueError(f"{path!r} is not a path below a lake")
        self.faults.strike("put", "before")
        for begin, error in self.refused.items():
            if path.startswith(begin):
                raise error
        self.objects[path] = bytes(body)
        self.puts += 1
        self.faults.strike("put", "after")

    async def sha256(self, path: str) -> str | None:
        """The checksum of what stands there, in hex; None if nothing does."""
        self.faults.strike("sha256", "before")
        body = self.objects.get(path)
        return None if body is None else hashlib.sha256(body).hexdigest()

    async def read(self, path: str) -> bytes | None:
        """What stands there; None if nothing does."""
        self.faults.strike("read", "before")
        return self.objects.get(path)

    async def remove(self, path: str) -> None:
        """Takes away what stands there, if anything does."""
        self.faults.strike("remove", "before")
        self.objects.pop(path, None)

    async def ping(self) -> None:
        """Returns when the lake answers at all."""
        self.faults.strike("ping", "before")

    async def try_out(self) -> None:
        """Returns when the lake takes objects: as a `put` would be, without its count."""
        self.faults.strike("try_out", "before")
        self.faults.strike("put", "before")
        self.objects[TRIAL] = b""
        del self.objects[TRIAL]
