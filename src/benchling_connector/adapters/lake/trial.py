"""A small object that is written, read back and removed: whether a lake takes any at all."""

import asyncio
import secrets
from typing import Protocol

from benchling_connector.adapters.lake.errors import FAILING
from benchling_connector.domain.errors import ConfigurationError, TransientError

__all__ = ["TRIAL_FOLDER", "Trying"]

TRIAL_FOLDER = "_probe"
_BODY = b'{"about": "written by the Benchling connector to try its lake out; it may be removed"}\n'


class _Tried(Protocol):
    location: str

    async def put(self, path: str, body: bytes) -> None: ...

    async def read(self, path: str) -> bytes | None: ...

    async def remove(self, path: str) -> None: ...


class Trying:
    """The object of one process: always the same, for it stays where nothing may be removed."""

    def __init__(self) -> None:
        self._path = f"{TRIAL_FOLDER}/{secrets.token_hex(8)}.json"
        self._turn = asyncio.Lock()

    async def out(self, lake: _Tried) -> None:
        """See `ports.Lake`. Raises what the lake raises."""
        async with self._turn:
            await lake.put(self._path, _BODY)
            if await lake.read(self._path) != _BODY:
                sentence = f"{lake.location}: what was written is not what is read."
                raise TransientError(FAILING, sentence)
            try:
                await lake.remove(self._path)
            except ConfigurationError:
                return  # whoever may not remove can work all the same
