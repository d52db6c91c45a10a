"""Benchling, from its name to a first answer; and the clock, by what the answer says."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from benchling_connector.adapters.benchling import BenchlingReader, open_reader, proxy_of
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.adapters.trust import client_context
from benchling_connector.checkup.items import Item, Outcome, attempt, skipped, warning
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.domain.problems import PROBLEMS

__all__ = ["BENCHLING_ITEMS", "check_benchling"]

BENCHLING_ITEMS = ("benchling-dns", "benchling-tls", "benchling-token", "benchling-read", "clock")
"""In the order in which they come."""

MOST_SKEW_S = 60.0
"""AWS refuses signatures of a clock that is 5 minutes off; tokens suffer sooner."""


async def check_benchling(configuration: Configuration) -> AsyncIterator[Item]:
    """All of `BENCHLING_ITEMS`; what comes after a failure is not tried."""
    dns = await attempt("benchling-dns", lambda: _dns(configuration))
    yield dns
    if not dns.passed:
        for name in ("benchling-tls", "benchling-token", "benchling-read", "clock"):
            yield skipped(name, "benchling-dns")
        return
    tls = await attempt("benchling-tls", lambda: _tls(configuration))
    yield tls
    if not tls.passed:
        for name in ("benchling-token", "benchling-read", "clock"):
            yield skipped(name, "benchling-tls")
        return
    if not len(configuration.client_secret):
        for name in ("benchling-token", "benchling-read", "clock"):
            yield skipped(name, "configuration")
        return
    async with open_reader(configuration, SystemClock(), SystemIds()) as reader:
        token = await attempt("benchling-token", lambda: _token(reader))
        yield token
        if not token.passed:
            yield skipped("benchling-read", "benchling-token")
        else:
            yield await attempt("benchling-read", lambda: _read(reader))
        yield await attempt("clock", lambda: _skew(reader))


async def _dns(configuration: Configuration) -> Item:
    host = urlsplit(configuration.benchling_url).hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        if _proxied(configuration):
            return Item("benchling-dns", Outcome.PASSED, "Left to the proxy.")
        raise TransientError("benchling-unreachable", f"The name {host} leads nowhere.") from None
    address = found[0][4][0]
    return Item("benchling-dns", Outcome.PASSED, f"{host} is {address}.")


def _proxied(configuration: Configuration) -> bool:
    return proxy_of(configuration.benchling_url) is not None


async def _tls(configuration: Configuration) -> Item:
    parts = urlsplit(configuration.benchling_url)
    name, host = "benchling-tls", parts.hostname or ""
    if parts.scheme == "http":
        return Item(
            name,
            Outcome.WARNING,
            "The URL begins with http://: the client secret travels in the clear.",
            "Write https://, unless this is a simulated tenant on this machine.",
            "tls-verification-off",
        )
    if configuration.disable_ssl_verification:
        return warning(name, "tls-verification-off")
    if _proxied(configuration):
        return Item(name, Outcome.PASSED, "Through a proxy; tried by the next item.")
    try:
        _, writer = await asyncio.open_connection(
            host, parts.port or 443, ssl=client_context(configuration.ca_bundle)
        )
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason or "handshake failed"
        raise ConfigurationError("benchling-tls", f"The certificate of {host}: {why}.") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise TransientError(
            "benchling-unreachable", f"No connection to {host}:{parts.port or 443} ({why})."
        ) from None
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    return Item(name, Outcome.PASSED, f"The certificate of {host} is verified ({version}).")


async def _token(reader: BenchlingReader) -> Item:
    await reader.sign_in()
    return Item("benchling-token", Outcome.PASSED, "Benchling accepts client ID and secret.")


async def _read(reader: BenchlingReader) -> Item:
    probe = await reader.probe()
    if probe.allowed:
        return Item("benchling-read", Outcome.PASSED, f"GET {probe.path} answered {probe.status}.")
    return warning("benchling-read", "benchling-nothing-readable")


async def _skew(reader: BenchlingReader) -> Item:
    skew = reader.clock_skew_s
    if skew is None:
        return Item(
            "clock", Outcome.WARNING, "Benchling's answer names no time.", code="clock-skew"
        )
    if abs(skew) <= MOST_SKEW_S:
        return Item("clock", Outcome.PASSED, f"Within {abs(skew):.0f} s of Benchling's clock.")
    problem = PROBLEMS["clock-skew"]
    direction = "ahead of" if skew > 0 else "behind"
    summary = f"This machine's clock is {abs(skew):.0f} s {direction} Benchling's."
    return Item("clock", Outcome.FAILED, summary, problem.remedy, "clock-skew")
