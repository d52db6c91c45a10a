"""A lake that refuses the files of one resource type, and a person who mends it: `files retry`."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from benchling_connector.adapters.ledger import open_ledger
from benchling_connector.cli.exits import Exit
from benchling_connector.domain.records import FileState
from tests.acceptance.in_process import Program
from tests.acceptance.world import World, ended, line_with, stored_once
from tests.ledgers import NOON, a_candidate, a_file, at

PATIENCE_S = 60


async def files(world: World, *flags: str) -> list[dict[str, Any]]:
    """`files ls --json`."""
    told = await world.program(
        "files", "ls", "--data-dir", str(world.home / "data"), "--json", *flags
    )
    assert told.status == 0, told.stderr
    return list(told.document()["files"])


def get(port: int, path: str) -> str:
    """What the running connector serves."""
    with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}") as answer:
        return str(answer.read().decode())


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[asyncio.subprocess.Process]:
    """`run`, until the block ends; it ends in order then."""
    process = await world.start("run", "-c", str(world.home / "connector.yaml"))
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield process
    finally:
        process.send_signal(signal.SIGTERM)
        run = await ended(process)
    assert run.status == 0, run.stderr[-3000:]


async def test_refused_files_are_stopped_others_stored_and_a_retry_stores_them_too(
    world: World,
) -> None:
    world.write(http_port=0)
    entries = [world.tenant.emit("v2.entry.created") for _ in range(3)]
    runs = [world.tenant.emit("v2.assayRun.created") for _ in range(3)]
    obstacle = world.lake / "resource_type=entry"
    obstacle.parent.mkdir(parents=True)
    obstacle.write_text("an ordinary file where a folder should be")

    async with at_work(world) as process:
        port = (await line_with(process, "status.served"))["port"]
        await world.publish([*entries, *runs])
        first = await line_with(process, "file.refused")
        for errors in (2, 3, 4, 5):
            await line_with(process, "file.refused", file_id=first["file_id"], errors=errors)
        while sum(row["eventCount"] for row in await files(world, "--state", "ERROR")) < 3:
            await asyncio.sleep(0.2)
        stopped = await files(world, "--state", "ERROR")
        assert {row["errorCount"] for row in stopped} == {5}
        assert all("EEXIST" in row["errorMessage"] for row in stopped)
        states = {row["eventId"]: row["state"] for row in await world.ledger()}
        assert {states[event.id] for event in entries} == {"writing"}
        assert {states[event.id] for event in runs} == {"stored"}
        assert not (world.lake / "_probe").exists()
        health = json.loads(await asyncio.to_thread(get, port, "/healthz"))
        assert (health["health"], health["code"]) == ("WARNING", "file-refused")
        metrics = await asyncio.to_thread(get, port, "/metrics")
        assert f"benchling_connector_files_stopped {len(stopped)}.0" in metrics
        assert "benchling_connector_files_pending 0.0" in metrics

        obstacle.unlink()
        told = await world.program(
            "files", "retry", "--all", "--data-dir", str(world.home / "data"), "--json"
        )
        assert told.status == 0
        assert {row["fileId"] for row in told.document()["files"]} == {
            row["fileId"] for row in stopped
        }
        while await world.queue.counts() != (0, 0, 0):
            await asyncio.sleep(0.2)
        health = json.loads(await asyncio.to_thread(get, port, "/healthz"))
        assert health["health"] == "HEALTHY"

    assert stored_once(world.files()) == {event.id for event in [*entries, *runs]}
    after = {row["fileId"]: row for row in await files(world)}
    for row in stopped:
        now = after[row["fileId"]]
        assert (now["state"], now["sha256"], now["path"]) == ("SUCCESS", row["sha256"], row["path"])


async def test_a_worker_that_ends_leaves_what_was_refused_to_the_next(world: World) -> None:
    world.write()
    events = [world.tenant.emit("v2.entry.created") for _ in range(2)]
    obstacle = world.lake / "resource_type=entry"
    obstacle.parent.mkdir(parents=True)
    obstacle.touch()
    await world.publish(events)
    async with at_work(world) as process:
        await line_with(process, "file.stopped")
    obstacle.unlink()

    run = await world.drain()

    assert run.status == 0, run.stderr[-3000:]
    assert stored_once(world.files()) == {event.id for event in events}
    assert {row["state"] for row in await files(world)} == {"SUCCESS"}
    assert await world.queue.counts() == (0, 0, 0)


FILES = {name: f"6f1c9a52-5f0e-4a8e-9d6a-2f7b61a1c00{name[-1]}" for name in ("f1", "f2", "f3")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A ledger with two files that are stopped and one that is stored."""
    folder = tmp_path / "data"
    asyncio.run(fill(f"sqlite:///{folder}/connector.db"))
    return folder


