"""The one HTTP session to a Benchling tenant, and the way to it.

Connections are kept and compressed, redirects are never followed and cookies never kept. Proxies
come from the environment, looked up once: aiohttp's own `trust_env` would look into `~/.netrc`
with every request and refuse to go on where that names the tenant.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from benchling_connector import __version__

__all__ = ["BrokenConnectionError", "open_session", "proxy_of"]

KEEP_ALIVE_S = 15.0


class BrokenConnectionError(Exception):
    """The connection broke before an answer came, as a kept one does that the server has closed."""


@asynccontextmanager
async def open_session(
    base: str, *, timeout_s: float, verify_ssl: bool, connections: int
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session for this tenant. `timeout_s` is for one request, from connecting to the last byte.

    `connections`: the most at one time.
    """
    proxy, proxy_auth = proxy_of(base)
    connector = aiohttp.TCPConnector(
        limit=connections, ssl=verify_ssl, keepalive_timeout=KEEP_ALIVE_S
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
        proxy=proxy,
        proxy_auth=proxy_auth,
        trust_env=False,
    ) as session:
        yield session


def proxy_of(base: str) -> tuple[URL | None, aiohttp.BasicAuth | None]:
    """The proxy that the environment names for this URL, and what it wants to know of us."""
    url = URL(base)
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(f"{url.host}:{url.port}"):
        return None, None
    proxy = URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https"):
        return None, None
    auth = aiohttp.BasicAuth(proxy.user, proxy.password or "") if proxy.user else None
    return proxy.with_user(None), auth


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
