"""A verb imports what it uses, and nothing else: each module costs every start its time.

Python itself tells what a process imports (`-X importtime`, here by its variable).
"""

import re
from importlib import import_module

import pytest
import typer
from typer.core import TyperGroup

from benchling_connector.cli.main import VERBS, app
from tests.acceptance.world import Ended, World

OURS = "benchling_connector"
_LINE = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)

NOT_OF_A_READER = (
    *("aiobotocore", "aiohttp", "alembic", "asyncpg", "botocore", "obstore", "prometheus_client"),
    *("rich", "structlog", "yaml", "sqlalchemy.dialects.postgresql"),
    *(f"{OURS}.{room}" for room in ("assembly", "cloudformation", "engine", "settings")),
    *(f"{OURS}.{room}" for room in ("checkup", "simulator", "domain.configuration")),
)
NOT_OF_A_CONNECTOR = (
    *("aiohttp.web", "alembic", "asyncpg", "obstore", "prometheus_client", "yaml"),
    *("sqlalchemy.dialects.postgresql"),
    *(f"{OURS}.{room}" for room in ("checkup", "cloudformation", "cli.live", "simulator")),
)


def imported(ended: Ended) -> set[str]:
    """All modules that the process imported."""
    assert ended.status == 0, ended.stderr[-3000:]
    found = set(_LINE.findall(ended.stderr))
    assert f"{OURS}.cli.main" in found
    return found


def among(unwanted: tuple[str, ...], found: set[str]) -> set[str]:
    """Those that are unwanted, or in an unwanted package."""
    packages = tuple(f"{name}." for name in unwanted)
    return {name for name in found if name in unwanted or name.startswith(packages)}


async def told(world: World, *arguments: str, **environment: str) -> set[str]:
    return imported(await world.program(*arguments, PYTHONPROFILEIMPORTTIME="1", **environment))


def in_environment(world: World) -> dict[str, str]:
    """The configuration, without a file."""
    return {
        f"BENCHLING_CONNECTOR_{key.upper()}": str(value) for key, value in world.settings().items()
    }


@pytest.mark.parametrize("flag", ["--version", "--help"])
async def test_to_name_its_version_or_its_verbs_it_imports_no_verb(world: World, flag: str) -> None:
    found = await told(world, flag)
    assert not among(("asyncio", "pydantic", "sqlalchemy", "aiohttp", "structlog"), found)
    assert not found & {f"{OURS}.cli.{verb}" for verb in VERBS}


async def test_aws_is_imported_once_benchling_has_been_asked(world: World) -> None:
    found = await told(world, "run", "--help")
    assert f"{OURS}.adapters.sqs.connection" in found
    assert not among(("aiobotocore", "httpx"), found)
    assert "aiobotocore.session" in await told(
        world, "run", "--drain", "0.5", **in_environment(world)
    )


async def test_a_start_with_sqlite_and_a_folder_imports_nothing_for_other_services(
    world: World,
) -> None:
    run = ("run", "--drain", "0.5")
    for _ in ("new", "kept"):
        found = await told(world, *run, **in_environment(world))
        assert {f"{OURS}.engine.engine", f"{OURS}.adapters.lake.files"} <= found
        assert not among(NOT_OF_A_CONNECTOR, found)


async def test_what_a_start_imports_late_is_seen_here_too(world: World) -> None:
    found = await told(world, "run", "--drain", "0.5", "-c", str(world.write(http_port=0)))
    assert {"yaml", "aiohttp.web", "prometheus_client"} <= found


async def test_who_reads_the_ledger_imports_nothing_of_those_who_write_it(world: World) -> None:
    assert (await world.drain()).status == 0
    home = ("--data-dir", str(world.home / "data"), "--json")
    for verb in (("status",), ("events", "ls"), ("files", "ls")):
        found = await told(world, *verb, *home)
        assert "aiosqlite" in found
        assert not among(NOT_OF_A_READER, found), verb


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_of_verbs_says_of_each_what_the_verb_says_of_itself(verb: str) -> None:
    own = typer.main.get_command(import_module(f"{OURS}.cli.{verb}").app)
    assert VERBS[verb] == (own.help or "").partition("\n\n")[0].replace("\n", " ")


def test_a_verb_that_is_asked_for_is_the_verb_itself() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    context = root.make_context("benchling-connector", [], resilient_parsing=True)
    root.get_help(context)
    command = root.get_command(context, "run")
    assert command is not None
    assert "drain" in {parameter.name for parameter in command.params}