async def fill(database_url: str) -> None:
    async with open_ledger(
        database_url,
        connector_id="c1",
        connector_name="benchling",
        worker_id="w1",
        now=NOON,
        new_id=str,
    ) as ledger:
        for number, (name, file_id) in enumerate(FILES.items()):
            await ledger.claim([a_candidate(name)], at(0))
            await ledger.begin_files([a_file([name], file_id, created=number)])
        for name in ("f1", "f2"):
            await ledger.note_refusal(FILES[name], 1, "The lake says no.", FileState.ERROR)
        await ledger.commit_files([FILES["f3"]], at(3))


@pytest.mark.parametrize(
    ("chosen", "status", "outcomes"),
    [
        (["--all"], Exit.DONE, {"f1": "retried", "f2": "retried"}),
        (["--since", "2026-03-01T12:00:01Z"], Exit.DONE, {"f2": "retried"}),
        (["--since", "2026-03-02"], Exit.FAILED, {}),
        ([FILES["f1"]], Exit.DONE, {"f1": "retried"}),
        ([FILES["f1"], FILES["f3"]], Exit.PART, {"f1": "retried", "f3": "failed"}),
        ([FILES["f3"]], Exit.FAILED, {"f3": "failed"}),
        (["--all", "--dry-run"], Exit.DONE, {"f1": "planned", "f2": "planned"}),
        (["--all", "--connector", "c1"], Exit.DONE, {"f1": "retried", "f2": "retried"}),
        (["--all", "--connector", "c2"], Exit.CONFIGURATION, None),
        ([], Exit.USAGE, None),
        (["--all", FILES["f1"]], Exit.USAGE, None),
    ],
)
def test_files_retry_takes_files_in_one_way_and_ends_with_what_became_of_them(
    home: Path,
    program: Program,
    chosen: list[str],
    status: Exit,
    outcomes: dict[str, str] | None,
) -> None:
    told = program("files", "retry", *chosen, "--data-dir", str(home), "--json")

    assert told.status == status
    if outcomes is not None:
        rows = {row["fileId"]: row["outcome"] for row in told.document()["files"]}
        assert rows == {FILES[name]: outcome for name, outcome in outcomes.items()}
    listed = program("files", "ls", "--data-dir", str(home), "--json").document()["files"]
    states = {row["fileId"]: row["state"] for row in listed}
    retried = {name for name, outcome in (outcomes or {}).items() if outcome == "retried"}
    assert states == {
        FILES[name]: "SUCCESS" if name == "f3" else "PENDING" if name in retried else "ERROR"
        for name in FILES
    }


def test_files_retry_is_told_to_people_and_stands_in_the_audit(
    home: Path, program: Program
) -> None:
    told = program(
        *("files", "retry", FILES["f1"], "unknown", "--reason", "mended", "--data-dir", str(home))
    )

    assert told.stdout.splitlines() == [
        f"retried  {FILES['f1']}",
        "failed   unknown  There is no such stopped file.",
    ]
    assert told.stderr == "1 retried, 1 failed.\n"
    entries = program("audit", "ls", "--data-dir", str(home), "--json").document()["entries"]
    (entry,) = [one for one in entries if one["action"] == "files.retried"]
    assert (entry["connectorId"], entry["reason"]) == ("c1", "mended")
    assert entry["new"] == {"status": "PENDING", "files": [FILES["f1"]]}
    shown = program("files", "ls", "--data-dir", str(home), "--state", "error").stdout
    assert FILES["f2"] in shown
    assert "The lake says no." in shown
    assert FILES["f1"] not in shown


def test_files_retry_makes_no_database(tmp_path: Path, program: Program) -> None:
    told = program("files", "retry", "--all", "--data-dir", str(tmp_path / "nothing"))

    assert told.status == Exit.CONFIGURATION
    assert not (tmp_path / "nothing").exists()
