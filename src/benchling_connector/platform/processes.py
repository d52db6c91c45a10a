"""Processes of workers: in sessions of their own, so that they outlive who started them.

They are forked from one process, the standard library's fork server, which has imported what they
need: a start takes a tenth of the time, and what was imported is in memory once. What a worker says
goes into its log file directly.
"""

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path

__all__ = ["Launch", "WorkerChild", "WorkerProcesses", "last_words"]

TAIL_BYTES = 32_768
AGAIN_AFTER_S = 0.5


@dataclass(frozen=True, slots=True)
class Launch:
    """What a process does, and the whole environment that it does it in.

    `work` is a function of a module, and takes texts; the process ends with the status that it
    raises as `SystemExit`.
    """

    work: Callable[..., None]
    arguments: Sequence[str]
    environment: Mapping[str, str]


class WorkerProcesses:
    """Starts them. `preload`: the module that the fork server imports before the first."""

    def __init__(self, preload: str | None = None) -> None:
        self._context = multiprocessing.get_context("forkserver")
        if preload is not None:
            self._context.set_forkserver_preload([preload])
        # One thread does it all: the library keeps a list of processes that is made for one, and
        # the first start takes as long as the imports.
        self._thread = ThreadPoolExecutor(1, "worker-processes", _shield)

    async def launch(self, what: Launch, log: Path) -> "WorkerChild":
        """Starts one. Raises `OSError`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            process = await self._start(what, log)
        except ConnectionError:  # the fork server was killed just now: another will do
            await asyncio.sleep(AGAIN_AFTER_S)
            process = await self._start(what, log)
        return WorkerChild(process, log, self._call)

    async def _start(self, what: Launch, log: Path) -> BaseProcess:
        process = self._context.Process(target=_begin, args=(what, str(log)))
        try:
            await self._call(process.start)
        except EOFError:  # that is all that the fork server says of it
            raise ChildProcessError(0, "the system gave no new process") from None
        return process

    def _call(self, call: Callable[[], None]) -> Awaitable[None]:
        return asyncio.get_running_loop().run_in_executor(self._thread, call)


class WorkerChild:
    """A process that this one has started."""

    def __init__(
        self,
        process: BaseProcess,
        log: Path,
        call: Callable[[Callable[[], None]], Awaitable[None]],
    ) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._log = log
        self.ended = asyncio.ensure_future(_status(process, call))

    def send(self, number: signal.Signals) -> None:
        """A signal, unless it has ended."""
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def how_it_ended(self) -> str:
        """In a sentence, with the last error of its log."""
        return _sentence(self.ended.result(), last_words(self._log))


async def _status(
    process: BaseProcess, call: Callable[[Callable[[], None]], Awaitable[None]]
) -> int:
    """The exit status of a process, when it has ended; negative, the signal that ended it."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    sentinel = process.sentinel
    loop.add_reader(sentinel, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(sentinel)
    await call(process.join)
    status = process.exitcode
    assert status is not None
    await call(process.close)
    return status


def _shield() -> None:
    """The fork server takes over what its starter does not listen to: a stop of all that belongs to
    one service is for the workers, and would leave them without anybody to tell how they ended."""
    resource_tracker.ensure_running()  # it listens again itself, once
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _begin(what: Launch, log: str) -> None:
    """The first that a new process does."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    for standard in (1, 2):
        os.dup2(file, standard)
    # Among them are pipes by which the fork server would take it for another of its masters.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(what.environment)
    what.work(*what.arguments)


def last_words(log: Path) -> str | None:
    """The last error that a log tells of; without one its last line, None if it is empty."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    last = None
    for line in reversed(lines):
        if not line.strip():
            continue
        last = last or line.strip()
        told = _told(line)
        if told is not None and told.get("level") == "error":
            return str(told.get("sentence") or told.get("error") or told.get("action"))
    told = None if last is None else _told(last)
    return last if told is None else str(told.get("sentence") or told.get("action"))


def _told(line: str) -> dict[str, object] | None:
    with suppress(ValueError):
        told = json.loads(line)
        return told if isinstance(told, dict) else None
    return None


def _sentence(status: int, words: str | None) -> str:
    if status < 0:
        try:
            how = f"by the signal {signal.Signals(-status).name}"
        except ValueError:
            how = f"by the signal {-status}"
    else:
        how = f"with status {status}"
    sentence = f"The worker process ended {how}."
    return sentence if words is None else f"{sentence} The last that its log says: {words[:500]}"
