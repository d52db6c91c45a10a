"""Verbs that change messages: who does it, what became of each, and the exit status of it all."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import typer

from benchling_connector.cli.exits import Exit, exit_status, explain
from benchling_connector.cli.logs import set_up_logs
from benchling_connector.cli.options import AsJson
from benchling_connector.cli.persons import who
from benchling_connector.domain.errors import ConnectorError
from benchling_connector.redelivery import Outcome, Tell, What

__all__ = ["Interrupted", "Manner", "carry_out", "document_of", "until_signal", "who"]


@dataclass(frozen=True, slots=True)
class Manner:
    """Whether it is done or only planned, and for whom it is told."""

    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")
    ] = False
    as_json: AsJson = False


class Interrupted(Exception):  # noqa: N818 - it is no error
    """A signal came. What had been begun is finished, and what was held is released."""


def until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Runs it to its end, and logs errors only. SIGINT and SIGTERM cancel it: raises `Interrupted`
    then."""
    set_up_logs(level="error")

    async def main() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        raise Interrupted from None


def carry_out(work: Callable[[Tell], Coroutine[Any, Any, None]], manner: Manner) -> NoReturn:
    """Does it and reports each outcome, at once to people, as one document to programs.

    Ends with 0 when all was done, 5 when some failed or were not come to, 1 when nothing was
    found or nothing worked. Raises `ConnectorError` when nothing was reached at all.
    """
    outcomes: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if not manner.as_json:
            _print(_line(outcome))

    stopped: ConnectorError | None = None
    interrupted = False
    try:
        until_signal(work(tell))
    except ConnectorError as error:
        if not outcomes:
            raise
        stopped = error
    except Interrupted:
        interrupted = True
    if manner.as_json:
        document = document_of(outcomes, stopped, dry_run=manner.dry_run)
        _print(json.dumps(document, indent=2))
    _sum_up(outcomes, dry_run=manner.dry_run)
    if interrupted:
        typer.echo("Stopped by a signal; there may be more.", err=True)
    if stopped is not None:
        explain(stopped)
    raise typer.Exit(_status(outcomes, stopped, interrupted=interrupted))


def _status(outcomes: list[Outcome], stopped: ConnectorError | None, *, interrupted: bool) -> Exit:
    done = sum(one.what is not What.FAILED for one in outcomes)
    if not done:
        return Exit.FAILED if stopped is None else exit_status(stopped)
    whole = done == len(outcomes) and stopped is None and not interrupted
    return Exit.DONE if whole else Exit.PART


def _print(text: str) -> None:
    """To stdout. When nobody reads that any more, the work is not left half done for it."""
    try:
        typer.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _line(outcome: Outcome) -> str:
    parts = [f"{outcome.what:<9}", outcome.message_id]
    if outcome.code:
        parts.append(outcome.code)
    if outcome.successor:
        parts.append(f"now message {outcome.successor}")
    if outcome.sentence:
        parts.append(outcome.sentence)
    return "  ".join(parts)


def _sum_up(outcomes: list[Outcome], *, dry_run: bool) -> None:
    counts = {what: sum(one.what is what for one in outcomes) for what in What}
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    typer.echo(f"{told}." if told else "No messages match.", err=True)
    if dry_run:
        typer.echo("Nothing was changed (--dry-run).", err=True)


def document_of(
    outcomes: list[Outcome], stopped: ConnectorError | None, *, dry_run: bool
) -> dict[str, object]:
    """What `--json` prints of all that was done."""
    return {
        "dryRun": dry_run,
        "messages": [
            {
                "messageId": one.message_id,
                "outcome": one.what,
                "code": one.code,
                "successor": one.successor,
                "sentence": one.sentence,
            }
            for one in outcomes
        ],
        "stopped": stopped
        and {"code": stopped.code, "sentence": stopped.sentence, "remedy": stopped.remedy},
    }
