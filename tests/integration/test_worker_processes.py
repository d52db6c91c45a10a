"""Processes that are forked for workers: what they have of their own, and how they end."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchling_connector.cli import forked
from benchling_connector.platform.processes import Launch, WorkerChild, WorkerProcesses

PROCESSES = WorkerProcesses()


def tells() -> None:
    """What a process does that tells how it finds itself."""
    print("environment", sorted(os.environ.items()))
    print("session", os.getsid(0) == os.getpid())
    # The folder itself is open while it is read, and not any more when it is looked at again.
    print(
        "files", sorted(one.name for one in list(Path("/proc/self/fd").iterdir()) if one.exists())
    )
    sys.stderr.write("and stderr\n")


def says(word: str, other: str) -> None:
    """What another does."""
    sys.exit(f"{word} {other}")


def waits() -> None:
    """What a third does, until it is told to end."""
    time.sleep(600)


async def log_of(what: Launch, tmp_path: Path) -> tuple[str, WorkerChild]:
    log = tmp_path / "logs" / "c-1.log"
    child = await PROCESSES.launch(what, log)
    async with asyncio.timeout(30):
        await child.ended
    return log.read_text(), child


async def test_its_environment_is_what_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    said, _ = await log_of(Launch(tells, (), {"A": "1"}), tmp_path)
    assert "environment [('A', '1')]" in said


async def test_it_has_a_session_of_its_own_and_nothing_open_but_its_log(tmp_path: Path) -> None:
    said, _ = await log_of(Launch(tells, (), {}), tmp_path)
    assert "session True" in said
    assert "files ['0', '1', '2']" in said
    assert "and stderr" in said


async def test_what_it_is_told_comes_to_it_and_how_it_ended_comes_back(tmp_path: Path) -> None:
    said, child = await log_of(Launch(says, ("out of", "paper"), {}), tmp_path)
    assert said == "out of paper\n"
    assert child.ended.result() == 1
    assert child.how_it_ended() == (
        "The worker process ended with status 1. The last that its log says: out of paper"
    )


async def test_a_stop_of_the_whole_service_leaves_somebody_to_tell_how_workers_ended(
    tmp_path: Path,
) -> None:
    child = await PROCESSES.launch(Launch(waits, (), {}), tmp_path / "c-1.log")
    server = psutil.Process(child.pid).parent()
    assert server is not None
    assert server.ppid() == os.getpid()
    for pid in (server.pid, child.pid):
        os.kill(pid, signal.SIGTERM)
    async with asyncio.timeout(30):
        assert await child.ended == -signal.SIGTERM
    assert server.is_running()


async def test_when_the_fork_server_is_killed_another_takes_its_place(tmp_path: Path) -> None:
    first = await PROCESSES.launch(Launch(waits, (), {}), tmp_path / "c-1.log")
    server = psutil.Process(first.pid).parent()
    assert server is not None
    server.kill()
    async with asyncio.timeout(30):
        await first.ended
        second = await PROCESSES.launch(Launch(waits, (), {}), tmp_path / "c-2.log")
    assert psutil.pid_exists(first.pid)
    for pid in (first.pid, second.pid):
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        assert await second.ended == -signal.SIGKILL


@pytest.mark.parametrize("arguments", [("--version",), ("no-such-verb",)])
async def test_a_verb_does_what_it_does_elsewhere(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    said, child = await log_of(Launch(forked.work, arguments, {}), tmp_path)
    assert ("benchling-connector" in said, child.ended.result()) == (
        (True, 0) if arguments == ("--version",) else (True, 2)
    )
