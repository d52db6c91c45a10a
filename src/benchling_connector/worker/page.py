"""The page of probes and metrics, on the port that the configuration names."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

import structlog

__all__ = ["Page"]

log = structlog.get_logger()


class Page:
    """Served from one `show` to the next, and at the longest until the block ends."""

    def __init__(self, serve: Callable[[int], AbstractAsyncContextManager[int]]) -> None:
        self._serve = serve
        self._port: int | None = None
        self._serving = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.show(None)

    async def show(self, port: int | None) -> None:
        """On this port from now on, and nowhere with None. Raises `InvalidConfiguration`."""
        if port == self._port:
            return
        await self._serving.aclose()
        self._port = None
        if port is not None:
            served = await self._serving.enter_async_context(self._serve(port))
            self._port = port
            log.info("status.served", port=served)
