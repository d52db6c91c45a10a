"""`-c FILE` and a flag for every key of the configuration, for the verbs that need one.

Drawn from the configuration's model, so that no flag can be forgotten. A secret has no flag,
since the process list shows flags to everybody; its `_file` form has one.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from benchling_connector.cli.options import ConfigFile, with_parameters
from benchling_connector.domain.configuration import SECRET_KEYS, Configuration
from benchling_connector.settings import Sources

__all__ = ["Load", "configured"]

Load = Sources
"""Gives the configuration when it is called, and looks at its sources anew each time."""

PANEL = "Configuration keys (override environment and file)"


def configured(verb: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `load` gives the configuration from flags, environment and file.

    `load` raises `InvalidConfiguration`; the verb decides how that is told.
    """
    flags = [_flag(key) for key in Configuration.model_fields]
    own = [p for p in inspect.signature(verb).parameters.values() if p.name != "load"]
    file_flag = inspect.Parameter(
        "config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ConfigFile
    )
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]

    @wraps(verb)
    def command(**given: Any) -> None:  # noqa: ANN401
        overrides = {flag.name: given.pop(flag.name) for flag in flags}
        file = given.pop("config")
        verb(load=Sources(file, overrides), **given)

    return with_parameters(command, [file_flag, *keyword, *flags])


def _flag(key: str) -> inspect.Parameter:
    field = Configuration.model_fields[key]
    name = f"{key}_file" if key in SECRET_KEYS else key
    meaning = field.description or ""
    if key in SECRET_KEYS:
        meaning = f"File that holds the {field.title}."
    option = typer.Option(
        "--" + name.replace("_", "-"),
        metavar="FILE" if key in SECRET_KEYS else "VALUE",
        help=meaning.replace("`", ""),
        rich_help_panel=PANEL,
        show_default=False,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )
