"""Live parts of pages: a fragment, drawn again and again, and sent when it is another."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from benchling_connector.domain.errors import NotFound, TransientError
from benchling_connector.web.console.visits import Visit
from benchling_connector.web.settings import origin_of

__all__ = ["Streams", "live"]

Seen = TypeVar("Seen")

EVERY_S = 2.0
LOOKS_WITHOUT_SESSION = 30
"""So often one looks who came by a token or a proxy; then the browser asks anew, who it is, too."""
ALIVE_EVERY = 8
"""After so many looks without news a line is sent, so that nobody in between gives up."""

_UNBUFFERED = {"X-Accel-Buffering": "no"}
"""For nginx, which would keep events back until there are many."""

_GONE = "event: gone\ndata: -\n\n"
"""The page is no more what it was: the script loads it anew."""


class Streams:
    """All that are open in one app: they would hold up its end."""

    def __init__(self) -> None:
        self._ending = asyncio.Event()
        self._looks: set[asyncio.Future[Any]] = set()

    def end(self) -> None:
        """Ends them, and those that begin from now on, too."""
        self._ending.set()

    async def finished(self, look: Coroutine[Any, Any, Seen]) -> Seen:
        """What comes of a look, which goes to its end although the browser leaves meanwhile: a
        query that is cut off costs its connection.
        """
        task = asyncio.ensure_future(look)
        self._looks.add(task)
        task.add_done_callback(self._is_done)
        return await asyncio.shield(task)

    def _is_done(self, task: asyncio.Future[Any]) -> None:
        self._looks.discard(task)
        if not task.cancelled():
            task.exception()  # who would have been told may have left

    async def pause(self) -> bool:
        """Waits until it is time to look again. False when the streams end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY_S):
                await self._ending.wait()
        return not self._ending.is_set()


def live(visit: Visit, draw: Callable[[], Coroutine[Any, Any, str]]) -> Response:
    """Server-sent events of what `draw` gives, until the browser leaves or the session ends."""
    return StreamingResponse(
        _events(visit, draw), media_type="text/event-stream", headers=_UNBUFFERED
    )


async def _events(visit: Visit, draw: Callable[[], Coroutine[Any, Any, str]]) -> AsyncIterator[str]:
    streams: Streams = visit.request.app.state.streams
    shown, silent = None, 0
    for look in count(1):
        try:
            if not await streams.finished(_may_still_look(visit)):
                yield _GONE
                return
            text = await streams.finished(draw())
        except NotFound:
            yield _GONE
            return
        except TransientError:
            text = shown or ""  # the database comes back, and so does what it tells
        silent += 1
        if text != shown:
            yield _event(text)
            shown, silent = text, 0
        elif silent % ALIVE_EVERY == 0:
            yield ": alive\n\n"
        if visit.visitor.secret is None and look >= LOOKS_WITHOUT_SESSION:
            return
        if not await streams.pause() or await visit.request.is_disconnected():
            return


def _event(text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"{lines}\n"


async def _may_still_look(visit: Visit) -> bool:
    """Who was disabled or signed out meanwhile sees no more. To look on uses no session."""
    secret = visit.visitor.secret
    if secret is None:
        return True
    request: Request = visit.request
    found = await visit.services.sessions.find(secret, origin_of(request), is_use=False)
    return found is not None and found.caller.role == visit.caller.role
