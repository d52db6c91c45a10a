"""Many processes of the program: started as users start it, or forked ready from one that waits.

Starting Python and importing everything costs a second of processor time, and nothing that the
program keeps can go wrong in it. `Processes` starts some processes so, and forks the others off a
process that has imported the program and done nothing else. A forked process is a process like
any other: its own number, memory, sockets and files, and it runs `main` from its first line.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.acceptance.world import PROGRAM

__all__ = ["Process", "Processes"]

ROOT = Path(__file__).parents[2]
FORKER = [*PROGRAM[:-1], "tests.acceptance.forker"]


@dataclass(frozen=True, slots=True, eq=False)
class Process:
    """A process, what it writes to stderr, and its exit status when it has one."""

    pid: int
    log: Path
    ended: asyncio.Future[int]

    def send(self, number: signal.Signals) -> None:
        """A signal, unless it has ended."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def kill(self) -> None:
        """SIGKILL; returns when it is gone. It must have lived until now."""
        assert not self.ended.done(), f"it ended by itself: {self.tail()}"
        self.send(signal.SIGKILL)
        status = await asyncio.shield(self.ended)
        assert status == -signal.SIGKILL, f"it ended by itself with {status}: {self.tail()}"

    async def said(self, action: str) -> None:
        """Returns when its log has this action."""
        while f'"action": "{action}"' not in self.log.read_text():
            assert not self.ended.done(), f"it ended by itself: {self.tail()}"
            await asyncio.sleep(0.02)

    def tail(self) -> str:
        """The end of its log."""
        return f"{self.log}\n{self.log.read_text()[-3000:]}"


class Processes:
    """Starts processes of the program, and ends those that are left with the block."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        self._environment = dict(environment)
        self._all: list[Process] = []
        self._forker: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._born: asyncio.Queue[int] = asyncio.Queue()
        self._forked: dict[int, asyncio.Future[int]] = {}

    async def __aenter__(self) -> Self:
        paths = self._environment.get("PYTHONPATH", "")
        self._forker = await asyncio.create_subprocess_exec(
            *FORKER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**self._environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{paths}"},
            cwd=self._home,
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._all:
            process.send(signal.SIGKILL)
        assert self._forker is not None
        assert self._forker.stdin is not None
        self._forker.stdin.close()
        await asyncio.gather(*(process.ended for process in self._all), return_exceptions=True)
        await self._forker.wait()
        if self._listening is not None:
            await self._listening

    async def start(self, *arguments: str, forked: bool = True) -> Process:
        """The program with these arguments, running."""
        log = self._home / f"process-{len(self._all):04}.log"
        log.touch()
        process = await (self._fork if forked else self._execute)(arguments, log)
        self._all.append(process)
        return process

    async def _execute(self, arguments: Sequence[str], log: Path) -> Process:
        with log.open("w") as output:
            process = await asyncio.create_subprocess_exec(
                *PROGRAM,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                cwd=self._home,
            )
        return Process(process.pid, log, asyncio.ensure_future(process.wait()))

    async def _fork(self, arguments: Sequence[str], log: Path) -> Process:
        assert self._forker is not None
        assert self._forker.stdin is not None
        wish = json.dumps({"arguments": arguments, "log": str(log)})
        self._forker.stdin.write(wish.encode() + b"\n")
        pid = await self._born.get()
        return Process(pid, log, self._forked[pid])

    async def _listen(self) -> None:
        assert self._forker is not None
        assert self._forker.stdout is not None
        loop = asyncio.get_running_loop()
        while line := await self._forker.stdout.readline():
            told = json.loads(line)
            if "status" in told:
                self._forked[told["pid"]].set_result(told["status"])
            else:
                self._forked[told["pid"]] = loop.create_future()
                self._born.put_nowait(told["pid"])
        for future in self._forked.values():
            if not future.done():
                future.set_exception(RuntimeError("the forker has ended"))
