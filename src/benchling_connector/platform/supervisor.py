"""Keeps one worker process running for each connector that wants one."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from benchling_connector.domain.errors import TransientError
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.leading import Leadership
from benchling_connector.platform.processes import Launch, WorkerChild, WorkerProcesses
from benchling_connector.platform.roster import Entry, Seen, read_roster, write_trouble

__all__ = ["Machine", "Supervisor", "restart_pause"]

LOOK_EVERY_S = 1.0
HOLD_EVERY_S = 5.0
STARTS_A_LOOK = 8
"""More processes are not started at once: each keeps a processor busy for its first moments."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
STEADY_AFTER_S = 300.0
"""A process that lived for so long begins with the shortest pause again."""
LIVES_AFTER_S = 5.0
"""A process that lived for so long is no trouble any more."""
INHERITS_WITHIN_S = 5.0
"""A worker that another supervisor has just started has been heard of by then."""
STOP_WITHIN_S = 24.5
"""A worker ends within 24 s of its signal; what has not ended by then hangs."""

TROUBLE = "worker-failing"

log = structlog.get_logger()


def restart_pause(failures: int) -> float:
    """Seconds before a process is started again that has ended so often, one time or more."""
    return min(FIRST_PAUSE_S * float(1 << min(failures - 1, 16)), LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True)
class Machine:
    """What of this machine a supervisor needs: its name, whether the process of a name has ended
    for sure, a clock of seconds that only goes forward, and how to send a signal."""

    host: str
    is_gone: Callable[[str], bool]
    monotonic: Callable[[], float]
    send: Callable[[int, signal.Signals], None]


@dataclass(slots=True)
class _Post:
    """What is known of one connector's process."""

    child: WorkerChild | None = None
    started_at: float = 0.0
    stopping_since: float | None = None
    failures: int = 0
    not_before: float = 0.0
    trouble_since: datetime | None = None
    untold: str | None = None
    adopted: set[str] = field(default_factory=set)


