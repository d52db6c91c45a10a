"""The tenant over HTTP, in process: `async with TenantServer(tenant) as server: server.url`."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from benchling_connector.simulator.answers import Answer, Call
from benchling_connector.simulator.api import TenantApi
from benchling_connector.simulator.faults import FaultKind
from benchling_connector.simulator.tenant import Tenant
from benchling_connector.simulator.wire import cut, truncated

Control = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]

CONTROL: Final = "/_simulator/"
# Above what a tenant ever takes, so that it is the tenant that answers 414.
_LINE_BYTES: Final = 1 << 20
_SLOW_PIECES: Final = 8


class TenantServer:
    """An HTTP server on 127.0.0.1 for one tenant, open for as long as the `async with` block.

    `port` 0 takes a free one. `control` answers what stands below `/_simulator/`.
    """

    def __init__(
        self,
        tenant: Tenant,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control: Control | None = None,
    ) -> None:
        self.tenant = tenant
        self.api = TenantApi(tenant)
        self._host, self._port = host, port
        self._control = control
        self._closing = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """The tenant's URL: protocol, host and port."""
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> Self:
        server = web.Server(
            self._handle,
            access_log=None,
            max_line_size=_LINE_BYTES,
            keepalive_timeout=75.0,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.tenant.public_url = self.url
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.raw_path if hasattr(request, "raw_path") else str(request.rel_url)
        path, _, query = target.partition("?")
        if path.startswith(CONTROL) and self._control is not None:
            return await self._control(request, path.removeprefix(CONTROL))
        call = Call(
            method=request.method,
            path=unquote(path),
            query=dict(reversed(parse_qsl(query, keep_blank_values=True))) if query else {},
            authorization=request.headers.get("Authorization"),
            body=await request.read() if request.method == "POST" else b"",
            target_bytes=len(target),
        )
        answer = self.api.answer(call)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.fault is not None:
            return await self._faulty(request, answer)
        return web.Response(
            body=answer.body,
            status=answer.status,
            headers={"Content-Type": answer.content_type, **answer.headers},
        )

    async def _faulty(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        if answer.fault is FaultKind.HANG:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), answer.fault_seconds)
            return cut(request)
        if answer.fault is FaultKind.RESET:
            return cut(request)
        headers = {"Content-Type": answer.content_type, **answer.headers}
        if answer.fault is FaultKind.TRUNCATED:
            return await truncated(request, answer.status, headers, answer.body)
        response = web.StreamResponse(status=answer.status, headers=headers)
        response.content_length = len(answer.body)
        await response.prepare(request)
        step = len(answer.body) // _SLOW_PIECES + 1
        for start in range(0, len(answer.body), step):
            await response.write(answer.body[start : start + step])
            await asyncio.sleep(answer.fault_seconds / _SLOW_PIECES)
        return response
