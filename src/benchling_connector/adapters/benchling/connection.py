"""The one HTTP session to a Benchling tenant, and the way to it.

Connections are kept and compressed, redirects are never followed and cookies never kept. Proxies
come from the environment, looked up once: aiohttp's own `trust_env` would look into `~/.netrc`
with every request and refuse to go on where that names the tenant.
"""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from benchling_connector import __version__
from benchling_connector.adapters.proxies import proxy_url
from benchling_connector.adapters.trust import client_context

__all__ = ["BrokenConnectionError", "Proxy", "basic", "open_session", "proxy_of"]

KEEP_ALIVE_S = 15.0


class BrokenConnectionError(Exception):
    """The connection broke before an answer came, as a kept one does that the server has closed."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy on the way, and what stands in `Proxy-Authorization` for it."""

    url: URL
    authorization: str | None = field(repr=False)


@asynccontextmanager
async def open_session(
    *, timeout_s: float, verify_ssl: bool, connections: int, ca_bundle: Path | None = None
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session. `timeout_s` is for one request, from connecting to the last byte.

    `connections`: the most at one time. `ca_bundle`: a PEM file of authorities to trust as well.

    Raises `InvalidConfiguration` when the bundle cannot be used.
    """
    verify: ssl.SSLContext | bool = verify_ssl
    if verify_ssl and ca_bundle is not None:
        # Only then: to read the system's authorities again takes as long as many an import, and
        # aiohttp has a context with them.
        verify = client_context(ca_bundle)
    connector = aiohttp.TCPConnector(
        limit=connections,
        ssl=verify,
        keepalive_timeout=KEEP_ALIVE_S,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        headers={
            "Accept": "application/json",
            "User-Agent": f"benchling-connector/{__version__}",
        },
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=(_once,),
        trust_env=False,
    ) as session:
        yield session


def proxy_of(base: str) -> Proxy | None:
    """The proxy that the environment names for this URL. SOCKS is not spoken.

    Raises `InvalidConfiguration` when it is no URL.
    """
    url = URL(base)
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxy = proxy_url(f"{url.scheme}_proxy", named)
    if proxy.scheme not in ("http", "https"):
        return None
    authorization = basic(proxy.user, proxy.password or "") if proxy.user else None
    return Proxy(proxy.with_user(None), authorization)


def basic(user: str, password: str) -> str:
    """HTTP Basic, as it stands in a header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending a request again by itself: nobody would have counted it."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (
        aiohttp.ClientOSError,
        aiohttp.ClientConnectionResetError,
        aiohttp.ServerDisconnectedError,
    ):
        pass
    raise BrokenConnectionError
