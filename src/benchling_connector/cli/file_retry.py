"""`files retry`: has files tried again that the lake refused too often."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from benchling_connector.adapters.ledger import open_reader
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.cli.exits import Exit
from benchling_connector.cli.options import AsJson, Since, Where, grouped, period
from benchling_connector.cli.persons import cli_caller
from benchling_connector.database.connection import open_engine
from benchling_connector.domain.filerecords import FilesToRetry, StoppedRecord
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.retrying import Retries
from benchling_connector.ports import LedgerReader

__all__ = ["FileOutcome", "document_of", "retry"]


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file: `retried`, `planned` (a dry run) or `failed`, and why."""

    file_id: str
    connector_id: str | None
    outcome: str
    sentence: str | None = None


@grouped
def retry(
    *,
    file_ids: Annotated[list[str] | None, typer.Argument(help="File IDs.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that are stopped, unless narrowed down.")
    ] = False,
    since: Since = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; kept with your name and the time.")
    ] = None,
    where: Where,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have stopped files tried again. Who holds them does so within a second."""
    if bool(file_ids) == (everything or since is not None):
        raise typer.BadParameter("name files by their IDs, or by --since or --all: one of both.")
    ids = tuple(dict.fromkeys(file_ids)) if file_ids else None
    which = FilesToRetry(file_ids=ids, since=period(since, None)["since"])
    outcomes = asyncio.run(_retry(where, which, reason, dry_run=dry_run))
    if as_json:
        typer.echo(json.dumps(document_of(outcomes, dry_run=dry_run), indent=2))
    else:
        for one in outcomes:
            parts = (f"{one.outcome:<7}", one.file_id, one.sentence)
            typer.echo("  ".join(part for part in parts if part))
    _sum_up(outcomes, dry_run=dry_run)
    failed = sum(one.outcome == "failed" for one in outcomes)
    if failed == len(outcomes):
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.PART if failed else Exit.DONE)


async def _retry(
    where: Where, which: FilesToRetry, reason: str | None, *, dry_run: bool
) -> list[FileOutcome]:
    url = where.url()
    # First for reading only: that makes no database, and knows the connector.
    async with open_reader(url, where.connector) as reader, _retries(url) as retries:
        if dry_run:
            found = await retries.stopped(where.connector, which)
        else:
            found = await retries.retry(cli_caller(), where.connector, which, reason)
        outcome = "planned" if dry_run else "retried"
        outcomes = [FileOutcome(one.file_id, one.connector_id, outcome) for one in found]
        return [*outcomes, *[one async for one in _others(reader, found, which.file_ids or ())]]


@asynccontextmanager
async def _retries(url: str) -> AsyncIterator[Retries]:
    engine = open_engine(url)
    try:
        yield Retries(Desk(engine, SystemClock().now, SystemIds().file_id))
    finally:
        await engine.dispose()


async def _others(
    reader: LedgerReader, found: Sequence[StoppedRecord], file_ids: Sequence[str]
) -> AsyncIterator[FileOutcome]:
    """Those that were named, and are not stopped."""
    known = {one.file_id for one in found}
    for file_id in file_ids:
        if file_id not in known:
            record = await reader.file(file_id)
            why = f"It is {record.state}." if record else "There is no such stopped file."
            yield FileOutcome(file_id, None, "failed", why)


def _sum_up(outcomes: Sequence[FileOutcome], *, dry_run: bool) -> None:
    typer.echo(f"{', '.join(_counts(outcomes))}." if outcomes else "No files match.", err=True)
    if dry_run:
        typer.echo("Nothing was changed (--dry-run).", err=True)


def _counts(outcomes: Sequence[FileOutcome]) -> Iterator[str]:
    for word in ("retried", "planned", "failed"):
        if count := sum(one.outcome == word for one in outcomes):
            yield f"{count:,} {word}"


def document_of(outcomes: Sequence[FileOutcome], *, dry_run: bool) -> dict[str, object]:
    """What `--json` prints of all that was done."""
    return {
        "dryRun": dry_run,
        "files": [
            {
                "fileId": one.file_id,
                "connectorId": one.connector_id,
                "outcome": one.outcome,
                "sentence": one.sentence,
            }
            for one in outcomes
        ],
    }
