"""How `serve` lets people in: options, and the environment for OpenID Connect."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import structlog
import typer

from benchling_connector.domain.access import roles_of
from benchling_connector.domain.environment import ENVIRONMENT_PREFIX, OIDC_KEYS
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration
from benchling_connector.web.settings import OidcSettings, TrustedProxy, WebSettings

__all__ = ["Doors", "is_loopback", "oidc_settings"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Doors:
    """By which names the platform is reached, and whom it believes."""

    public_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="What people's browsers call the platform, where a proxy stands in between: "
            "`https://connectors.lab.example`.",
        ),
    ] = None
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another name that requests may call it by. Repeatable."),
    ] = None
    trust_proxy_header: Annotated[
        str | None,
        typer.Option(
            metavar="HEADER",
            help="Believe this header of a proxy that signs people in: `X-Forwarded-User`.",
        ),
    ] = None
    trust_proxy_role_header: Annotated[
        str | None,
        typer.Option(
            metavar="HEADER",
            help="Believe this one, too: `viewer`, `operator` or `admin`. Default: viewers.",
        ),
    ] = None
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="Address range of that proxy. Repeatable."),
    ] = None

    def settings(self, http_host: str, environment: Mapping[str, str] | None = None) -> WebSettings:
        """All of it, for a platform that listens on `http_host`.

        Says in the log that a proxy is believed. Raises `typer.BadParameter`, and
        `InvalidConfiguration` for the environment.
        """
        proxy = self._proxy()
        if proxy is not None:
            log.warning(
                "proxy.trusted",
                header=proxy.header,
                role_header=proxy.role_header,
                networks=[str(one) for one in proxy.networks],
            )
        return WebSettings(
            public_url=self._public_url(),
            hosts=self._hosts(http_host),
            proxy=proxy,
            oidc=oidc_settings(os.environ if environment is None else environment),
        )

    def _public_url(self) -> str | None:
        if self.public_url is None:
            return None
        parts = urlsplit(self.public_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise typer.BadParameter(
                "write a URL without a path: https://connectors.lab.example.",
                param_hint="--public-url",
            )
        return f"{parts.scheme}://{parts.netloc}".lower()

    def _hosts(self, http_host: str) -> frozenset[str] | None:
        """On loopback only names of loopback; elsewhere any, unless some are named."""
        named = {one.lower() for one in self.allowed_host or ()}
        if self.public_url is not None:
            named.add(urlsplit(self.public_url).hostname or "")
        if is_loopback(http_host):
            return frozenset({*named, "localhost", "127.0.0.1", "::1", http_host.lower()})
        return frozenset({*named, http_host.lower(), "localhost"}) if named else None

    def _proxy(self) -> TrustedProxy | None:
        if self.trust_proxy_header is None:
            if self.trusted_proxy or self.trust_proxy_role_header:
                raise typer.BadParameter(
                    "name the header, too: --trust-proxy-header.", param_hint="--trusted-proxy"
                )
            return None
        if not self.trusted_proxy:
            raise typer.BadParameter(
                "name the proxy's address range, too: --trusted-proxy 10.0.0.5/32.",
                param_hint="--trust-proxy-header",
            )
        try:
            networks = tuple(ip_network(one) for one in self.trusted_proxy)
        except ValueError as error:
            raise typer.BadParameter(f"{error}.", param_hint="--trusted-proxy") from None
        return TrustedProxy(self.trust_proxy_header, networks, self.trust_proxy_role_header)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine gets there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def oidc_settings(environment: Mapping[str, str]) -> OidcSettings | None:
    """The issuer that the environment names; None if it names none.

    Raises `InvalidConfiguration`.
    """
    given = {
        key: environment[f"{ENVIRONMENT_PREFIX}{key.upper()}"].strip()
        for key in OIDC_KEYS
        if environment.get(f"{ENVIRONMENT_PREFIX}{key.upper()}", "").strip()
    }
    if not given:
        return None
    missing = [key for key in ("oidc_issuer", "oidc_client_id", "oidc_roles") if key not in given]
    if missing:
        raise InvalidConfiguration(
            [FieldProblem(key, "It is missing.", f"{OIDC_KEYS[key]}.") for key in missing]
        )
    issuer = given["oidc_issuer"]
    if urlsplit(issuer).scheme != "https" and not is_loopback(urlsplit(issuer).hostname or ""):
        raise _wrong("oidc_issuer", "It is no https:// URL.", "Write the issuer's own URL.")
    try:
        roles = roles_of(given["oidc_roles"])
    except ValueError as error:
        raise _wrong("oidc_roles", str(error), "Write lab-admins=admin,lab=viewer.") from None
    return OidcSettings(
        issuer,
        given["oidc_client_id"],
        _client_secret(given),
        given.get("oidc_role_claim", "groups"),
        roles,
    )


def _client_secret(given: Mapping[str, str]) -> str | None:
    path = given.get("oidc_client_secret_file")
    if path is None:
        return given.get("oidc_client_secret")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise _wrong("oidc_client_secret_file", "It cannot be read.", "Check its path.") from None


def _wrong(key: str, problem: str, remedy: str) -> InvalidConfiguration:
    return InvalidConfiguration([FieldProblem(key, problem, remedy)])
