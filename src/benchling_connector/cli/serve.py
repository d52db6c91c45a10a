"""`serve`: the platform, and the connectors that it hosts."""

import asyncio
import os
import platform
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer

from benchling_connector.adapters.system import SystemClock, SystemIds, is_gone, own_name
from benchling_connector.cli import forked
from benchling_connector.cli.console import link_url
from benchling_connector.cli.doors import Doors, is_loopback
from benchling_connector.cli.live_test import live_test
from benchling_connector.cli.logs import set_up_logs
from benchling_connector.cli.options import grouped
from benchling_connector.cli.outside import OUTSIDE
from benchling_connector.cli.persons import who
from benchling_connector.cli.stopping import stopping
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.environment import ENVIRONMENT_PREFIX, PLATFORM_VARIABLES
from benchling_connector.domain.errors import (
    ConnectorError,
    FieldProblem,
    InvalidConfiguration,
    TransientError,
)
from benchling_connector.platform import addresses
from benchling_connector.platform.keeping import tidy
from benchling_connector.platform.keys import ensure_key, key_place
from benchling_connector.platform.leading import Leadership
from benchling_connector.platform.processes import Launch, WorkerProcesses
from benchling_connector.platform.services import Services, open_services
from benchling_connector.platform.supervisor import Machine, Supervisor
from benchling_connector.platform.watching import watch
from benchling_connector.web.settings import WebSettings

if TYPE_CHECKING:
    import uvicorn

__all__ = ["app", "serve"]

STOP_WITHIN_S = 27.0
"""Longer than workers may take: they are ended first."""
TIDY_EVERY_S = 2.0
ANSWERS_END_WITHIN_S = 5

log = structlog.get_logger()


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the platform keeps things; `database_url` is None for the one in `data_dir`."""

    data_dir: Path
    database_url: str | None

    @property
    def url(self) -> str:
        """The database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'connector.db'}"


@app.command()
@grouped
def serve(
    *,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Home of the database, of the workers' logs, and of lakes without an address of "
            "their own. Default: ./data."
        ),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The database: `sqlite:///` or `postgresql://`."),
    ] = None,
    http_host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="On which port; 0 for any that is free.")
    ] = 8080,
    doors: Doors,
    log_level: Annotated[
        str, typer.Option(help="debug, info, warning or error.", metavar="LEVEL")
    ] = "info",
) -> None:
    """The platform: the HTTP API, and the connectors that it hosts."""
    if log_level.lower() not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter("must be debug, info, warning or error", param_hint="--log-level")
    set_up_logs(level=log_level)
    variables = os.environ
    given = data_dir or Path(variables.get(f"{ENVIRONMENT_PREFIX}DATA_DIR") or "data")
    url = database_url or variables.get(f"{ENVIRONMENT_PREFIX}DATABASE_URL") or None
    place = Place(given.expanduser().absolute(), url)
    try:
        asyncio.run(_serve(place, doors.settings(http_host), http_host, http_port))
    except ConnectorError as error:
        log.error(  # noqa: TRY400 - what it is stands in the fields
            "platform.failed", code=error.code, sentence=error.sentence, remedy=error.remedy
        )
        raise


