"""Calls that are begun before anybody asks for their answers: at the start, while others wait."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

__all__ = ["Ahead"]

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """One call. `begin` makes it ahead of time, once; `answer` is its answer, or its error.

    Whoever asks a second time, or without `begin`, is answered by a call of its own.
    """

    def __init__(self, call: Callable[[], Coroutine[Any, Any, Result]]) -> None:
        self._call = call
        self._begun: asyncio.Task[Result] | None = None

    def begin(self) -> None:
        """Makes the call, and keeps what comes of it."""
        self._begun = asyncio.create_task(self._call())

    async def answer(self) -> Result:
        """What the call gives, or raises. Cancelled, it cancels the call."""
        begun, self._begun = self._begun, None
        return await (self._call() if begun is None else begun)

    async def close(self) -> None:
        """Gives up what nobody has asked for."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.cancel()
            await asyncio.gather(begun, return_exceptions=True)
