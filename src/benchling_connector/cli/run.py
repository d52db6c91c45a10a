"""`run`: one connector in the foreground."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import structlog
import typer

from benchling_connector.cli.flags import Load, configured
from benchling_connector.cli.hosting import Manner, configured_elsewhere, open_worker
from benchling_connector.cli.logs import limit_log, set_up_logs
from benchling_connector.cli.stopping import stopping
from benchling_connector.domain.errors import ConnectorError

__all__ = ["app", "run"]

LOG_MOST_BYTES = 10_000_000
LOG_LOOK_S = 10.0

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
    log_file: Annotated[
        Path | None,
        typer.Option(hidden=True, help="Where the supervisor has stderr go; kept short."),
    ] = None,
) -> None:
    """Runs one connector in the foreground until SIGTERM or SIGINT.

    Without the keys that a configuration must have, but with connector_id and the database, it
    takes the configuration that was saved on the platform, and waits for one.
    """
    if log_level.lower() not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter("must be debug, info, warning or error", param_hint="--log-level")
    set_up_logs(level=log_level)
    try:
        asyncio.run(_run(load, Manner(drain, log_level, log_file is not None), log_file))
    except ConnectorError as error:
        log.error(  # noqa: TRY400 - what it is stands in the fields
            "connector.failed", code=error.code, sentence=error.sentence, remedy=error.remedy
        )
        raise


async def _run(load: Load, manner: Manner, log_file: Path | None) -> None:
    limiting = None if log_file is None else asyncio.create_task(_limit(log_file))
    with stopping() as stop:
        own = None if configured_elsewhere(load) else load()
        async with open_worker(load, own, manner) as worker:
            stop.gently = worker.stop
            await worker.run()
    if limiting is not None:
        limiting.cancel()


async def _limit(log_file: Path) -> None:
    while True:
        await asyncio.sleep(LOG_LOOK_S)
        with suppress(OSError):  # somebody may have taken it away
            limit_log(log_file, LOG_MOST_BYTES)