class Supervisor:
    """`launching` tells what a connector's worker does, from its ID and where its log is."""

    def __init__(
        self,
        desk: Desk,
        leadership: Leadership,
        processes: WorkerProcesses,
        launching: Callable[[str, Path], Launch],
        logs: Path,
        machine: Machine,
    ) -> None:
        self._desk = desk
        self._leadership = leadership
        self._processes = processes
        self._launching = launching
        self._logs = logs
        self._machine = machine
        self._posts: dict[str, _Post] = {}
        self._leads = False
        self._held_at: float | None = None
        self._may_start_at = 0.0
        self._starts_left = 0
        self._roster: tuple[Entry, ...] = ()

    @property
    def supervised(self) -> int:
        """How many processes it keeps that it has started itself."""
        return sum(post.child is not None for post in self._posts.values())

    async def run(self) -> None:
        """Runs until it is cancelled; then ends the workers, in order and in time."""
        try:
            while True:
                try:
                    await self._look()
                except TransientError as error:
                    log.warning("supervisor.waits", code=error.code, sentence=error.sentence)
                    await self._tend(self._roster)  # what it knows still holds
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await self._end()

    async def _look(self) -> None:
        if not await self._hold():
            if self._leads:
                log.warning("supervisor.replaced")
                self._leads = False
                await self._end_workers()
            return
        self._roster = await read_roster(self._desk, self._machine.host, self._machine.is_gone)
        await self._tend(self._roster)

    async def _hold(self) -> bool:
        now = self._machine.monotonic()
        if self._leads and self._held_at is not None and now - self._held_at < HOLD_EVERY_S:
            return True
        if not await self._leadership.hold():
            return False
        if not self._leads:
            self._leads = True
            inherits = self._leadership.inherited
            self._may_start_at = now + (INHERITS_WITHIN_S if inherits else 0.0)
            log.info("supervisor.leads", inherited=inherits)
        self._held_at = now
        return True

    async def _tend(self, roster: tuple[Entry, ...]) -> None:
        if not self._leads:
            return
        self._starts_left = STARTS_A_LOOK
        for entry in roster:
            await self._attend(entry, self._posts.setdefault(entry.connector_id, _Post()))
        known = {entry.connector_id for entry in roster}
        for connector_id, post in self._posts.items():
            if connector_id not in known and post.child is not None:  # it was deleted
                await self._attend(
                    Entry(connector_id, wanted=False, seen=(), has_trouble=False), post
                )

    async def _attend(self, entry: Entry, post: _Post) -> None:
        now = self._machine.monotonic()
        if post.child is not None and post.child.ended.done():
            self._notice_end(entry, post, post.child, now)
        if post.untold is not None:
            await self._tell_trouble(entry, post)
        others = self._others(entry, post)
        if not entry.wanted:
            self._stop(entry, post, others, now)
            await self._clear_trouble(entry, post)
        elif post.child is None and not others:
            due = now >= post.not_before and now >= self._may_start_at
            if due and self._starts_left:
                self._starts_left -= 1
                await self._start(entry, post, now)
        elif post.child is None or now - post.started_at >= LIVES_AFTER_S:
            await self._clear_trouble(entry, post)
        if post.child is not None and now - post.started_at >= STEADY_AFTER_S:
            post.failures = 0

    def _others(self, entry: Entry, post: _Post) -> list[Seen]:
        """Workers that a supervisor before this one has started."""
        own = post.child.pid if post.child is not None else None
        others = [one for one in entry.seen if not (one.is_here and one.pid == own)]
        for one in others:
            if one.worker_id not in post.adopted:
                post.adopted.add(one.worker_id)
                log.info("worker.adopted", connector_id=entry.connector_id, worker_id=one.worker_id)
        return others

    async def _start(self, entry: Entry, post: _Post, now: float) -> None:
        log_file = self._logs / f"{entry.connector_id}.log"
        try:
            what = self._launching(entry.connector_id, log_file)
            post.child = await self._processes.launch(what, log_file)
        except OSError as error:
            post.failures += 1
            post.not_before = now + restart_pause(post.failures)
            sentence = f"The worker process cannot be started: {error.strerror}."
            post.untold = sentence
            return
        post.started_at, post.stopping_since = now, None
        log.info("worker.started", connector_id=entry.connector_id, pid=post.child.pid)

    def _notice_end(self, entry: Entry, post: _Post, child: WorkerChild, now: float) -> None:
        post.child = None
        status = child.ended.result()
        if post.stopping_since is not None or not entry.wanted:
            log.info("worker.ended", connector_id=entry.connector_id, status=status)
            post.failures, post.not_before, post.stopping_since = 0, 0.0, None
            return
        post.failures += 1
        pause = restart_pause(post.failures)
        post.not_before = now + pause
        if status == 0:  # it was told to, and is wanted again
            log.info("worker.ended", connector_id=entry.connector_id, status=status)
            return
        sentence = child.how_it_ended()
        log.warning(
            "worker.failed",
            connector_id=entry.connector_id,
            status=status,
            sentence=sentence,
            again_after_seconds=pause,
        )
        post.untold = sentence

    def _stop(self, entry: Entry, post: _Post, others: list[Seen], now: float) -> None:
        """Asks a process to end that is not wanted any more; ends it when it does not."""
        here = [one.pid for one in others if one.is_here]
        if post.child is not None:
            here.append(post.child.pid)
        if not here:
            return
        if post.stopping_since is None:
            post.stopping_since = now
            log.info("worker.stopping", connector_id=entry.connector_id)
            number = signal.SIGTERM
        elif now - post.stopping_since >= STOP_WITHIN_S:
            number = signal.SIGKILL
        else:
            return
        for pid in here:
            self._machine.send(pid, number)

    async def _tell_trouble(self, entry: Entry, post: _Post) -> None:
        assert post.untold is not None
        post.trouble_since = post.trouble_since or self._desk.now()
        if await self._write(entry, (TROUBLE, post.untold, post.trouble_since)):
            post.untold = None

    async def _clear_trouble(self, entry: Entry, post: _Post) -> None:
        post.trouble_since = post.untold = None
        if entry.has_trouble:
            await self._write(entry, None)

    async def _write(self, entry: Entry, trouble: tuple[str, str, datetime] | None) -> bool:
        """Whether it is written. What is not comes up again with the next look."""
        try:
            await write_trouble(self._desk, entry.connector_id, trouble)
        except TransientError:
            return False
        return True

    async def _end(self) -> None:
        if not self._leads:
            return
        await self._end_workers()
        try:
            await self._leadership.give_up()
        except TransientError as error:
            log.warning("supervisor.waits", code=error.code, sentence=error.sentence)

    async def _end_workers(self) -> None:
        """All at once; what hangs is killed."""
        children = [post.child for post in self._posts.values() if post.child is not None]
        adopted = {
            one.pid
            for entry in self._roster
            for one in self._others(entry, self._posts.get(entry.connector_id, _Post()))
            if one.is_here
        }
        for child in children:
            child.send(signal.SIGTERM)
        for pid in adopted:
            self._machine.send(pid, signal.SIGTERM)
        if children:
            ending = [child.ended for child in children]
            _, hanging = await asyncio.wait(ending, timeout=STOP_WITHIN_S)
            for child in children:
                if child.ended in hanging:
                    log.warning("worker.killed", pid=child.pid)
                    child.send(signal.SIGKILL)
            if hanging:
                await asyncio.wait(hanging)
        self._posts.clear()
