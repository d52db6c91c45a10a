"""`audit`: what was done to the platform and its connectors, and whether it is still all there."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import typer

from benchling_connector.cli.exits import Exit
from benchling_connector.cli.options import AsJson, Period, Since, Until, grouped, period
from benchling_connector.cli.platform_place import Place, find, opened
from benchling_connector.cli.showing import short, show_document, show_rows
from benchling_connector.domain.audit import AuditFilter, AuditRecord, Head, Verdict, head_of
from benchling_connector.domain.errors import NotFound
from benchling_connector.platform.documents import entry_document, exported, verdict_document
from benchling_connector.platform.services import Services

__all__ = ["app"]

app = typer.Typer(
    name="audit",
    help="What was done, by whom, when and why; and whether that is still all of it.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS = ("NUMBER", "AT (UTC)", "ACTOR", "WAY", "ACTION", "CONNECTOR", "SUBJECT", "REASON")


@dataclass(frozen=True, slots=True)
class Which:
    """Entries by what they have in common."""

    actor: Annotated[str | None, typer.Option(metavar="NAME", help="Who did it.")] = None
    action: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="What was done: `account.created`, `token.*`."),
    ] = None
    connector: Annotated[
        str | None,
        typer.Option(
            metavar="CONNECTOR", help="What it was done to, by ID; or by name, if not deleted."
        ),
    ] = None
    subject: Annotated[str | None, typer.Option(help="What else it was done to.")] = None
    since: Since = None
    until: Until = None

    def period(self) -> Period:
        """Raises as `options.period`."""
        return period(self.since, self.until)

    async def filter(self, services: Services, when: Period) -> AuditFilter:
        """What is no connector's name is an ID: the audit speaks of deleted ones, too."""
        connector_id = self.connector
        if connector_id is not None:
            with suppress(NotFound):
                connector_id = (await find(services, connector_id)).connector_id
        return AuditFilter(self.actor, self.action, connector_id, self.subject, **when)


@app.command("ls")
@grouped
def ls(
    *,
    which: Which,
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 100,
    before: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="Only those before this one.")
    ] = None,
    home: Place,
    as_json: AsJson = False,
) -> None:
    """List entries, newest first."""
    when = which.period()

    async def work() -> list[AuditRecord]:
        async with opened(home) as services:
            wanted = await which.filter(services, when)
            return list(await services.audit.newest(wanted, limit + 1, before))

    found = asyncio.run(work())
    page, more = found[:limit], len(found) > limit
    following = page[-1].number if more else None
    if as_json:
        entries = [entry_document(one) for one in page]
        show_document({"entries": entries, "next": following}, as_json=True)
        return
    if page:
        show_rows(COLUMNS, map(_cells, page))
    typer.echo(f"{len(page):,} entries." if page else "No entries match.", err=True)
    if following is not None:
        typer.echo(f"There are more: --before {following}", err=True)


@app.command("export")
@grouped
def export(*, which: Which, home: Place, as_json: AsJson = False) -> None:
    """Print entries, oldest first, one JSON document a line, with all that their hashes are of."""
    when = which.period()

    async def work() -> None:
        opening = '{"entries": [\n'
        async with opened(home) as services:
            wanted = await which.filter(services, when)
            async for record in services.audit.export(wanted):
                line = json.dumps(exported(record), ensure_ascii=False)
                print(opening + line if as_json else line, end="" if as_json else "\n")  # noqa: T201
                opening = ",\n"
        if as_json:
            print("\n]}" if opening == ",\n" else f"{opening}]}}")  # noqa: T201

    asyncio.run(work())


@app.command("verify")
@grouped
def verify(
    *,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER:HASH",
            help="An end of the audit that was noted elsewhere, as this verb prints it.",
        ),
    ] = None,
    home: Place,
    as_json: AsJson = False,
) -> None:
    """Tell whether every entry is still what was written. Ends with 1 if anything is wrong."""
    noted: Head | None = None
    if head is not None:
        noted = head_of(head)
        if noted is None:
            raise typer.BadParameter("write NUMBER:HASH.", param_hint="--head")

    async def work() -> Verdict:
        async with opened(home) as services:
            return await services.audit.verify(noted)

    verdict = asyncio.run(work())
    if as_json:
        show_document(verdict_document(verdict), as_json=True)
    elif verdict.finding is None:
        typer.echo(f"{verdict.entries:,} entries, and nothing is wrong. The audit ends with")
        typer.echo(str(verdict.head))
        typer.echo("Note it elsewhere: --head compares with it.", err=True)
    else:
        typer.echo(verdict.finding.sentence)
    if not verdict.intact:
        raise typer.Exit(Exit.FAILED)


def _cells(record: AuditRecord) -> tuple[str, ...]:
    return (
        str(record.number),
        short(record.at),
        record.actor,
        record.way,
        record.action,
        record.connector_id or "",
        record.subject or "",
        record.reason or "",
    )
