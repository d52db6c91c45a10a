"""Which platform a verb works on, and opening it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.cli.options import Where
from benchling_connector.platform.services import Services, open_services

__all__ = ["Because", "Home", "opened"]

Because = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Why; kept in the audit with your name.")
]


@dataclass(frozen=True, slots=True)
class Home:
    """The platform's data directory or database."""

    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="The platform's data directory; its database is `connector.db` in there."
        ),
    ] = None
    database_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The database: `sqlite:///` or `postgresql://`."),
    ] = None

    def url(self) -> str:
        """The database that flags and environment name, in this order."""
        return Where(data_dir=self.data_dir, database_url=self.database_url).url()


@asynccontextmanager
async def opened(home: Home, *, may_make: bool = False) -> AsyncIterator[Services]:
    """The platform's services. Raises `ConfigurationError` and `TransientError`.

    `may_make`: makes the database if there is none yet.
    """
    async with open_services(
        home.url(), now=SystemClock().now, new_id=SystemIds().file_id, may_make=may_make
    ) as services:
        yield services
