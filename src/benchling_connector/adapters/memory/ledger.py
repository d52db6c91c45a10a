"""The ledger in memory: the twin of the one in a database, for tests and simulation."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from benchling_connector.adapters.memory.faults import Faults
from benchling_connector.adapters.memory.ledger_store import (
    KnownEvent,
    KnownFile,
    MemoryStore,
    quarantined,
    record_of_candidate,
    record_of_file,
    record_of_stray,
)
from benchling_connector.domain.rawfile import RawFile
from benchling_connector.domain.records import (
    EventState,
    FileRecord,
    FileState,
    cursor_at,
    position_of,
    storable,
)
from benchling_connector.ports import Candidate, Claim, GivenBack, Pruned, StrayMessage, Verdict

__all__ = ["MemoryLedger"]

LEASE_S = 30.0


class MemoryLedger:
    """The `Ledger` port in memory, for one worker of one connector; workers share a store.

    `faults` knows the methods by name; one that fails `after` has done its work.
    """

    def __init__(
        self, store: MemoryStore, connector_id: str, worker_id: str, lease_s: float = LEASE_S
    ) -> None:
        self._store = store
        self._connector_id = connector_id
        self._worker_id = worker_id
        self._lease = timedelta(seconds=lease_s)
        self._signed_on = False
        self._unanswered: set[str] = set()
        self.faults = Faults()

    @property
    def connector_id(self) -> str:
        """Whose ledger it is."""
        return self._connector_id

    async def claim(self, candidates: Sequence[Candidate], now: datetime) -> Sequence[Claim]:
        """See `ports.Ledger`."""
        ids = {one.event.id for one in candidates}
        try:
            with self._struck("claim"):
                if candidates and not self._signed_on:
                    self._prolong(now)
                claims = [self._claim(candidate, now) for candidate in candidates]
        except BaseException:
            self._unanswered |= ids
            raise
        self._unanswered -= ids
        return claims

    async def quarantine(self, strays: Sequence[StrayMessage], now: datetime) -> None:
        """See `ports.Ledger`."""
        with self._struck("quarantine"):
            for stray in strays:
                message_id = storable(stray.message_id)
                key = (self._connector_id, message_id)
                self._store.quarantine.setdefault(
                    key, quarantined(stray, message_id, self._connector_id, now)
                )
                record = record_of_stray(stray, message_id)
                self._store.strays.setdefault(
                    key, KnownEvent(next(self._store.keys), self._connector_id, record)
                )

    async def begin_files(
        self, files: Sequence[RawFile], now: datetime | None = None
    ) -> frozenset[str]:
        """See `ports.Ledger`."""
        with self._struck("begin_files"):
            refused = frozenset(file.file_id for file in files if not self._is_writable(file))
            for file in files:
                if file.file_id not in refused and file.file_id not in self._store.files:
                    self._begin(file)
            if now is not None and self._worker_id in self._store.leases:
                self._prolong(now)
        return refused

    async def note_refusal(self, file_id: str, errors: int, message: str, state: FileState) -> None:
        """See `ports.Ledger`."""
        with self._struck("note_refusal"):
            for file in self._own([file_id]):
                record = file.record
                if (file.worker_id, record.state, record.error_count) == (
                    self._worker_id,
                    FileState.PENDING,
                    errors - 1,
                ):
                    file.record = replace(
                        record,
                        state=state,
                        error_count=errors,
                        error_message=storable(message),
                    )

    async def stopped(self, file_ids: Collection[str]) -> frozenset[str]:
        """See `ports.Ledger`."""
        with self._struck("stopped"):
            files = self._own(file_ids)
            return frozenset(
                file.record.file_id for file in files if file.record.state is FileState.ERROR
            )

    async def commit_files(self, file_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """See `ports.Ledger`."""
        with self._struck("commit_files"):
            files = self._own(file_ids)
            for file in files:
                if file.record.state is not FileState.SUCCESS:
                    file.record = replace(file.record, state=FileState.SUCCESS, stored_at=now)
            for event in self._store.in_files(file.record.file_id for file in files):
                if event.record.state is not EventState.STORED:
                    event.change(state=EventState.STORED, stored_at=now, next_at=None)
        return frozenset(file_ids) - {file.record.file_id for file in files}

    async def discard_files(self, file_ids: Sequence[str], now: datetime | None = None) -> None:
        """See `ports.Ledger`."""
        with self._struck("discard_files"):
            discarded = [
                file.record.file_id
                for file in self._own(file_ids)
                if file.record.state is not FileState.SUCCESS
                and (
                    now is None
                    or file.worker_id == self._worker_id
                    or not self._store.alive(file.worker_id, now)
                    or not self._is_at_work(file)
                )
            ]
            for event in self._store.in_files(discarded):
                writing = event.record.state is EventState.WRITING
                reason = None if writing else event.record.reason
                event.change(file_id=None, fetched_at=None, reason=reason)
            for file_id in discarded:
                del self._store.files[file_id]

    async def give_back(self, events: Sequence[GivenBack]) -> None:
        """See `ports.Ledger`."""
        with self._struck("give_back"):
            for one in events:
                event = self._mine(one.event_id)
                if event is not None:
                    event.change(
                        state=EventState.RETRYING, reason=storable(one.reason), next_at=one.next_at
                    )

    async def orphans(self, now: datetime) -> Sequence[FileRecord]:
        """See `ports.Ledger`."""
        with self._struck("orphans"):
            return [
                file.record
                for file in self._store.files.values()
                if file.connector_id == self._connector_id
                and file.record.state is not FileState.SUCCESS
                and file.worker_id != self._worker_id
                and not self._store.alive(file.worker_id, now)
            ]

    async def heartbeat(self, now: datetime, report: str = "") -> int:
        """See `ports.Ledger`."""
        with self._struck("heartbeat"):
            self._prolong(now)
            self._store.reports[self._worker_id] = report
            return self._store.workers_alive(self._connector_id, now)

    async def sign_off(self, now: datetime) -> None:
        """See `ports.Ledger`."""
        with self._struck("sign_off"):
            self._store.leases[self._worker_id] = now
            self._signed_on = False

    async def prune(self, before: datetime, most: int, cursor: str | None = None) -> Pruned:
        """See `ports.Ledger`."""
        with self._struck("prune"):
            if cursor is None:
                self._store.forget_workers(self._connector_id, before)
            old = self._store.received(self._connector_id, before)
            if cursor is not None:
                last = position_of(cursor)
                old = [one for one in old if one.place > last]
            looked_at = old[:most]
            going = [one for one in looked_at if self._store.is_settled(one, before)]
            for event in going:
                self._store.forget(event)
        more = len(looked_at) == most
        return Pruned(len(going), cursor_at(*looked_at[-1].place) if more else None)

    @contextmanager
    def _struck(self, method: str) -> Iterator[None]:
        self.faults.strike(method, "before")
        yield
        self.faults.strike(method, "after")

    def _claim(self, candidate: Candidate, now: datetime) -> Claim:
        event, skip = candidate.event, candidate.skip_reason
        verdict = Verdict.CLAIMED if skip is None else Verdict.SETTLED
        known = self._store.events.get((self._connector_id, event.id))
        if known is None:
            record = record_of_candidate(candidate)
            self._store.events[self._connector_id, event.id] = KnownEvent(
                next(self._store.keys),
                self._connector_id,
                record,
                event.digest,
                self._worker_id if skip is None else None,
            )
            return Claim(verdict, record.attempts)
        attempts, state = known.record.attempts, known.record.state
        if known.digest != event.digest:
            return Claim(Verdict.REUSED, attempts)
        if state not in (EventState.WRITING, EventState.RETRYING):
            return Claim(Verdict.SETTLED, attempts)
        file = self._store.unstored(known.record.file_id)
        if state is EventState.WRITING and self._is_held(known, now):
            stopped = file is not None and file.record.state is FileState.ERROR
            return Claim(Verdict.BUSY, attempts, stopped=stopped)
        if file is not None:
            return Claim(Verdict.ORPHANED, attempts, file.record)
        if skip is None:
            known.worker_id = self._worker_id
            attempts += 1
            known.change(state=EventState.WRITING, attempts=attempts, reason=None, next_at=None)
        else:
            known.change(state=EventState.SKIPPED, reason=storable(skip), next_at=None)
        return Claim(verdict, attempts)

    def _is_held(self, known: KnownEvent, now: datetime) -> bool:
        """Whether a living worker has it: another, or this one, which knows that it has."""
        if known.worker_id == self._worker_id:
            in_file = known.record.file_id is not None
            return in_file or known.record.event_id not in self._unanswered
        return self._store.alive(known.worker_id, now)

    def _is_writable(self, file: RawFile) -> bool:
        begun = self._store.files.get(file.file_id)
        if begun is not None and begun.record.sha256 != file.sha256:
            return False
        owner = file.file_id if begun is not None else None
        events = [self._mine(item.event.id) for item in file.content]
        return all(event is not None and event.record.file_id == owner for event in events)

    def _begin(self, file: RawFile) -> None:
        record = record_of_file(file)
        self._store.files[file.file_id] = KnownFile(
            next(self._store.keys), self._connector_id, record, self._worker_id
        )
        for item in file.content:
            reason = storable(item.fetched.reason) if item.fetched.reason else None
            self._store.events[self._connector_id, item.event.id].change(
                file_id=file.file_id, fetched_at=item.fetched.at, reason=reason
            )

    def _mine(self, event_id: str) -> KnownEvent | None:
        """The event, if it is this worker's claim."""
        event = self._store.events.get((self._connector_id, event_id))
        if event is None or event.worker_id != self._worker_id:
            return None
        return event if event.record.state is EventState.WRITING else None

    def _own(self, file_ids: Iterable[str]) -> list[KnownFile]:
        files = (self._store.files.get(file_id) for file_id in dict.fromkeys(file_ids))
        return [file for file in files if file and file.connector_id == self._connector_id]

    def _is_at_work(self, file: KnownFile) -> bool:
        """Whether whoever began a file has events of it that were not given back."""
        return any(
            event.worker_id == file.worker_id and event.record.state is EventState.WRITING
            for event in self._store.in_files([file.record.file_id])
        )

    def _prolong(self, now: datetime) -> None:
        until, known = now + self._lease, self._store.leases.get(self._worker_id)
        if known is None or not until <= known <= until + self._lease:
            self._store.leases[self._worker_id] = until
        self._store.homes[self._worker_id] = self._connector_id
        self._signed_on = True
