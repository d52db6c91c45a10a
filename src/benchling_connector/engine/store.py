"""Ledger PENDING, then the object, then ledger SUCCESS: several files at once.

From PENDING on, a file's bytes stand fast. Whatever fails after that is tried again with the same
bytes under the same ID, for as long as the process lives: only so is it sure that an attempt
which seemed to fail, and had happened, does not leave a second copy behind.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from benchling_connector.domain.rawfile import Enriched, Origin, RawFile, compose, draft
from benchling_connector.domain.records import FileRecord
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.waiting import Coalescer
from benchling_connector.ports import Clock, Ids, Lake, Ledger

__all__ = ["Store"]

log = structlog.get_logger()

TRUST_S = 10.0
"""After so many seconds the ledger is asked again whether a file is still ours, before it is
written: a process that was suspended may have been taken for dead. To be asked prolongs the lease,
so that the writing has its rest of time."""


@dataclass(slots=True)
class _Trust:
    """Monotonic seconds: when the ledger last said that a file is ours. `tried`: an object of it
    may stand in the lake."""

    since: float
    tried: bool = False


class Store:
    """Composes files and makes them durable."""

    def __init__(
        self,
        *,
        lake: Lake,
        ledger: Ledger,
        origin: Origin,
        events_per_file: int,
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
        self._gate = gate
        self._stats = stats
        self._clock = clock
        self._ids = ids
        self._writes = asyncio.Semaphore(writes_at_once)
        self._begin = Coalescer(self._begin_files)
        self._commit = Coalescer(self._commit_files)
        self._discard = Coalescer(self._discard_files)

    async def store(
        self, enriched: Sequence[Enriched], done: Callable[[Sequence[Enriched]], None]
    ) -> Sequence[Enriched]:
        """Stores events; `done` is told of each file's events as soon as they are durable.

        Gives back those that were not stored because their claim was lost to another worker.
        """
        drafts = draft(enriched, self._events_per_file)
        now, asked_at = self._clock.now(), self._clock.monotonic()
        files = [compose(part, self._ids.file_id(), now, self._origin) for part in drafts]
        self._stats.composed += len(files)
        refused = await self._begin(files)
        written = await asyncio.gather(
            *(
                self._counted(file, asked_at, done)
                for file, is_refused in zip(files, refused, strict=True)
                if not is_refused
            )
        )
        kept = {file.file_id for file in written if file is not None}
        return [item for file in files if file.file_id not in kept for item in file.content]

    async def settle_orphan(self, file: FileRecord) -> None:
        """Ends the PENDING of a file that a dead worker left: by what stands in the lake."""
        found = await self._gate.insist(Dependency.LAKE, lambda: self._lake.sha256(file.path))
        if found == file.sha256:
            await self._commit([file.file_id])
        else:
            await self._discard([file.file_id])
        log.info("file.orphan_settled", file_id=file.file_id, in_lake=found == file.sha256)

    async def _counted(
        self, file: RawFile, asked_at: float, done: Callable[[Sequence[Enriched]], None]
    ) -> RawFile | None:
        self._stats.pending += 1
        try:
            return await self._write(file, asked_at, done)
        finally:
            self._stats.pending -= 1

    async def _write(
        self, file: RawFile, asked_at: float, done: Callable[[Sequence[Enriched]], None]
    ) -> RawFile | None:
        """The file, when it is durable; None when another worker took it over."""
        trust = _Trust(asked_at)
        async with self._writes:
            await self._gate.insist(Dependency.LAKE, lambda: self._put(file, trust))
        if not trust.tried:
            return None
        (known,) = await self._commit([file.file_id])
        if not known:
            # It was discarded while the object was on its way: the events are another's now. (If
            # another found the object and committed it, the ledger knows it, and so all is well.)
            await self._gate.insist(Dependency.LAKE, lambda: self._lake.remove(file.path))
            log.warning("file.taken_over", file_id=file.file_id)
            return None
        self._count(file)
        done(file.content)
        return file

    async def _put(self, file: RawFile, trust: _Trust) -> None:
        """Writes the object, if the file is still ours; asks the ledger when that is long ago."""
        while (now := self._clock.monotonic()) - trust.since > TRUST_S:
            if file.file_id in await self._ask([file]):
                return
            trust.since = now
        trust.tried = True
        await self._lake.put(file.path, file.body)

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
