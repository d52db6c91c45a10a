"""How the web application is reached, and by whom: what `serve` is told, besides its port."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from benchling_connector.domain.access import Role

__all__ = ["OidcSettings", "TrustedProxy", "WebSettings", "origin_of", "settings_of"]


@dataclass(frozen=True, slots=True)
class TrustedProxy:
    """A proxy that says in a header who calls. `role_header` may say as what; else a viewer."""

    header: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    role_header: str | None = None

    def is_at(self, address: str | None) -> bool:
        """Whether the proxy calls from this address."""
        try:
            found = ip_address(address or "")
        except ValueError:
            return False
        # On a socket of both versions an address of version 4 comes as one of version 6.
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An OpenID Connect issuer; `roles` maps values of `role_claim` to roles."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    role_claim: str
    roles: Mapping[str, Role]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`public_url`: what people's browsers call it, where that is not what it listens on.

    `hosts`: the names in a request's `Host` that are heeded; all, with None.
    """

    public_url: str | None = None
    hosts: frozenset[str] | None = None
    proxy: TrustedProxy | None = None
    oidc: OidcSettings | None = None

    def base_url(self, request: HTTPConnection) -> str:
        """The URL of the platform without a slash at its end, as the browser knows it."""
        return self.public_url or f"{request.url.scheme}://{request.url.netloc}"

    def is_https(self, request: HTTPConnection) -> bool:
        """Whether the browser speaks TLS, here or with a proxy in between."""
        return urlsplit(self.base_url(request)).scheme == "https"


def settings_of(request: HTTPConnection) -> WebSettings:
    """Those of the app."""
    settings: WebSettings = request.app.state.settings
    return settings


def origin_of(request: HTTPConnection) -> str | None:
    """The address of whoever calls: behind the trusted proxy, the one that it was called from."""
    address = request.client.host if request.client else None
    proxy = settings_of(request).proxy
    if proxy is None or not proxy.is_at(address):
        return address
    # A proxy may put its own entry into a header of its own, behind the one that it was sent.
    entries = ",".join(request.headers.getlist("x-forwarded-for"))
    hops = [one.strip() for one in entries.split(",")]
    # From the nearest on: what stands before the proxy's own entries anybody may have written.
    for hop in reversed(hops):
        try:
            ip_address(hop)
        except ValueError:
            return address
        if not proxy.is_at(hop):
            return hop
    return address
