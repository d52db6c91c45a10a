"""Ledger PENDING, then the object, then ledger SUCCESS: several files at once.

From PENDING on, a file's bytes stand fast. Whatever fails after that is tried again with the same
bytes under the same ID, for as long as the process lives: only so is it sure that an attempt
which seemed to fail, and had happened, does not leave a second copy behind.

A lake that refuses one file and takes others is in no trouble: that file alone is tried again, a
few times, and then stopped until a person has it tried again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import structlog

from benchling_connector.domain.errors import (
    ConfigurationError,
    ConnectorError,
    PermanentError,
)
from benchling_connector.domain.rawfile import Enriched, Origin, RawFile, compose, draft
from benchling_connector.domain.records import FileRecord, FileState
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.stopped import MOST_ERRORS, Stopped
from benchling_connector.engine.waiting import Coalescer, wait_for
from benchling_connector.ports import Clock, Ids, Lake, Ledger

__all__ = ["Outcome", "StoppedFile", "Store"]

log = structlog.get_logger()

TRUST_S = 10.0
"""After so many seconds the ledger is asked again whether a file is still ours, before it is
written: a process that was suspended may have been taken for dead. To be asked prolongs the lease,
so that the writing has its rest of time."""


@dataclass(slots=True)
class _Trust:
    """Monotonic seconds: when the ledger last said that a file is ours. `tried`: an object of it
    may stand in the lake. `refused`: the lake has refused it, and took another."""

    since: float
    tried: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class StoppedFile:
    """A file that the lake has refused too often, and what it said the last time."""

    file: RawFile
    refusal: ConnectorError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of events that were not stored: they were lost to another worker, or their files
    are stopped. Those of files that were under way when the engine stopped are in neither."""

    lost: tuple[Enriched, ...] = ()
    stopped: tuple[StoppedFile, ...] = ()


class _End(Enum):
    STORED = "stored"
    LOST = "lost"
    LEFT = "left"
    """The engine stops."""


