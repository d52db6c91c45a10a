"""Tests a configuration against the real services, item by item, and starts nothing.

Beside `assembly.py` the only module that knows several adapters. Each item passed, passed with a
warning, failed, or could not be tried because one before it failed.
"""

import asyncio
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from benchling_connector.adapters.benchling import BenchlingReader, open_reader, proxy_of
from benchling_connector.adapters.lake import open_lake, probe_lake
from benchling_connector.adapters.sqs import (
    Permission,
    QueueAttributes,
    parse_queue_url,
    probe_queue,
)
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.adapters.trust import client_context
from benchling_connector.database.connection import sqlite_path
from benchling_connector.database.migrate import schema_status
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import (
    PROBLEMS,
    TROUBLESHOOTING,
    ConfigurationError,
    ConnectorError,
    TransientError,
)

__all__ = ["ITEMS", "Item", "Outcome", "check_up"]

MOST_SKEW_S = 60.0
"""AWS refuses signatures of a clock that is 5 minutes off; tokens suffer sooner."""

LEAST_VISIBILITY_S = 30
MOST_VISIBILITY_S = 3_600
LEAST_RECEIVES = 5
PATIENCE_S = 30.0


class Outcome(StrEnum):
    """How an item ended."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was tested. `code` names the heading of the troubleshooting guide."""

    name: str
    outcome: Outcome
    summary: str
    remedy: str | None = None
    code: str | None = None

    @property
    def passed(self) -> bool:
        """Whether a connector can work with it."""
        return self.outcome in (Outcome.PASSED, Outcome.WARNING)

    @property
    def documentation(self) -> str | None:
        """Where the guide says more; None for what passed."""
        return None if self.outcome is Outcome.PASSED else f"{TROUBLESHOOTING}#{self.code or ''}"


ITEMS = (
    "configuration",
    "benchling-dns",
    "benchling-tls",
    "benchling-token",
    "benchling-read",
    "clock",
    "queue-region",
    "queue-exists",
    "queue-receive",
    "queue-delete",
    "queue-visibility",
    "queue-redrive",
    "queue-visibility-timeout",
    "lake",
    "database",
)
"""Every item, in the order in which they come."""


async def check_up(
    configuration: Configuration, secret_missing: ConfigurationError | None = None
) -> AsyncIterator[Item]:
    """The items one by one, as they are known. Raises nothing: what fails is an item.

    `secret_missing`: the client secret is empty, and this says where.
    """
    yield _configuration(configuration, secret_missing)
    async for item in _benchling(configuration):
        yield item
    async for item in _queue(configuration):
        yield item
    yield await _try("lake", lambda: _lake(configuration))
    yield await _try("database", lambda: _database(configuration))


def failure(name: str, error: ConnectorError) -> Item:
    """The item that an error makes."""
    return Item(name, Outcome.FAILED, error.sentence, error.remedy, error.code)


async def _try(name: str, test: Callable[[], Awaitable[Item]]) -> Item:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await test()
    except ConnectorError as error:
        return failure(name, error)
    except TimeoutError:
        return Item(
            name,
            Outcome.FAILED,
            f"No answer within {PATIENCE_S:.0f} seconds.",
            "Check the firewall and the proxy between here and there.",
            "no-answer",
        )


def _warning(name: str, code: str, summary: str = "") -> Item:
    problem = PROBLEMS[code]
    return Item(name, Outcome.WARNING, summary or problem.title, problem.remedy, code)


def _skipped(name: str, because: str) -> Item:
    return Item(name, Outcome.SKIPPED, f"Not tried: {because} failed.", code="skipped")


def _configuration(configuration: Configuration, missing: ConfigurationError | None) -> Item:
    if missing is not None:
        return failure("configuration", missing)
    if configuration.sample_result_export_interface_ids:
        return _warning("configuration", "interface-ids-no-effect")
    return Item("configuration", Outcome.PASSED, "All keys are valid.")


async def _benchling(configuration: Configuration) -> AsyncIterator[Item]:
    dns = await _try("benchling-dns", lambda: _dns(configuration))
    yield dns
    if not dns.passed:
        for name in ("benchling-tls", "benchling-token", "benchling-read", "clock"):
            yield _skipped(name, "benchling-dns")
        return
    tls = await _try("benchling-tls", lambda: _tls(configuration))
    yield tls
    if not tls.passed:
        for name in ("benchling-token", "benchling-read", "clock"):
            yield _skipped(name, "benchling-tls")
        return
    if not len(configuration.client_secret):
        for name in ("benchling-token", "benchling-read", "clock"):
            yield _skipped(name, "configuration")
        return
    async with open_reader(configuration, SystemClock(), SystemIds()) as reader:
        token = await _try("benchling-token", lambda: _token(reader))
        yield token
        if not token.passed:
            yield _skipped("benchling-read", "benchling-token")
        else:
            yield await _try("benchling-read", lambda: _read(reader))
        yield await _try("clock", lambda: _skew(reader))


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
        return _warning(name, "tls-verification-off")
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
    return _warning("benchling-read", "benchling-nothing-readable")


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


