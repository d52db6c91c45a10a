"""HTTP to one endpoint: TLS and proxies as AWS's own tools have them, errors as botocore's.

botocore's clients come with a session of HTTP that does the same. It is written for every service,
and follows redirections with the signed request.
"""

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from botocore import exceptions
from botocore.httpsession import ProxyConfiguration, create_urllib3_context, mask_proxy_url, where
from botocore.utils import get_environ_proxies
from yarl import URL

if TYPE_CHECKING:
    from aiobotocore.session import AioSession

__all__ = ["Reply", "Wire", "open_wire"]

_CONNECT_S = 5.0
_KEPT_S = 12.0
"""How long an idle connection is kept. AWS closes it after 20 seconds."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def open_wire(session: "AioSession", endpoint: str, *, max_connections: int) -> "Wire":
    """A wire to the endpoint, which trusts whom the session trusts. Nothing is asked yet.

    The proxies are those of the environment. Raises `OSError` when the authorities cannot be read.
    """
    url = URL(endpoint.rstrip("/") + "/", encoded=True)
    proxies = ProxyConfiguration(proxies=get_environ_proxies(endpoint))
    proxy = proxies.proxy_url_for(endpoint) or None
    context: ssl.SSLContext | bool = True
    if url.scheme == "https" or urlsplit(proxy or "").scheme == "https":
        authorities = session.get_config_variable("ca_bundle")
        authorities = authorities or os.environ.get("REQUESTS_CA_BUNDLE") or where()
        context = await asyncio.to_thread(_trusting, authorities)
    return Wire(
        url,
        proxy,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=max_connections, ssl=context, keepalive_timeout=_KEPT_S
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept",),
            auto_decompress=False,
        ),
    )


class Wire:
    """The connections to one endpoint. Close it when done."""

    def __init__(self, url: URL, proxy: str | None, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._proxy = proxy
        self._session = session

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The reply, whatever its status. Raises botocore's errors for none.

        It waits for as long as it takes; only for a connection no longer than five seconds.
        """
        try:
            async with self._session.post(
                self.url, headers=headers, data=body, proxy=self._proxy, allow_redirects=False
            ) as answer:
                return Reply(answer.status, answer.headers, await answer.read())
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._translated(error) from error

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    def _translated(self, error: Exception) -> exceptions.BotoCoreError:
        where_to = {"endpoint_url": str(self.url), "error": error}
        if isinstance(error, aiohttp.ClientSSLError):
            return exceptions.SSLError(**where_to)
        if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
            return exceptions.ProxyConnectionError(
                proxy_url=mask_proxy_url(self._proxy or ""), error=error
            )
        if isinstance(error, aiohttp.ServerTimeoutError):
            return exceptions.ConnectTimeoutError(**where_to)
        if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
            return exceptions.ConnectionClosedError(**where_to)
        if isinstance(error, aiohttp.ClientConnectionError | OSError):
            return exceptions.EndpointConnectionError(**where_to)
        return exceptions.HTTPClientError(error=error)


def _trusting(authorities: str) -> ssl.SSLContext:
    context: ssl.SSLContext = create_urllib3_context()
    context.check_hostname = True  # botocore leaves that to urllib3
    context.load_verify_locations(authorities)
    return context