class Store:
    """Composes files and makes them durable."""

    def __init__(
        self,
        *,
        lake: Lake,
        ledger: Ledger,
        origin: Origin,
        events_per_file: int,
        stopped: Stopped,
        gate: Gate,
        stats: Stats,
        clock: Clock,
        ids: Ids,
        writes_at_once: int = 16,
    ) -> None:
        self._lake = lake
        self._ledger = ledger
        self._origin = origin
        self._events_per_file = events_per_file
        self._stopped = stopped
        self._gate = gate
        self._stats = stats
        self._clock = clock
        self._ids = ids
        self._writes = asyncio.Semaphore(writes_at_once)
        self._begin = Coalescer(self._begin_files)
        self._commit = Coalescer(self._commit_files)
        self._discard = Coalescer(self._discard_files)
        self._try_out = Coalescer(self._try_lake)

    async def store(
        self, enriched: Sequence[Enriched], done: Callable[[Sequence[Enriched]], None]
    ) -> Outcome:
        """Stores events; `done` is told of each file's events as soon as they are durable."""
        drafts = draft(enriched, self._events_per_file)
        now, asked_at = self._clock.now(), self._clock.monotonic()
        files = [compose(part, self._ids.file_id(), now, self._origin) for part in drafts]
        self._stats.composed += len(files)
        refused = await self._begin(files)
        begun = [file for file, is_refused in zip(files, refused, strict=True) if not is_refused]
        ends = await asyncio.gather(
            *(self._counted(file, _Trust(asked_at), done) for file in begun)
        )
        lost = [file for file, is_refused in zip(files, refused, strict=True) if is_refused]
        lost += [file for file, end in zip(begun, ends, strict=True) if end is _End.LOST]
        return Outcome(
            tuple(item for file in lost for item in file.content),
            tuple(end for end in ends if isinstance(end, StoppedFile)),
        )

    async def resume(
        self, stopped: StoppedFile, done: Callable[[Sequence[Enriched]], None]
    ) -> Outcome:
        """Stores a stopped file as soon as it is to be tried again, and no sooner; as often as it
        is stopped anew."""
        end: _End | StoppedFile = stopped
        while isinstance(end, StoppedFile):
            file = end.file
            if not await self._stopped.retried(file, end.refusal):
                return Outcome()
            log.info("file.retried", file_id=file.file_id)
            # Another worker may have it meanwhile: the ledger is asked first.
            trust = _Trust(float("-inf"), tried=True, refused=True)
            end = await self._counted(file, trust, done)
        return Outcome(stopped.file.content) if end is _End.LOST else Outcome()

    async def settle_orphan(self, file: FileRecord) -> None:
        """Ends the file that a dead worker left PENDING or ERROR: by what stands in the lake."""
        found = await self._gate.insist(Dependency.LAKE, lambda: self._look(file))
        if found == file.sha256:
            await self._commit([file.file_id])
        else:
            await self._discard([file.file_id])
        log.info("file.orphan_settled", file_id=file.file_id, in_lake=found == file.sha256)

    async def _look(self, file: FileRecord) -> str | None:
        """The checksum of what a dead worker's file is in the lake."""
        try:
            return await self._lake.sha256(file.path)
        except (ConfigurationError, PermanentError):
            if not file.error_count:
                raise
            # The lake refused to write it, and refuses to read it: it is not there.
            await self._try_out([None])
            return None

    async def _take_back(self, file: RawFile, trust: _Trust) -> None:
        """Removes what may have been written of a file."""
        try:
            await self._lake.remove(file.path)
        except (ConfigurationError, PermanentError):
            if not trust.refused:
                raise
            await self._try_out([None])

    async def _counted(
        self, file: RawFile, trust: _Trust, done: Callable[[Sequence[Enriched]], None]
    ) -> _End | StoppedFile:
        self._stats.pending += 1
        try:
            return await self._write(file, trust, done)
        finally:
            self._stats.pending -= 1

    async def _write(
        self, file: RawFile, trust: _Trust, done: Callable[[Sequence[Enriched]], None]
    ) -> _End | StoppedFile:
        """Writes the object, and says so. It is lost when another worker took it over."""
        for errors in range(1, MOST_ERRORS + 1):
            async with self._writes:
                refusal = await self._gate.insist(Dependency.LAKE, lambda: self._put(file, trust))
            if refusal is None:
                return await self._written(file, trust, done)
            await self._refused(file, refusal, errors)
            if errors == MOST_ERRORS:
                return StoppedFile(file, refusal)
            if await wait_for(self._gate.closed_for_good, self._gate.pause(errors), self._clock):
                break
        return _End.LEFT

    async def _written(
        self, file: RawFile, trust: _Trust, done: Callable[[Sequence[Enriched]], None]
    ) -> _End:
        if not trust.tried:
            return _End.LOST
        (known,) = await self._commit([file.file_id])
        if not known:
            # It was discarded while the object was on its way: the events are another's now. (If
            # another found the object and committed it, the ledger knows it, and so all is well.)
            await self._gate.insist(Dependency.LAKE, lambda: self._take_back(file, trust))
            log.warning("file.taken_over", file_id=file.file_id)
            return _End.LOST
        self._count(file)
        done(file.content)
        return _End.STORED

    async def _put(self, file: RawFile, trust: _Trust) -> ConnectorError | None:
        """Writes the object, if the file is still ours; asks the ledger when that is long ago.

        Gives the refusal that is of this object alone. Raises what is the whole lake's trouble.
        """
        while (now := self._clock.monotonic()) - trust.since > TRUST_S:
            if file.file_id in await self._ask([file]):
                return None
            trust.since = now
        trust.tried = True
        try:
            await self._lake.put(file.path, file.body)
        except (ConfigurationError, PermanentError) as refusal:
            await self._try_out([None])
            trust.refused = True
            return refusal
        return None

    async def _try_lake(self, asked: Sequence[None]) -> Sequence[None]:
        await self._lake.try_out()
        return asked

    async def _refused(self, file: RawFile, refusal: ConnectorError, errors: int) -> None:
        stop = errors == MOST_ERRORS
        state = FileState.ERROR if stop else FileState.PENDING
        await self._gate.insist(
            Dependency.DATABASE,
            lambda: self._ledger.note_refusal(file.file_id, errors, refusal.sentence, state),
        )
        self._stats.errors["file-refused"] += 1
        log.warning(
            "file.refused",
            file_id=file.file_id,
            path=file.path,
            errors=errors,
            code=refusal.code,
            sentence=refusal.sentence,
        )
        if stop:
            log.warning("file.stopped", file_id=file.file_id, path=file.path)

    async def _begin_files(self, files: Sequence[RawFile]) -> Sequence[bool]:
        refused = await self._ask(files)
        return [file.file_id in refused for file in files]

    async def _ask(self, files: Sequence[RawFile]) -> frozenset[str]:
        """The IDs of those that must not be written."""
        return await self._gate.insist(
            Dependency.DATABASE, lambda: self._ledger.begin_files(files, self._clock.now())
        )

    async def _commit_files(self, file_ids: Sequence[str]) -> Sequence[bool]:
        unknown = await self._gate.insist(
            Dependency.DATABASE,
            lambda: self._ledger.commit_files(file_ids, self._clock.now()),
        )
        return [file_id not in unknown for file_id in file_ids]

    async def _discard_files(self, file_ids: Sequence[str]) -> Sequence[None]:
        await self._gate.insist(
            Dependency.DATABASE,
            lambda: self._ledger.discard_files(file_ids, self._clock.now()),
        )
        return [None] * len(file_ids)

    def _count(self, file: RawFile) -> None:
        stats = self._stats
        stats.files += 1
        stats.bytes += len(file.body)
        stats.stored += len(file.content)
        for item in file.content:
            stats.by_type[item.event.type] += 1
            if item.fetched.status == "unavailable":
                stats.unavailable += 1
            elif item.fetched.status == "unsupported":
                stats.unsupported += 1
        log.info(
            "file.stored",
            file_id=file.file_id,
            path=file.path,
            events=len(file.content),
            bytes=len(file.body),
        )