async def _serve(place: Place, settings: WebSettings, host: str, port: int) -> None:
    with stopping(STOP_WITHIN_S) as stop, _listening(host, port) as listening:
        opening = open_services(
            place.url,
            now=_now,
            new_id=SystemIds().file_id,
            key_place=key_place(os.environ, place.data_dir),
            may_make=True,
            outside=OUTSIDE,
        )
        async with opening as services, AsyncExitStack() as stack:
            await ensure_key(services.desk, services.key_place)
            url = f"http://{_host(host)}:{listening.getsockname()[1]}"
            await _note_address(stack, services, settings.public_url or url)
            web = _web_server(place, services, settings)
            serving = asyncio.create_task(web.serve([listening]))
            jobs = [asyncio.create_task(job) for job in _jobs(place, services)]

            def end() -> None:
                web.should_exit = True
                for job in jobs:
                    job.cancel()

            stop.gently = end
            log.info("platform.served", url=url)
            print(f"Serving on {url}", file=sys.stderr)  # noqa: T201 - for people
            _warn_if_wide(host)
            await _offer_first_link(services, settings.public_url or url)
            await asyncio.wait([serving, *jobs], return_when=asyncio.FIRST_COMPLETED)
            if not stop.asked:  # one of them has ended that should not
                end()
            for outcome in await asyncio.gather(serving, *jobs, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome
            log.info("platform.stopped")


async def _note_address(stack: AsyncExitStack, services: Services, url: str) -> None:
    """For the verbs beside it; until it ends."""
    await addresses.note(services.desk, url)

    async def forget() -> None:
        with suppress(TransientError):
            await addresses.forget(services.desk, url)

    stack.push_async_callback(forget)


async def _offer_first_link(services: Services, url: str) -> None:
    """While nobody has an account, whoever started it may sign in."""
    starter = Caller(who(), Way.PLATFORM, Role.ADMIN)
    secret = await services.sessions.make_first_link(starter)
    if secret is not None:
        text = f"Nobody has an account yet. Sign in within 15 minutes: {link_url(url, secret)}"
        print(text, file=sys.stderr)  # noqa: T201 - for people, and in no log


def _web_server(place: Place, services: Services, settings: WebSettings) -> "uvicorn.Server":
    import uvicorn

    from benchling_connector.web.app import make_app
    from benchling_connector.web.protocol import Protocol

    made = make_app(services, live_test(place.url, place.data_dir), settings)

    class Server(uvicorn.Server):
        """Signals are heeded elsewhere, and what pages look at live ends first."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            made.state.streams.end()
            await super().shutdown(sockets)

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(
        uvicorn.Config(
            made,
            log_config=None,
            access_log=False,
            lifespan="off",
            http=Protocol,
            # Who calls is who is connected: what a header says of it is for others to believe.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=ANSWERS_END_WITHIN_S,
        )
    )


def _jobs(place: Place, services: Services) -> Sequence[Coroutine[Any, Any, None]]:
    """What runs beside the API, for ever."""
    return (
        _supervisor(place, services).run(),
        _tidying(services),
        watch(services.outward.watching, SystemClock().sleep),
    )


def _supervisor(place: Place, services: Services) -> Supervisor:
    name = f"{platform.node()}-{os.getpid()}-{SystemIds().file_id()}"

    def launching(connector_id: str, log_file: Path) -> Launch:
        arguments = (
            *("run", "--connector-id", connector_id),
            *("--data-dir", str(place.data_dir)),
            *("--log-file", str(log_file)),
        )
        return Launch(forked.work, arguments, _environment_of_workers(place))

    return Supervisor(
        services.desk,
        Leadership(services.desk, name, own_name(), is_gone),
        WorkerProcesses(forked.PRELOAD),
        launching,
        place.data_dir / "logs",
        Machine(platform.node(), is_gone, time.monotonic, _send),
    )


def _environment_of_workers(place: Place) -> dict[str, str]:
    """Without what was said to `serve`. The database's address may hold a password, which command
    lines show to everybody."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in PLATFORM_VARIABLES or not name.startswith(ENVIRONMENT_PREFIX)
    }
    if place.database_url is not None:
        environment[f"{ENVIRONMENT_PREFIX}DATABASE_URL"] = place.database_url
    return environment


async def _tidying(services: Services) -> None:
    while True:
        try:
            await tidy(services.desk.engine, services.desk.now(), is_gone)
            await services.refusals.write_due()
        except TransientError as error:
            log.warning("platform.not_tidied", code=error.code, sentence=error.sentence)
        await asyncio.sleep(TIDY_EVERY_S)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens. Raises `InvalidConfiguration` when it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable("--http-host", f"{host} is no address here ({error.strerror}).") from None
    with listening:
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
        except OSError as error:
            problem = f"port {port} of {host} cannot be used ({error.strerror or 'refused'})."
            raise _unusable("--http-port", problem) from None
        listening.setblocking(False)
        yield listening


def _unusable(flag: str, problem: str) -> InvalidConfiguration:
    return InvalidConfiguration([FieldProblem(flag, problem, "Choose another, or 0 for any port.")])


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _warn_if_wide(host: str) -> None:
    """There is no TLS here: passwords and tokens would be read on the way."""
    if is_loopback(host):
        return
    sentence = (
        "The platform listens beyond this machine, and without TLS: what is sent can be read."
    )
    remedy = "Put a proxy in front that speaks TLS, and listen on 127.0.0.1."
    log.warning("platform.listens_wide", host=host, sentence=sentence, remedy=remedy)
    print(f"WARNING: {sentence} {remedy}", file=sys.stderr)  # noqa: T201 - for people


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _now() -> datetime:
    return datetime.now(UTC)
