"""A worker under its connector's home, with everything that it works with."""

import asyncio
import os
import platform
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector import __version__
from benchling_connector.adapters.system import SystemClock, SystemIds, is_gone, own_name
from benchling_connector.assembly import Connector, Standing, open_connector, opened
from benchling_connector.cli.errands import check, discard, retry
from benchling_connector.cli.logs import set_log_level
from benchling_connector.cli.secret import secret_missing
from benchling_connector.database.identity import Rename, connector_identity
from benchling_connector.database.opening import Database, open_database, open_known_database
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.environment import ENVIRONMENT_PREFIX
from benchling_connector.domain.errors import (
    ConfigurationError,
    FieldProblem,
    InvalidConfiguration,
)
from benchling_connector.domain.health import Health
from benchling_connector.domain.metrics import Metric
from benchling_connector.domain.queue_url import one_form
from benchling_connector.domain.records import storable
from benchling_connector.platform.beats import WorkerProcess
from benchling_connector.platform.home import DatabaseHome, Decrypt
from benchling_connector.ports import Home
from benchling_connector.settings import Sources, load
from benchling_connector.worker.tools import Tools
from benchling_connector.worker.worker import Worker

__all__ = ["Manner", "configured_elsewhere", "open_worker"]

REQUIRED = frozenset(
    key for key, field in Configuration.model_fields.items() if field.is_required()
)
AT_HOME = ("connector_id", "connector_name", "data_dir", "database_url")
"""Keys that say who and where a worker is, not what it does."""
WHERE_IT_LIVES = ("connector_id", "data_dir", "database_url")
NOT_YET = {
    "benchling_url": "https://not-configured-yet.invalid",
    "client_id": "not-configured-yet",
    "client_secret": "not-configured-yet",
    "sqs_url": "https://not-configured-yet.invalid/0/0",
    "aws_region": "us-east-1",
}
"""In place of the required keys, so that the others can be read without them."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a worker was started: for how long without work (seconds), at which log level, and
    whether by the supervisor."""

    drain: float | None
    log_level: str
    supervised: bool


def configured_elsewhere(sources: Sources) -> bool:
    """Whether the configuration is the home's: none of the required keys is given here, but which
    connector it is, and where its database. Raises `InvalidConfiguration`."""
    given = sources.given()
    named = "connector_id" in given and not given.isdisjoint({"database_url", "data_dir"})
    return named and REQUIRED.isdisjoint(given)


@asynccontextmanager
async def open_worker(
    sources: Sources, own: Configuration | None, manner: Manner
) -> AsyncIterator[Worker]:
    """A worker that can be run. Its database is being opened, but need not be open yet.

    `own`: its configuration, which may lack its client secret; None if that is the home's. Raises
    `ConfigurationError`.
    """
    here = own or sources.over(NOT_YET)
    clock, ids = SystemClock(), SystemIds()
    async with AsyncExitStack() as stack:
        opening = asyncio.create_task(opened(stack, clock, _database(here, own, clock, ids)))
        stack.push_async_callback(_cancelled, opening)

        async def database() -> Database:
            return await asyncio.shield(opening)

        standing = Standing(database=database)

        async def find_home() -> Home:
            found = await database()
            process = WorkerProcess(
                standing.worker_id,
                platform.node(),
                os.getpid(),
                own_name(),
                "supervisor" if manner.supervised else "hand",
                __version__,
                is_gone,
            )
            return DatabaseHome(
                found.heart,
                found.connector_id,
                process,
                decrypt=_decrypting(here),
                new_id=ids.file_id,
            )

        tools = Tools(
            find_home=find_home,
            configure=_configure(sources, own),
            open=_opening(standing, manner.drain, None if own is None else sources),
            serve=_serve,
            counts=standing.counts,
            set_log_level=lambda level: set_log_level(level or manner.log_level),
            check=check,
            retry=retry,
            discard=discard,
            look_again=None if own is None else _looking_again(sources, own, database, clock, ids),
            sample=standing.sample,
        )
        yield Worker(tools, clock, own=own, port=here.http_port, drain=manner.drain)


def _decrypting(here: Configuration) -> Decrypt:
    """With the platform's key, where this process finds it."""

    def decrypt(sealed: str, owner: str, name: str) -> str:
        from benchling_connector.platform.keys import key_place  # seldom needed, and slow to import
        from benchling_connector.platform.vault import Vault

        return Vault(key_place(os.environ, here.data_dir).keys).unseal(sealed, owner, name)

    return decrypt


