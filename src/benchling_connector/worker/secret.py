"""Waits for a client secret that is empty, as a mounted one is until somebody fills it in."""

from collections.abc import Awaitable, Callable

import structlog

from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConnectorError
from benchling_connector.domain.health import Condition, Finding, condition_of
from benchling_connector.ports import Clock

__all__ = ["LOOK_EVERY_S", "AwaitedSecret"]

LOOK_EVERY_S = 2.0
SAY_EVERY_S = 300.0

log = structlog.get_logger()


class AwaitedSecret:
    """`error` is what stood in the way when `look` was called last; a mistake that was made while
    mending is another one."""

    def __init__(self, look_again: Callable[[], Awaitable[Configuration]], clock: Clock) -> None:
        self._look_again = look_again
        self._clock = clock
        self._since, self._since_s = clock.now(), clock.monotonic()
        self._said: tuple[str, float] | None = None
        self.error: ConnectorError | None = None

    async def look(self) -> Configuration | None:
        """The configuration if its client secret is there by now."""
        try:
            found = await self._look_again()
        except ConnectorError as error:
            self.error = error
            return None
        log.info("secret.found")
        return found

    def say(self) -> None:
        """What is awaited, in the log: what is new at once, the rest now and then."""
        assert self.error is not None
        now, sentence = self._clock.monotonic(), self.error.sentence
        if self._said and self._said[0] == sentence and now - self._said[1] < SAY_EVERY_S:
            return
        self._said = (sentence, now)
        log.error(
            "secret.awaited", code=self.error.code, sentence=sentence, remedy=self.error.remedy
        )

    def condition(self, part: str) -> Condition:
        """What is awaited, as this part of the health table."""
        assert self.error is not None
        for_s = self._clock.monotonic() - self._since_s
        return condition_of(part, Finding(self.error, self._since, for_s), self._since)
