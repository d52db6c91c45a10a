"""`run`: one connector in the foreground."""

import asyncio
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated

import structlog
import typer

from benchling_connector.assembly import Connector, open_connector
from benchling_connector.cli.flags import Load, configured
from benchling_connector.cli.logs import set_up_logs
from benchling_connector.cli.secret import with_secret
from benchling_connector.cli.stopping import stopping
from benchling_connector.domain.errors import ConnectorError

__all__ = ["app", "run"]

log = structlog.get_logger()


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@configured
def run(
    load: Load,
    drain: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            help="End with 0 when for so long nothing was received, nothing was in flight and "
            "nothing waited for its next try.",
        ),
    ] = None,
    log_level: Annotated[
        str, typer.Option(help="debug, info, warning or error.", metavar="LEVEL")
    ] = "info",
) -> None:
    """Runs one connector in the foreground until SIGTERM or SIGINT."""
    if log_level.lower() not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter("must be debug, info, warning or error", param_hint="--log-level")
    set_up_logs(level=log_level)
    try:
        asyncio.run(_run(load, drain))
    except ConnectorError as error:
        log.error(  # noqa: TRY400 - what it is stands in the fields
            "connector.failed", code=error.code, sentence=error.sentence, remedy=error.remedy
        )
        raise


async def _run(load: Load, drain: float | None) -> None:
    with stopping() as stop:
        configuration = await with_secret(load)
        async with (
            open_connector(
                configuration, poll_s=_poll_seconds(drain), look_again=load
            ) as connector,
            _live_line(connector),
        ):
            stop.gently = connector.stop
            await connector.run(drain)


def _live_line(connector: Connector) -> AbstractAsyncContextManager[None]:
    """One line at the bottom of a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from benchling_connector.cli.live import live_line  # Rich's live display, for people only

    return live_line(connector)


def _poll_seconds(drain: float | None) -> int:
    """Long polls must not outlast what `--drain` waits for."""
    return 20 if drain is None else max(1, min(20, int(drain / 2)))