def _database(
    here: Configuration, own: Configuration | None, clock: SystemClock, ids: SystemIds
) -> Callable[[], AbstractAsyncContextManager[Database]]:
    connector_id, name = here.connector_id, here.connector_name
    renames = "connector_name" in here.model_fields_set

    async def record(connection: AsyncConnection, rename: Rename) -> None:
        from benchling_connector.cli.recording import record_rename  # seldom needed

        await record_rename(connection, rename, clock.now())

    @asynccontextmanager
    async def known(connector_id: str) -> AsyncIterator[Database]:
        async with open_known_database(here.database_url, connector_id) as database:
            if renames:
                await connector_identity(
                    database.engine,
                    connector_id,
                    name,
                    clock.now(),
                    ids.file_id,
                    renames=True,
                    record=record,
                )
            yield database

    if own is None and connector_id is not None:
        return lambda: known(connector_id)
    queue = _queue_of(here)
    return lambda: open_database(
        here.database_url,
        connector_id=connector_id,
        connector_name=name,
        now=clock.now(),
        new_id=ids.file_id,
        renames=renames,
        queue=queue,
        record=record,
    )


def _queue_of(configuration: Configuration) -> str:
    return storable(one_form(configuration.sqs_url))


def _looking_again(
    sources: Sources,
    own: Configuration,
    database: Callable[[], Awaitable[Database]],
    clock: SystemClock,
    ids: SystemIds,
) -> Callable[[], Awaitable[Configuration]]:
    """How a client secret that is awaited is looked for, and whatever else was changed with it."""

    async def look_again() -> Configuration:
        found = await asyncio.to_thread(sources)
        if not len(found.client_secret):
            raise secret_missing(sources)
        moved = [key for key in WHERE_IT_LIVES if getattr(found, key) != getattr(own, key)]
        if moved:
            problem = "was changed while the client secret was awaited."
            remedy = "Start the connector again, so that it begins there."
            raise InvalidConfiguration([FieldProblem(key, problem, remedy) for key in moved])
        if found.sqs_url != own.sqs_url:
            home = await database()
            await connector_identity(
                home.heart,
                home.connector_id,
                found.connector_name,
                clock.now(),
                ids.file_id,
                queue=_queue_of(found),
            )
        return found

    return look_again


def _configure(
    sources: Sources, own: Configuration | None
) -> Callable[[Mapping[str, object]], Awaitable[Configuration]]:
    """How the platform's keys are read: beneath what this process was given; by one that brought
    its own configuration alone, but where it is at home itself."""

    def read(keys: Mapping[str, object]) -> Configuration:
        if own is None:
            return sources.over(keys)
        around = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(ENVIRONMENT_PREFIX)
        }
        at_home = {key: getattr(own, key) for key in AT_HOME}
        return load(None, {**at_home, **keys}, around)

    async def configure(keys: Mapping[str, object]) -> Configuration:
        configuration = await asyncio.to_thread(read, keys)
        if not len(configuration.client_secret):
            sentence = "The client secret is empty in the configuration that was saved."
            raise ConfigurationError("client-secret-missing", sentence)
        return configuration

    return configure


def _opening(
    standing: Standing, drain: float | None, look_again: Sources | None
) -> Callable[[Configuration], AbstractAsyncContextManager[Connector]]:
    @asynccontextmanager
    async def opening(configuration: Configuration) -> AsyncIterator[Connector]:
        async with (
            open_connector(
                configuration,
                poll_s=_poll_seconds(drain),
                look_again=look_again,
                standing=standing,
            ) as connector,
            _live_line(connector),
        ):
            yield connector

    return opening


def _live_line(connector: Connector) -> AbstractAsyncContextManager[None]:
    """One line at the bottom of a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from benchling_connector.cli.live import live_line  # Rich's live display, for people only

    return live_line(connector)


def _poll_seconds(drain: float | None) -> int:
    """Long polls must not outlast what `--drain` waits for."""
    return 20 if drain is None else max(1, min(20, int(drain / 2)))


def _serve(
    port: int, health: Callable[[], Health], metrics: Callable[[], Sequence[Metric]]
) -> AbstractAsyncContextManager[int]:
    from benchling_connector.adapters.status import serve_status  # slow to import

    return serve_status(port, health, metrics)


async def _cancelled(task: asyncio.Task[Database]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
