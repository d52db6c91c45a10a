"""`demo`: the whole chain by one command."""

import asyncio
import signal
from pathlib import Path

from tests.acceptance.world import PROGRAM, clean_environment, ended, stored_once, valid


async def start(home: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *PROGRAM, "demo", *arguments, cwd=home, env=clean_environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def lake(home: Path) -> list[dict[str, object]]:
    root = home / "demo-data" / "lake"
    return [
        valid(path.relative_to(root), path.read_bytes())
        for path in root.glob("resource_type=*/*/*/*")
    ]


async def test_it_ends_by_itself_and_tells_how_to_query_the_lake(tmp_path: Path) -> None:
    demo = await ended(await start(tmp_path, "--events", "60", "--rate", "60"))
    assert demo.status == 0, demo.stderr
    assert len(stored_once(lake(tmp_path))) == 60
    assert {path.name for path in tmp_path.iterdir()} == {"demo-data"}
    (line,) = (line for line in demo.stderr.splitlines() if "import duckdb" in line)
    query = await asyncio.create_subprocess_shell(
        line.strip(), cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    table = await ended(query)
    assert table.status == 0, table.stderr
    assert "entry" in table.stdout

    again = await ended(await start(tmp_path, "--events", "10", "--rate", "60"))
    assert again.status == 0
    assert len(stored_once(lake(tmp_path))) == 70


async def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    process = await start(tmp_path, "--rate", "20")
    while not lake(tmp_path):
        await asyncio.sleep(0.1)
    process.send_signal(signal.SIGINT)
    demo = await ended(process)
    assert demo.status == 0, demo.stderr
    assert "Traceback" not in demo.stderr
    assert "import duckdb" in demo.stderr
    assert stored_once(lake(tmp_path))


async def test_it_ends_after_the_time_that_it_was_given(tmp_path: Path) -> None:
    demo = await ended(await start(tmp_path, "--for", "2", "--rate", "5"))
    assert demo.status == 0, demo.stderr
    assert stored_once(lake(tmp_path))
