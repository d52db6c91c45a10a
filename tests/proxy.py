"""What stands on the way in a company: a forward proxy, and hosts that speak TLS, on loopback."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import trustme

__all__ = ["Address", "ForwardProxy", "Listener", "listening", "relay", "server_context"]

Address = tuple[str, int]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CHUNK = 1 << 16


@dataclass(slots=True)
class Listener:
    """Where a server listens, and how often somebody came."""

    port: int = 0
    connections: int = 0
    heard: bytearray = field(default_factory=bytearray)


@asynccontextmanager
async def listening(
    handler: Handler, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    """A server on 127.0.0.1 for as long as the block lasts; its connections end with it."""
    listener = Listener()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def relay(target: Address, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """A server in front of `target`: with `tls` it ends TLS, as a load balancer does."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection(*target)
        await _both_ways((reader, writer), upstream)

    async with listening(pass_on, tls=tls) as listener:
        yield listener


def server_context(authority: trustme.CA, certificate: trustme.LeafCert) -> ssl.SSLContext:
    """What a server needs that shows this certificate; its keys stay here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    authority.configure_trust(context)
    return context


class ForwardProxy:
    """An HTTP forward proxy: absolute-form requests, and CONNECT for tunnels.

    `names` says where the hosts really are that it is asked for: `("sqs.acme.test", 443)` ->
    address. Names that it does not know are answered 502. With `user` it wants Basic credentials,
    and answers 407 without them. `refusal` is a status that all requests are answered with.
    """

    def __init__(
        self, names: Mapping[Address, Address], *, user: str = "", password: str = ""
    ) -> None:
        self.asked: list[tuple[str, str, int]] = []
        """Method, host and port of all requests that it let through."""
        self.turned_away = 0
        self.refusal: int | None = None
        self.port = 0
        self._tunnels: set[asyncio.StreamWriter] = set()
        self._names = dict(names)
        word = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._wanted = f"Basic {word}" if user else None

    @property
    def hosts(self) -> set[str]:
        """The hosts that it was asked for."""
        return {host for _, host, _ in self.asked}

    @asynccontextmanager
    async def open(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator["ForwardProxy"]:
        """Serves for as long as the block lasts."""
        async with listening(self._serve, tls=tls) as listener:
            self.port = listener.port
            yield self

    def close_tunnels(self) -> None:
        """Ends every connection that it carries now."""
        for writer in self._tunnels:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, version = line.split(" ", 2)
        kept = [one for one in fields if one and not one.lower().startswith(HOP_BY_HOP)]
        given = [one for one in fields if one.lower().startswith("proxy-authorization:")]
        if self.refusal is not None:
            self.turned_away += 1
            return await _answer(writer, self.refusal)
        if self._wanted and [one.partition(":")[2].strip() for one in given] != [self._wanted]:
            self.turned_away += 1
            return await _answer(writer, 407)
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        asked = (url.hostname or "", url.port or 80)
        self.asked.append((method, *asked))
        if asked not in self._names:
            return await _answer(writer, 502)
        upstream = await asyncio.open_connection(*self._names[asked])
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
            # One request a connection: the next one may be for another host.
            head = "\r\n".join([f"{method} {path} {version}", *kept, "Connection: close", "", ""])
            upstream[1].write(head.encode("latin-1"))
        self._tunnels.add(writer)
        try:
            await _both_ways((reader, writer), upstream)
        finally:
            self._tunnels.discard(writer)
        return None


HOP_BY_HOP = ("proxy-", "connection:", "keep-alive:")
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _answer(writer: asyncio.StreamWriter, status: int) -> None:
    asks = "Proxy-Authenticate: Basic realm=acme\r\n" if status == 407 else ""
    writer.write(
        f"HTTP/1.1 {status} No\r\n{asks}Connection: close\r\nContent-Length: 0\r\n\r\n".encode()
    )
    await writer.drain()


async def _both_ways(client: Ends, upstream: Ends) -> None:
    """Until either side has ended."""
    ways = [
        asyncio.create_task(_one_way(client[0], upstream[1])),
        asyncio.create_task(_one_way(upstream[0], client[1])),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        upstream[1].close()


async def _one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
