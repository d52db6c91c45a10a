"""A server in front of the AWS stand-in that can keep actions of SQS waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

_HOP = {"host", "content-length", "transfer-encoding", "connection", "content-encoding", "date"}


@dataclass
class Proxy:
    """Passes on what it is asked. After so many of an action, those `held`, by name, wait until
    `let_go` is set."""

    url: str = ""
    held: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, action: str, times: int = 1) -> None:
        """Returns when an action has been asked for so often."""
        while self.asked.count(action) < times:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def proxied(endpoint_url: str) -> AsyncIterator[Proxy]:
    """A proxy, on a port of its own."""
    proxy = Proxy()
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def serve(request: web.Request) -> web.Response:
            action = request.headers.get("X-Amz-Target", "").partition(".")[2]
            proxy.asked.append(action)
            if action in proxy.held and proxy.asked.count(action) > proxy.held[action]:
                await proxy.let_go.wait()
            headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
            async with session.post(
                endpoint_url + request.path, data=await request.read(), headers=headers
            ) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
                return web.Response(body=await answer.read(), status=answer.status, headers=kept)

        app = web.Application()
        app.router.add_post("/{path:.*}", serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        proxy.url = f"http://{host}:{port}"
        try:
            yield proxy
        finally:
            proxy.let_go.set()
            await runner.cleanup()
