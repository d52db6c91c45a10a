"""Which platform a verb works on, as whom, and on which of its connectors."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.cli.options import Where
from benchling_connector.domain.connectors import ConnectorView
from benchling_connector.domain.environment import ENVIRONMENT_PREFIX
from benchling_connector.domain.errors import NotFound
from benchling_connector.domain.records import BadCursorError
from benchling_connector.platform.keys import KeyPlace, key_place
from benchling_connector.platform.outward import Outside
from benchling_connector.platform.services import Services, open_services
from benchling_connector.ports import Page

__all__ = ["Because", "ConnectorName", "Place", "find", "on_platform"]
__all__ += ["opened"]

Result = TypeVar("Result")

ConnectorName = Annotated[
    str, typer.Argument(metavar="CONNECTOR", help="The connector's ID, or its name.")
]
Because = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Why; kept with your name and the time.")
]


@dataclass(frozen=True, slots=True)
class Place:
    """Which platform: its database, and its key."""

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

    def home(self) -> Path:
        """The data directory that flags and environment name."""
        return self.data_dir or Path(os.environ.get(f"{ENVIRONMENT_PREFIX}DATA_DIR") or "data")

    def key_place(self, environment: Mapping[str, str] = os.environ) -> KeyPlace:
        """Where its keys are."""
        return key_place(environment, self.home())


def on_platform(
    place: Place,
    work: Callable[[Services], Awaitable[Result]],
    *,
    may_make: bool = False,
    outside: Outside | None = None,
) -> Result:
    """What the work on a platform's services gives.

    `may_make`: the database is made if there is none. `outside`: for work that needs
    more than the database. Raises `ConnectorError`; a cursor that is none is wrong usage.
    """

    async def run() -> Result:
        async with opened(place, may_make=may_make, outside=outside) as services:
            return await work(services)

    try:
        return asyncio.run(run())
    except BadCursorError as error:
        raise typer.BadParameter(str(error), param_hint="--cursor") from None


@asynccontextmanager
async def opened(
    place: Place, *, may_make: bool = False, outside: Outside | None = None
) -> AsyncIterator[Services]:
    """The services of a platform. As `on_platform`."""
    async with open_services(
        place.url(),
        now=SystemClock().now,
        new_id=SystemIds().file_id,
        key_place=place.key_place(),
        may_make=may_make,
        outside=outside,
    ) as services:
        yield services


async def find(services: Services, name: str) -> ConnectorView:
    """The connector of this ID, or the only one of this name.

    Raises `NotFound` (`connector-unknown`), which tells the nearest; wrong usage if there are
    several.
    """
    try:
        return await services.registry.get(name)
    except NotFound:
        page = await services.registry.list()
    named = [one for one in page.rows if one.name == name]
    if len(named) > 1:
        ids = ", ".join(one.connector_id for one in named)
        raise typer.BadParameter(f"there are several of this name: {ids}", param_hint="CONNECTOR")
    if not named:
        raise NotFound(
            "connector-unknown", f"There is no connector {name!r}.{_nearest(name, page)}"
        )
    return named[0]


def _nearest(name: str, page: Page[ConnectorView]) -> str:
    known = {one.connector_id: one for one in page.rows} | {one.name: one for one in page.rows}
    for found in get_close_matches(name, known, n=1):
        return f" Did you mean {known[found].name} ({known[found].connector_id})?"
    return ""