QUEUE_ITEMS = ITEMS[ITEMS.index("queue-region") : ITEMS.index("lake")]


async def _queue(configuration: Configuration) -> AsyncIterator[Item]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            probe = await probe_queue(
                configuration.sqs_url, configuration.aws_region, ca_bundle=configuration.ca_bundle
            )
    except (ConnectorError, TimeoutError) as error:
        if not isinstance(error, ConnectorError):
            error = TransientError("queue-failing", f"No answer within {PATIENCE_S:.0f} seconds.")
        wrong_region = "aws_region" in error.sentence
        failed = "queue-region" if wrong_region else "queue-exists"
        if not wrong_region:
            yield _region(configuration)
        for name in QUEUE_ITEMS[0 if wrong_region else 1 :]:
            yield failure(name, error) if name == failed else _skipped(name, failed)
        return
    yield _region(configuration)
    yield Item("queue-exists", Outcome.PASSED, "The queue exists.")
    yield _permission("queue-receive", "ReceiveMessage", probe.receive)
    yield _permission("queue-delete", "DeleteMessage", probe.delete)
    yield _permission("queue-visibility", "ChangeMessageVisibility", probe.change_visibility)
    yield _redrive(probe.attributes)
    yield _visibility_timeout(probe.attributes)


def _region(configuration: Configuration) -> Item:
    named = parse_queue_url(configuration.sqs_url).region
    ours = configuration.aws_region
    summary = f"The queue is in {ours}." if named else f"The URL names no Region; using {ours}."
    return Item("queue-region", Outcome.PASSED, summary)


def _permission(name: str, action: str, permission: Permission) -> Item:
    if permission is Permission.ALLOWED:
        return Item(name, Outcome.PASSED, f"sqs:{action} is allowed.")
    if permission is Permission.UNKNOWN:
        summary = f"sqs:{action} could not be probed without touching messages."
        return Item(name, Outcome.WARNING, summary, code="queue-access-denied")
    summary = f"sqs:{action} is denied."
    if name == "queue-visibility":  # everything works without it, only slower
        return _warning(name, "queue-access-denied", summary)
    return failure(name, ConfigurationError("queue-access-denied", summary))


def _redrive(attributes: QueueAttributes | None) -> Item:
    name = "queue-redrive"
    if attributes is None:
        return _warning(name, "queue-attributes-unread")
    receives = attributes.max_receive_count
    if receives is None:
        return _warning(name, "queue-without-redrive")
    if receives < LEAST_RECEIVES:
        summary = f"A message goes to the dead-letter queue after only {receives} receives."
        return _warning(name, "queue-without-redrive", summary)
    return Item(name, Outcome.PASSED, f"To the dead-letter queue after {receives} receives.")


def _visibility_timeout(attributes: QueueAttributes | None) -> Item:
    name = "queue-visibility-timeout"
    if attributes is None or attributes.visibility_timeout is None:
        return _warning(name, "queue-attributes-unread")
    seconds = attributes.visibility_timeout
    if not LEAST_VISIBILITY_S <= seconds <= MOST_VISIBILITY_S:
        summary = f"The visibility timeout is {seconds} s."
        return _warning(name, "queue-visibility-timeout", summary)
    return Item(name, Outcome.PASSED, f"The visibility timeout is {seconds} s.")


async def _lake(configuration: Configuration) -> Item:
    async with open_lake(
        configuration.lake_url,
        region=configuration.aws_region,
        ca_bundle=configuration.ca_bundle,
    ) as lake:
        probe = await probe_lake(lake)
    for trial in (probe.write, probe.read_back):
        if trial.error is not None:
            raise trial.error
    problems = [
        what
        for trial, what in (
            (probe.remove, f"the object at {probe.path} could not be removed"),
            (probe.tells_missing, "it does not tell that an object is missing"),
        )
        if not trial.works
    ]
    if problems:
        return _warning("lake", "lake-permissions-incomplete", f"Works, but {'; '.join(problems)}.")
    return Item("lake", Outcome.PASSED, f"Written, read back and cleaned up in {probe.location}.")


async def _database(configuration: Configuration) -> Item:
    status = await schema_status(configuration.database_url)
    if status.state == "current":
        return Item("database", Outcome.PASSED, f"The schema is current ({status.head}).")
    if status.state == "older":
        summary = f"The schema is {status.current}; `run` brings it to {status.head}."
        return Item("database", Outcome.PASSED, summary)
    path = sqlite_path(configuration.database_url)
    if path is not None:
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            sentence = f"The folder {folder} cannot be written ({error.strerror})."
            raise TransientError("database-failing", sentence) from None
    return Item("database", Outcome.PASSED, "Reachable and new; `run` makes the tables.")
