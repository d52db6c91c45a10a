"""`check`: tests the configuration against the real services."""

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from benchling_connector.checkup import Item, Outcome, check_up, failure
from benchling_connector.cli.exits import Exit
from benchling_connector.cli.flags import Load, configured
from benchling_connector.cli.logs import set_up_logs
from benchling_connector.cli.secret import secret_missing
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConfigurationError, InvalidConfiguration

__all__ = ["app", "check"]

MARKS = {
    Outcome.PASSED: "[green]✔[/]",
    Outcome.WARNING: "[yellow]![/]",
    Outcome.FAILED: "[red]✘[/]",
    Outcome.SKIPPED: "[dim]-[/]",
}


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@configured
def check(
    load: Load,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tests the configuration against the real services, item by item; starts nothing."""
    set_up_logs(level="error")
    console = Console(highlight=False, soft_wrap=True)
    try:
        configuration = load()
        missing = None if len(configuration.client_secret) else secret_missing(load)
        items = asyncio.run(_check(configuration, missing, None if as_json else console))
        status = Exit.DONE if all(item.passed for item in items) else Exit.SERVICE
        status = status if missing is None else Exit.CONFIGURATION
    except InvalidConfiguration as error:
        items, status = [failure("configuration", error)], Exit.CONFIGURATION
        if not as_json:
            _show(items[0], console)
    if as_json:
        document = {"passed": status is Exit.DONE, "items": [_document(item) for item in items]}
        typer.echo(json.dumps(document, indent=2))
    else:
        passed = sum(item.passed for item in items)
        warned = sum(item.outcome is Outcome.WARNING for item in items)
        with_warning = f", {warned} with a warning" if warned else ""
        console.print(f"{passed} of {len(items)} items passed{with_warning}.")
    raise typer.Exit(status)


async def _check(
    configuration: Configuration, missing: ConfigurationError | None, console: Console | None
) -> list[Item]:
    items = []
    async for item in check_up(configuration, missing):
        items.append(item)
        if console is not None:
            _show(item, console)
    return items


def _show(item: Item, console: Console) -> None:
    console.print(f"{MARKS[item.outcome]} [bold]{item.name:<25}[/] {escape(item.summary)}")
    indent = " " * 28
    if item.remedy:
        console.print(f"{indent}[cyan]{escape(item.remedy)}[/]")
    if item.documentation and item.outcome is not Outcome.SKIPPED:
        console.print(f"{indent}[dim]{escape(item.documentation)}[/]")


def _document(item: Item) -> dict[str, object]:
    return {
        "name": item.name,
        "passed": item.passed,
        "status": item.outcome.value,
        "summary": item.summary,
        "remedy": item.remedy,
        "code": item.code,
        "documentation": item.documentation,
    }
