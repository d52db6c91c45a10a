"""`run`: one connector in the foreground."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import structlog
import typer

from benchling_connector.assembly import Connector, open_connector
from benchling_connector.cli.flags import Load, configured
from benchling_connector.cli.live import live_line
from benchling_connector.cli.logs import set_up_logs
from benchling_connector.cli.secret import with_secret
from benchling_connector.domain.errors import ConnectorError

__all__ = ["app", "run", "work"]

log = structlog.get_logger()

STOP_WITHIN_S = 24.0
"""Supervisors kill after 30 s by default, and the connector is done before that."""


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
    configuration = await with_secret(load)
    if configuration is None:
        return  # a signal came first
    with last_word() as stopping:
        async with (
            open_connector(
                configuration, poll_s=_poll_seconds(drain), look_again=load
            ) as connector,
            live_line(connector),
        ):
            await work(connector, drain, stopping)


@contextmanager
def last_word() -> Iterator[Callable[[], None]]:
    """Gives what to call when the process is to stop: it ends in time then, whatever hangs.

    What is unfinished is as after a crash: the queue hands it out again, the ledger knows it.
    """

    def end() -> None:
        log.warning("process.ended_unfinished", after_seconds=STOP_WITHIN_S)
        os._exit(0)

    timer = threading.Timer(STOP_WITHIN_S, end)
    timer.daemon = True
    try:
        yield timer.start
    finally:
        timer.cancel()


async def work(
    connector: Connector, drain: float | None = None, stopping: Callable[[], None] = lambda: None
) -> None:
    """Works until a signal, or until drained. A second signal ends the process at once.

    `stopping` is called with the first.
    """
    loop = asyncio.get_running_loop()
    signals = 0

    def stop(number: signal.Signals) -> None:
        nonlocal signals
        signals += 1
        if signals > 1:
            log.warning("process.ended_at_once", signal=number.name)
            os._exit(128 + number)
        log.info("process.stopping", signal=number.name)
        stopping()
        connector.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        await connector.run(drain)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _poll_seconds(drain: float | None) -> int:
    """Long polls must not outlast what `--drain` waits for."""
    return 20 if drain is None else max(1, min(20, int(drain / 2)))
