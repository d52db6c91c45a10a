"""`demo`: the whole chain on one machine, with nothing to configure.

A simulated tenant publishes to a partner bus; rule and queue are made by our own templates on an
embedded AWS stand-in; the connector is the one that `run` runs.
"""

import asyncio
import contextlib
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console

from benchling_connector import cloudformation
from benchling_connector.assembly import Connector, open_connector
from benchling_connector.cli.dashboard import dashboard
from benchling_connector.cli.exits import Exit
from benchling_connector.cli.logs import set_up_logs
from benchling_connector.domain.configuration import Configuration
from benchling_connector.settings import load
from benchling_connector.simulator.aws import (
    DeploymentError,
    EmbeddedAws,
    EmbeddedAwsError,
    deploy,
)
from benchling_connector.simulator.events import BenchlingEvent
from benchling_connector.simulator.hostile import stray_webhook
from benchling_connector.simulator.publisher import Bus, Publisher, Queue
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET, Tenant

__all__ = ["Life", "app", "demo", "duckdb_line"]

SOURCE = "aws.partner/benchling.com/quillmere/demo"
DRAIN_S = 2.0
ODD_EVERY = 97
"""One event in so many is of a type nobody knows, or about something that the app may not see."""


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def demo(
    data_dir: Annotated[
        Path, typer.Option(help="Where everything is kept; the lake is the folder `lake` in it.")
    ] = Path("./demo-data"),
    events: Annotated[int, typer.Option(min=1, help="End after so many events.")] = 300,
    rate: Annotated[float, typer.Option(min=0.1, help="Events per second.")] = 5.0,
    for_s: Annotated[
        float | None, typer.Option("--for", min=1, metavar="SECONDS", help="End after so long.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same tenant.")] = None,
) -> None:
    """Shows what the connector does: a simulated tenant, an embedded queue and a connector."""
    console = Console(stderr=True, highlight=False)
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "demo.log").open("a", encoding="utf-8") as journal:
        set_up_logs(terminal=False, to=journal)
        try:
            asyncio.run(_demo(data_dir, events, rate, for_s, seed, console))
        except (EmbeddedAwsError, DeploymentError) as error:
            console.print(f"The demo could not start: {error}", markup=False, soft_wrap=True)
            raise typer.Exit(Exit.FAILED) from None


async def _demo(
    data_dir: Path,
    events: int,
    rate: float,
    for_s: float | None,
    seed: int | None,
    console: Console,
) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    tenant = Tenant(secrets.randbelow(1 << 30) if seed is None else seed, source=SOURCE)
    async with AsyncExitStack() as stack:
        console.print("Starting a simulated Benchling tenant and an embedded AWS stand-in ...")
        server = await stack.enter_async_context(TenantServer(tenant))
        aws_folder = stack.enter_context(TemporaryDirectory(prefix="aws-", dir=data_dir))
        aws = await stack.enter_async_context(EmbeddedAws(Path(aws_folder)))
        stack.enter_context(_environment(aws.environment()))
        deployed = await deploy(
            aws.endpoint_url,
            aws.region,
            aws.credentials,
            bus_template=cloudformation.read("benchling-event-bus"),
            queue_template=cloudformation.read("benchling-sqs-queue"),
            partner_source=SOURCE,
        )
        configuration = load(
            None,
            {
                "benchling_url": server.url,
                "client_id": tenant.client_id,
                "client_secret": DEFAULT_CLIENT_SECRET,
                "sqs_url": deployed.queue_url,
                "aws_region": aws.region,
                "data_dir": data_dir,
                "connector_name": "demo",
            },
            environment={},
        )
        connector = await stack.enter_async_context(open_connector(configuration, poll_s=1))
        publisher = await stack.enter_async_context(
            Publisher(
                Bus(deployed.bus_name, partner=True),
                endpoint_url=aws.endpoint_url,
                region=aws.region,
                credentials=(aws.credentials.access_key_id, aws.credentials.secret_access_key),
            )
        )
        async with Publisher(
            Queue(deployed.queue_url),
            endpoint_url=aws.endpoint_url,
            region=aws.region,
            credentials=(aws.credentials.access_key_id, aws.credentials.secret_access_key),
        ) as stranger:
            await stranger.publish([stray_webhook(tenant)])
        life = Life(tenant, events, interrupted)
        async with dashboard(connector, life, console):
            await _play(connector, publisher.publish(life, rate=rate), for_s, interrupted)
        _farewell(console, configuration, connector, life)


