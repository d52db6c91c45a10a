"""Installed as a wheel in an empty environment, it runs."""

import asyncio
import subprocess
import sys
import venv
import zipfile
from itertools import islice
from pathlib import Path

import pytest

from tests.acceptance.world import World, clean_environment, ended, stored_once

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), "."]
    subprocess.run(command, cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_its_data_and_nothing_of_the_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "benchling_connector/domain/catalog.json",
        "benchling_connector/cloudformation/benchling-event-bus.yaml",
        "benchling_connector/cloudformation/benchling-sqs-queue.yaml",
        "benchling_connector/py.typed",
        "benchling_connector/web/console/templates/layout.html",
        "benchling_connector/web/console/templates/connector/base.html",
        "benchling_connector/web/console/static/console.css",
        "benchling_connector/web/console/static/vendor/README",
        "benchling_connector/web/console/static/vendor/htmx/LICENSE",
        "benchling_connector/web/console/static/vendor/htmx/htmx.min.js",
        "benchling_connector/web/console/static/vendor/pico/LICENSE.md",
        "benchling_connector/web/console/static/vendor/uplot/LICENSE",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    assert any(name.endswith("migrations/env.py") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


async def test_it_runs_in_an_empty_environment(wheel: Path, world: World) -> None:
    home = world.home / "environment"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    pins = str(ROOT / "constraints.txt")
    command = [str(python), "-m", "pip", "install", "--quiet", "-c", pins, str(wheel)]
    subprocess.run(command, check=True, cwd=world.home)
    program = str(home / "bin" / "benchling-connector")
    events = list(islice(world.tenant.activity(), 20))
    await world.publish(events)

    process = await asyncio.create_subprocess_exec(
        program, "run", "-c", str(world.write()), "--drain", "1",
        cwd=world.home, env={**clean_environment(), **world.aws.environment()},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    run = await ended(process)
    assert run.status == 0, run.stderr
    assert stored_once(world.files()) == {event.id for event in events}

    demo = subprocess.run([program, "demo"], cwd=world.home, capture_output=True, text=True)
    assert demo.returncode == 1
    assert "benchling-connector[demo]" in demo.stderr
