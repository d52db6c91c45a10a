"""Waits for a client secret that is empty, as a mounted one is until somebody fills it in."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import structlog

from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConfigurationError, ConnectorError
from benchling_connector.domain.health import Finding, Health, condition_of
from benchling_connector.domain.metrics import Metric, gauge
from benchling_connector.settings import Sources

__all__ = ["secret_missing", "with_secret"]

LOOK_EVERY_S = 2.0
SAY_EVERY_S = 300.0

KEY = "client_secret"

log = structlog.get_logger()


def secret_missing(load: Sources) -> ConfigurationError:
    """The error for a client secret that is there and empty."""
    sentence = f"The client secret is empty: nothing stands in {load.place_of(KEY)}."
    return ConfigurationError("client-secret-missing", sentence)


async def with_secret(load: Sources) -> Configuration:
    """The configuration, as soon as it has a client secret.

    Meanwhile it says what it waits for, in the log and (with `http_port`) in `/healthz`.
    Raises `InvalidConfiguration` when the configuration is wrong at the start.
    """
    configuration = load()
    if len(configuration.client_secret):
        return configuration
    loop = asyncio.get_running_loop()
    waiting = _Waiting(secret_missing(load), loop.time())
    async with AsyncExitStack() as stack:
        if configuration.http_port is not None:
            from benchling_connector.adapters.status import serve_status  # slow to import

            serving = serve_status(configuration.http_port, waiting.health, waiting.metrics)
            log.info("status.served", port=await stack.enter_async_context(serving))
        while True:
            waiting.say(loop.time())
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                configuration = await asyncio.to_thread(load)
            except ConnectorError as error:  # a mistake made while mending
                waiting.error = error
                continue
            if len(configuration.client_secret):
                log.info("secret.found")
                return configuration
            waiting.error = secret_missing(load)


class _Waiting:
    """What stands in the way, since when, and when it was last said (seconds)."""

    def __init__(self, error: ConnectorError, since: float) -> None:
        self.error = error
        self._since = self._now = since
        self._since_at = datetime.now(UTC)
        self._said: tuple[str, float] | None = None

    def say(self, now: float) -> None:
        """In the log: what is new at once, the rest now and then."""
        self._now = now
        sentence = self.error.sentence
        if self._said and self._said[0] == sentence and now - self._said[1] < SAY_EVERY_S:
            return
        self._said = (sentence, now)
        log.error(
            "secret.awaited", code=self.error.code, sentence=sentence, remedy=self.error.remedy
        )

    def health(self) -> Health:
        finding = Finding(self.error, self._since_at, self._now - self._since)
        return Health((condition_of("configuration", finding, self._since_at),))

    def metrics(self) -> Sequence[Metric]:
        return (gauge("health", "0 healthy, 1 warning, 2 critical.", self.health().state),)
