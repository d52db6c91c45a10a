"""`monitoring`: the Grafana dashboard and the Prometheus alert rules, to look at and take along."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from benchling_connector import monitoring
from benchling_connector.cli.options import AsJson
from benchling_connector.cli.showing import show_rows

app = typer.Typer(
    name="monitoring",
    help="A Grafana dashboard and Prometheus alert rules for the platform's metrics.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("ls")
def ls(as_json: AsJson = False) -> None:
    """List the files."""
    if as_json:
        typer.echo(json.dumps({"files": [asdict(one) for one in monitoring.FILES]}, indent=2))
        return
    show_rows(("FILE", "WHAT"), ((one.name, one.title) for one in monitoring.FILES))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the file, with or without its ending.")],
) -> None:
    """Print a file as it is shipped."""
    try:
        typer.echo(monitoring.read(name), nl=False)
    except KeyError:
        known = ", ".join(one.name for one in monitoring.FILES)
        raise typer.BadParameter(f"there is no file {name!r}. There are: {known}.") from None