class Life:
    """What happens in the tenant: so many events, or fewer when it is interrupted."""

    def __init__(self, tenant: Tenant, events: int, interrupted: asyncio.Event) -> None:
        self.published = 0
        self._tenant = tenant
        self._events = events
        self._interrupted = interrupted

    def __iter__(self) -> Iterator[BenchlingEvent]:
        """Mostly what every laboratory does; now and then something out of the ordinary."""
        for event in self._tenant.activity():
            if self.published >= self._events or self._interrupted.is_set():
                return
            self.published += 1
            if self.published % ODD_EVERY == 0:
                yield self._tenant.emit("v2.freezer.defrosted")
            elif self.published % ODD_EVERY == ODD_EVERY // 2 and event.resource_id:
                self._tenant.forbid(event.resource_id)
                yield event
            else:
                yield event


async def _play(
    connector: Connector,
    publishing: Coroutine[Any, Any, object],
    for_s: float | None,
    interrupted: asyncio.Event,
) -> None:
    """Publishes and works until all is published, the time is over or Ctrl-C; then drains."""
    working = asyncio.create_task(connector.run())
    publish = asyncio.create_task(publishing)
    interrupt = asyncio.create_task(interrupted.wait())
    try:
        await asyncio.wait(
            {working, publish, interrupt}, timeout=for_s, return_when=asyncio.FIRST_COMPLETED
        )
        interrupted.set()
        if not working.done():
            await asyncio.wait({publish}, timeout=5)
            draining = asyncio.create_task(connector.drain(DRAIN_S))
            await asyncio.wait({working, draining}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            draining.cancel()
            connector.stop()
        await working
        if publish.done():
            publish.result()
    finally:
        for task in (working, publish, interrupt):
            task.cancel()
        await asyncio.gather(working, publish, interrupt, return_exceptions=True)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """AWS's variables as the stand-in needs them, whoever is signed in to AWS here."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables, NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _farewell(
    console: Console, configuration: Configuration, connector: Connector, life: Life
) -> None:
    stats = connector.stats
    lake = _nearby(Path(configuration.data_dir) / "lake")
    console.print()
    console.print(
        f"[bold]{life.published:,} events published, {stats.stored:,} stored[/] in "
        f"{stats.files:,} RAW files ({stats.bytes / 1e6:,.1f} MB); "
        f"{stats.unavailable:,} without a resource that the app may not see, "
        f"{stats.unsupported:,} of a type nobody knows. {stats.quarantined:,} message in "
        "quarantine: a webhook that strayed onto the queue."
    )
    console.print("\n[bold]The files:[/]")
    console.print(f"  {lake}", soft_wrap=True)
    console.print("[bold]Query them with DuckDB:[/]")
    console.print(f"  {duckdb_line(lake)}", soft_wrap=True, markup=False)
    console.print("[bold]What the ledger knows:[/]")
    program = _nearby(Path(sys.argv[0])) if "/" in sys.argv[0] else "benchling-connector"
    home = _nearby(Path(configuration.data_dir))
    console.print(f"  {program} events ls --data-dir {home} --limit 20", soft_wrap=True)


def duckdb_line(lake: str) -> str:
    """A command line that shows what is in a lake, by resource type and schema."""
    query = (
        "SELECT resource_type, schema_id, count(*) AS files, sum(eventCount) AS events "  # noqa: S608 - text for a person to run
        f"FROM read_json('{lake}/resource_type=*/*/*/*.json', columns={{eventCount: 'INTEGER'}}, "
        "hive_partitioning=true) GROUP BY ALL ORDER BY ALL"
    )
    python = shlex.quote(_nearby(Path(sys.executable))) if sys.executable else "python3"
    return f"{python} -c \"import duckdb; duckdb.sql('''{query}''').show(max_rows=100)\""


def _nearby(path: Path) -> str:
    """As short as it can be written from here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path.absolute())
