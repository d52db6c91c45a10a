"""Options that verbs share, whatever else they import."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ConfigFile"]

ConfigFile = Annotated[
    Path | None,
    typer.Option("-c", "--config", metavar="FILE", help="Configuration file (YAML)."),
]
