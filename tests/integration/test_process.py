"""A process that has ended is known to be gone, and its claims are taken over at once."""

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchling_connector.adapters.ledger import Process, SqlLedger, open_ledger
from benchling_connector.adapters.system import SystemIds, is_gone, own_name, process
from benchling_connector.ports import Verdict
from tests.ledgers import a_candidate, a_file, an_event

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

SAY_NAME = """
import sys
from benchling_connector.adapters.system import own_name
print(own_name(), flush=True)
sys.stdin.read()
"""

linux = pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="only Linux tells")


async def named_child() -> tuple[asyncio.subprocess.Process, str]:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SAY_NAME), stdin=pipe, stdout=pipe
    )
    assert child.stdout is not None
    return child, (await child.stdout.readline()).decode().strip()


@linux
async def test_a_process_is_there_until_it_is_killed_and_then_gone() -> None:
    child, name = await named_child()
    assert name != own_name()
    assert not is_gone(name)
    child.kill()
    await child.wait()
    assert is_gone(name)


@linux
def test_one_that_its_parent_has_not_noticed_is_gone_too() -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, (own_name() or "").encode())
        os._exit(0)
    name = os.read(read, 500).decode()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert is_gone(name)
    os.waitpid(pid, 0)
    assert is_gone(name)
    os.close(read)
    os.close(write)


@linux
def test_another_process_under_the_same_number_is_not_taken_for_it() -> None:
    name = own_name()
    assert name is not None
    before, _, _ = name.rpartition("/")
    assert not is_gone(name)
    assert is_gone(f"{before}/1")


@pytest.mark.parametrize("shows", ["nothing", "no details"])
def test_a_process_that_the_system_hides_is_not_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shows: str
) -> None:
    """A /proc that is mounted with `hidepid`, and two workers of two users."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("boot\n")
    (tmp_path / f"{os.getpid()}/ns").mkdir(parents=True)
    (tmp_path / f"{os.getpid()}/ns/pid").symlink_to("pid:[1]")
    (tmp_path / "self").symlink_to(str(os.getpid()))
    if shows == "no details":  # reading it fails, and not because it is not there
        (tmp_path / f"{os.getppid()}/stat").mkdir(parents=True)
    monkeypatch.setattr(process, "_PROC", tmp_path)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()

    assert not process.is_gone(f"boot/pid:[1]/{os.getppid()}/5")
    assert process.is_gone(f"boot/pid:[1]/{child.pid}/5")


@pytest.mark.parametrize("name", ["", "x", "other-boot/pid:[1]/1/5", "a/b/c/d", "a/b/12/7/9"])
def test_of_another_machine_or_boot_nothing_is_claimed_to_be_known(name: str) -> None:
    assert not is_gone(name)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'connector.db'}"


async def ledgers(
    stack: AsyncExitStack, url: str, first: Process, second: Process
) -> list[SqlLedger]:
    return [
        await stack.enter_async_context(
            open_ledger(
                url,
                connector_id="c1",
                connector_name="c",
                worker_id=name,
                now=NOON,
                new_id=SystemIds().file_id,
                process=process,
            )
        )
        for name, process in (("w1", first), ("w2", second))
    ]


@pytest.mark.parametrize("gone", [True, False])
async def test_what_a_process_that_is_gone_had_claimed_is_claimed_at_once(
    database_url: str, gone: bool
) -> None:
    asked: list[str] = []

    def is_gone(name: str) -> bool:
        asked.append(name)
        return gone

    async with AsyncExitStack() as stack:
        one, other = await ledgers(
            stack, database_url, Process("one", lambda _: False), Process("other", is_gone)
        )
        event = an_event("evt_1")
        (claim,) = await one.claim([a_candidate(event)], NOON)
        assert claim.verdict is Verdict.CLAIMED
        (claim,) = await other.claim([a_candidate(event)], NOON + timedelta(seconds=1))
        assert claim.verdict is (Verdict.CLAIMED if gone else Verdict.BUSY)
        assert asked == ["one"]


async def test_a_file_that_was_begun_waits_for_the_lease_all_the_same(database_url: str) -> None:
    """What a killed process had sent to an object store may still arrive there."""
    async with AsyncExitStack() as stack:
        nobody = Process("one", lambda _: False)
        one, other = await ledgers(stack, database_url, nobody, Process("other", lambda _: True))
        event = an_event("evt_1")
        await one.claim([a_candidate(event)], NOON)
        await one.begin_files([a_file([event])])
        (claim,) = await other.claim([a_candidate(event)], NOON + timedelta(seconds=29))
        assert claim.verdict is Verdict.BUSY
        assert await other.orphans(NOON + timedelta(seconds=29)) == ()
        (claim,) = await other.claim([a_candidate(event)], NOON + timedelta(seconds=30))
        assert claim.verdict is Verdict.ORPHANED
