"""`connectors configure`, `history`, `restore` and `test`: the configuration of a connector."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from benchling_connector.cli.connector_rows import VERSIONS
from benchling_connector.cli.exits import Exit
from benchling_connector.cli.live_test import live_test
from benchling_connector.cli.options import AsJson, ConfigFile, grouped
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import (
    Because,
    ConnectorName,
    Place,
    find,
    on_platform,
)
from benchling_connector.cli.showing import show_document, show_list, show_rows
from benchling_connector.domain.configuration import SECRET_KEYS
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration, Refused
from benchling_connector.domain.versions import Version
from benchling_connector.platform.configurations import Saved
from benchling_connector.platform.keys import ensure_key
from benchling_connector.platform.services import Services
from benchling_connector.platform.trying import TriedResult, try_configuration

__all__ = ["configure", "history", "restore", "try_out"]

Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Keys that are to be otherwise; `KEY=` unsets one."),
]


@grouped
def configure(
    *,
    connector: ConnectorName,
    keys: Keys = None,
    config: ConfigFile = None,
    place: Place,
    because: Because = None,
    if_version: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Only if this version holds; 0 if none does."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Save a new version of the configuration, and apply it without losing anything in flight.

    A file stands instead of all keys; without one the keys given are changed. Secrets left out
    stay as they are; name a new one by `client_secret_file=PATH`.
    """
    if config is None and not keys:
        raise typer.BadParameter("give a file with -c, or KEY=VALUE.")

    async def work(services: Services) -> Saved:
        view = await find(services, connector)
        given = await _given(services, view.connector_id, config, keys)
        await ensure_key(services.desk, services.key_place)
        return await services.configurations.save(
            cli_caller(),
            view.connector_id,
            given or {},
            reason=because,
            expected=if_version,
        )

    try:
        saved = on_platform(place, work)
    except Refused as error:
        _tell_difference(error)
        raise
    _tell(saved, as_json=as_json)


@grouped
def history(*, connector: ConnectorName, place: Place, as_json: AsJson = False) -> None:
    """List the versions of the configuration: who saved each, when, why, and what it changed."""

    async def work(services: Services) -> list[Version]:
        view = await find(services, connector)
        return list(await services.configurations.history(view.connector_id))

    show_list(on_platform(place, work), VERSIONS, as_json=as_json)


@grouped
def restore(
    *,
    connector: ConnectorName,
    version: Annotated[int, typer.Argument(min=1, help="The version that is to hold again.")],
    place: Place,
    because: Because = None,
    as_json: AsJson = False,
) -> None:
    """Save an earlier version once more, with its secrets, and apply it."""

    async def work(services: Services) -> Saved:
        view = await find(services, connector)
        return await services.configurations.restore(
            cli_caller(), view.connector_id, version, because
        )

    _tell(on_platform(place, work), as_json=as_json)


@grouped
def try_out(
    *,
    connector: ConnectorName,
    keys: Keys = None,
    config: ConfigFile = None,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Test the configuration that holds, or another one, against the real services."""

    async def work(services: Services) -> TriedResult:
        view = await find(services, connector)
        given = await _given(services, view.connector_id, config, keys)
        return await try_configuration(
            services.configurations,
            cli_caller(),
            view.connector_id,
            given,
            live_test(place.url(), place.home()),
        )

    result = on_platform(place, work)
    if as_json:
        show_document(_document(result), as_json=True)
    else:
        _show(result)
    if result.problems:
        raise typer.Exit(Exit.CONFIGURATION)
    raise typer.Exit(Exit.DONE if result.valid else Exit.SERVICE)


async def _given(
    services: Services, connector_id: str, config: Path | None, keys: list[str] | None
) -> Mapping[str, object] | None:
    """The configuration that flags and file make; None if they say nothing."""
    from benchling_connector.settings import read_file, read_secret_files  # seldom needed

    if config is None and not keys:
        return None
    if config is not None:
        given = read_file(config)
        _heed(read_secret_files(given))
    else:
        given = await services.configurations.content(connector_id)
    given |= _changes(keys or [])
    return {
        key: value if key not in SECRET_KEYS else str(value)
        for key, value in given.items()
        if value is not None
    }


def _changes(keys: list[str]) -> dict[str, object]:
    """What `KEY=VALUE` says; None for what is unset. A value is written as in the file."""
    import yaml  # slow to import, and seldom needed

    from benchling_connector.settings import read_secret_files  # seldom needed

    changes: dict[str, object] = {}
    for one in keys:
        key, sign, text = one.partition("=")
        if not sign:
            raise typer.BadParameter(f"{one!r} is not of the form KEY=VALUE.")
        if key in SECRET_KEYS:
            raise typer.BadParameter(
                f"the process list shows {key} to everybody; write {key}_file=PATH."
            )
        try:
            changes[key] = yaml.safe_load(text) if text else None
        except yaml.YAMLError:
            changes[key] = text
    _heed(read_secret_files(changes))
    return changes


def _heed(problems: list[FieldProblem]) -> None:
    if problems:
        raise InvalidConfiguration(problems)


def _tell_difference(error: Refused) -> None:
    """What somebody else has saved meanwhile, against what was to be saved."""
    difference = error.details.get("difference")
    if not isinstance(difference, list):
        return
    typer.echo(f"Version {error.details.get('version')} holds, and differs in:", err=True)
    for one in difference:
        old, new = json.dumps(one["old"]), json.dumps(one["new"])
        typer.echo(f"  {one['key']}: {old} holds, {new} was to be saved", err=True)


def _tell(saved: Saved, *, as_json: bool) -> None:
    if as_json:
        show_document({"version": saved.version, "changed": saved.changed}, as_json=True)
    elif saved.changed:
        typer.echo(f"Version {saved.version} holds.", err=True)
    else:
        typer.echo(f"Version {saved.version} holds already.", err=True)


def _document(result: TriedResult) -> dict[str, object]:
    return {
        "valid": result.valid,
        "error": result.error,
        "fields": [{"field": one.key, "error": str(one)} for one in result.problems],
        "items": [
            {
                "name": one.name,
                "passed": one.passed,
                "summary": one.summary,
                "remedy": one.remedy,
                "code": one.code,
            }
            for one in result.items
        ],
    }


def _show(result: TriedResult) -> None:
    for problem in result.problems:
        typer.echo(str(problem))
    if result.items:
        show_rows(
            ("ITEM", "PASSED", "SUMMARY AND REMEDY"),
            (
                (one.name, "yes" if one.passed else "no", f"{one.summary} {one.remedy or ''}")
                for one in result.items
            ),
        )
    typer.echo(result.error or "All items passed.", err=True)
