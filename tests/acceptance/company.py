"""A company's network: what the connector talks to has names that only the forward proxy knows."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme

from tests.acceptance.world import World
from tests.proxy import Address, ForwardProxy, relay, server_context

__all__ = ["PASSWORD", "USER", "Company", "company"]

HOSTS = ("tenant.acme.test", "sqs.acme.test", "s3.acme.test")
USER, PASSWORD = "connector", "planted proxy/word+4711"
QUOTED_PASSWORD = "planted%20proxy%2Fword%2B4711"


@dataclass(frozen=True, slots=True)
class Company:
    """The proxy, the authority that signs what stands behind it, and how it is all reached."""

    world: World
    proxy: ForwardProxy
    authority: trustme.CA
    scheme: str
    ca_bundle: Path

    def settings(self, **more: object) -> dict[str, object]:
        """Keys of a configuration in which every host is one that only the proxy knows."""
        queue = urlsplit(self.world.queue.url)._replace(scheme=self.scheme, netloc=HOSTS[1])
        return {
            "benchling_url": f"{self.scheme}://{HOSTS[0]}",
            "sqs_url": queue.geturl(),
            "ca_bundle": str(self.ca_bundle) if self.scheme == "https" else None,
            **more,
        }

    def environment(
        self, *, names: tuple[str, ...] | None = None, auth: str = ""
    ) -> dict[str, str]:
        """The variables that lead there. `auth`: user and password, as a URL has them."""
        proxy = f"http://{auth}{'@' if auth else ''}127.0.0.1:{self.proxy.port}"
        told = names or (f"{self.scheme}_proxy",)
        return {
            "AWS_ENDPOINT_URL": "",
            "AWS_ENDPOINT_URL_S3": f"{self.scheme}://{HOSTS[2]}",
            **dict.fromkeys(told, proxy),
        }


@asynccontextmanager
async def company(
    world: World, *, scheme: str, user: str = "", password: str = ""
) -> AsyncIterator[Company]:
    """The network around a world, for as long as the block lasts."""
    authority = trustme.CA()
    ca_bundle = world.home / "authority.pem"
    authority.cert_pem.write_to_path(str(ca_bundle))
    real = dict.fromkeys(HOSTS, _address(world.aws.endpoint_url))
    real[HOSTS[0]] = _address(world.tenant_url)
    names: dict[Address, Address] = {}
    async with AsyncExitStack() as stack:
        for host, address in real.items():
            if scheme == "http":
                names[host, 80] = address
                continue
            tls: ssl.SSLContext = server_context(authority, authority.issue_cert(host))
            front = await stack.enter_async_context(relay(address, tls=tls))
            names[host, 443] = ("127.0.0.1", front.port)
        proxy = await stack.enter_async_context(
            ForwardProxy(names, user=user, password=password).open()
        )
        yield Company(world, proxy, authority, scheme, ca_bundle)


def _address(url: str) -> Address:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port
