"""The app's client ID and secret, as they stand in `Authorization` when a token is asked for."""

import asyncio
from collections.abc import Callable

import structlog

from benchling_connector.adapters.benchling.connection import basic
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConnectorError

__all__ = ["Credentials"]

log = structlog.get_logger()


class Credentials:
    """What the configuration says, until it is looked at again.

    `look_again` gives the configuration as its sources have it now.
    """

    def __init__(
        self, configuration: Configuration, look_again: Callable[[], Configuration] | None = None
    ) -> None:
        self._benchling_url = configuration.benchling_url
        self._header = _header(configuration)
        self._look_again = look_again

    @property
    def header(self) -> str:
        """What stands in `Authorization`."""
        return self._header

    async def renew(self) -> None:
        """Takes what the sources say now, if they say anything that can be used.

        Not if they name another tenant by now: it is not the one that would be asked.
        """
        if self._look_again is None:
            return
        try:
            found = await asyncio.to_thread(self._look_again)
        except ConnectorError:
            return  # somebody is writing it, or it holds a mistake: a start would tell
        if found.benchling_url != self._benchling_url or not len(found.client_secret):
            return
        header = _header(found)
        if header != self._header:
            self._header = header
            log.info("credentials.renewed")


def _header(configuration: Configuration) -> str:
    # Not form-encoded first, as RFC 6749 has it: Benchling's own SDK leaves that out.
    return basic(configuration.client_id, configuration.client_secret.get_secret_value())
