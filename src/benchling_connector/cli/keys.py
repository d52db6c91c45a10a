"""`keys`: the key that the platform's secrets are encrypted with."""

from typing import Annotated

import typer

from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import Place, on_platform
from benchling_connector.cli.showing import show_document
from benchling_connector.platform.rotation import Rotated, rotate
from benchling_connector.platform.services import Services

__all__ = ["app"]

app = typer.Typer(
    name="keys",
    help="The key that the platform's secrets are encrypted with: rotate it.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    """The key that the platform's secrets are encrypted with: rotate it."""


@app.command("rotate")
@grouped
def rotate_keys(
    *,
    discard_lost: Annotated[
        bool,
        typer.Option("--discard-lost", help="Drop secrets whose key is lost; they are gone."),
    ] = False,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Encrypt all secrets anew, under a new key in the key file, or the first one given.

    What runs meanwhile goes on, and takes the new key by itself.
    """

    async def work(services: Services) -> Rotated:
        return await rotate(
            services.desk, services.key_place, cli_caller(), discard_lost=discard_lost
        )

    done = on_platform(place, work)
    if as_json:
        show_document({"secrets": done.kept, "dropped": done.dropped}, as_json=True)
        return
    typer.echo(f"{done.kept:,} secrets encrypted anew, {done.dropped:,} dropped.", err=True)
    if place.key_place().given is not None:
        typer.echo("The keys after the first one are not needed any more.", err=True)
