"""`benchling-connector templates`: the CloudFormation templates, to look at and to take along."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchling_connector import cloudformation

app = typer.Typer(
    name="templates",
    help="The CloudFormation templates for the event bus and the queue.",
    no_args_is_help=True,
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("ls")
def ls(as_json: AsJson = False) -> None:
    """List the templates with their parameters, in the order in which they are deployed."""
    found = cloudformation.templates()
    if as_json:
        typer.echo(json.dumps({"templates": [asdict(template) for template in found]}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for template in found:
        table = Table(
            title=f"{template.name}: {template.title}", title_justify="left", expand=False
        )
        table.add_column("Parameter", no_wrap=True)
        table.add_column("Default")
        table.add_column("Meaning")
        for parameter in template.parameters:
            default = "required" if parameter.default is None else parameter.default or "(none)"
            table.add_row(parameter.name, default, parameter.description)
        console.print(table, f"{template.description}\n")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the template, with or without .yaml.")],
) -> None:
    """Print a template as it is shipped."""
    typer.echo(_read(name), nl=False)


@app.command()
def export(
    to: Annotated[
        Path, typer.Option("--to", help="Folder to write to; made when it is not there.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names of templates, with or without .yaml. All when none is given."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write templates to a folder."""
    texts = {_file_name(name): _read(name) for name in names or cloudformation.NAMES}
    paths = {file: to / file for file in texts}
    taken = [str(path) for path in paths.values() if path.exists()]
    if taken and not force:
        _fail(
            f"{', '.join(taken)} would be overwritten. Allow it with --force, or give another --to."
        )
    try:
        to.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            paths[file].write_text(text, encoding="utf-8")
    except OSError as error:
        _fail(f"{error.filename or to} could not be written: {error.strerror}.")
    written = [str(path) for path in paths.values()]
    if as_json:
        typer.echo(json.dumps({"written": written}, indent=2))
        return
    for path in written:
        typer.echo(path)
    typer.echo("Deploy benchling-event-bus.yaml first, benchling-sqs-queue.yaml second.", err=True)


def _read(name: str) -> str:
    try:
        return cloudformation.read(name)
    except KeyError:
        known = ", ".join(cloudformation.NAMES)
        raise typer.BadParameter(f"there is no template {name!r}. There are: {known}.") from None


def _file_name(name: str) -> str:
    return name if name.endswith(".yaml") else f"{name}.yaml"


def _fail(sentence: str) -> None:
    typer.echo(f"Error: {sentence}", err=True)
    raise typer.Exit(1)
