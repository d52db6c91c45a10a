"""What a worker is given to work with."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.health import Health
from benchling_connector.domain.metrics import Metric
from benchling_connector.ports import Home

__all__ = ["CheckItem", "Chosen", "OpenConnector", "Outcome", "Tools"]


HealthOf = Callable[[], Health]
MetricsOf = Callable[[], Sequence[Metric]]


class OpenConnector(Protocol):
    """A connector that was opened with one configuration."""

    async def run(self, drain: float | None = None) -> None:
        """Works until it is stopped, and returns with everything settled; or until drained for so
        many seconds. Raises `ConnectorError` when it cannot start."""
        ...

    def stop(self) -> None:
        """No new receive; what has been begun is finished, then `run` returns."""
        ...

    def health(self) -> Health:
        """How it is now."""
        ...

    def metrics(self) -> Sequence[Metric]:
        """What `/metrics` tells."""
        ...


class CheckItem(Protocol):
    """One thing that was tested of a configuration, against the real services."""

    @property
    def name(self) -> str: ...
    @property
    def passed(self) -> bool: ...
    @property
    def summary(self) -> str: ...
    @property
    def remedy(self) -> str | None: ...


class Outcome(Protocol):
    """What became of a message in quarantine; `what` is `failed`, or a word for what was done."""

    @property
    def message_id(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def sentence(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """Messages in quarantine: by their IDs if there are any, else by what they have in common."""

    message_ids: tuple[str, ...] = ()
    reason: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """All of it. What opens raises `ConnectorError`."""

    find_home: Callable[[], Awaitable[Home]]
    """The home, as soon as its database is open."""
    configure: Callable[[Mapping[str, object]], Awaitable[Configuration]]
    """A configuration of the home's keys, beneath those that this process was given itself. Raises
    `ConfigurationError`."""
    open: Callable[[Configuration], AbstractAsyncContextManager[OpenConnector]]
    serve: Callable[[int, HealthOf, MetricsOf], AbstractAsyncContextManager[int]]
    """Probes and metrics on a port; gives the port. Raises `InvalidConfiguration`."""
    counts: Callable[[], Mapping[str, int]]
    """What was done since the process began, whatever the configuration was."""
    set_log_level: Callable[[str | None], None]
    """None is the level that the process was started with."""
    check: Callable[[Configuration], AsyncIterator[CheckItem]]
    """Tests a configuration, item by item, and raises nothing."""
    retry: Callable[[Configuration, Chosen, str, Callable[[Outcome], None]], Awaitable[None]]
    """Sends messages in quarantine to the queue again; the text is who wants it."""
    discard: Callable[[Configuration, Chosen, str, str, Callable[[Outcome], None]], Awaitable[None]]
    """Records that messages in quarantine are not needed; the texts are who wants it, and why."""
    look_again: Callable[[], Awaitable[Configuration]] | None = None
    """A configuration of the worker's own, as its sources have it now, and with its client secret.

    Raises `ConnectorError`: `client-secret-missing` while that is empty."""
    sample: Callable[[], Awaitable[Mapping[str, float]]] | None = None
    """What is measured of this worker now, by name, in base units; empty while there is nothing.

    Raises nothing of the world."""
