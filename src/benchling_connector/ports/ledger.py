"""The ledger: what the main street asks and tells it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from benchling_connector.domain.event import Event, Rejected
from benchling_connector.domain.rawfile import RawFile
from benchling_connector.domain.records import FileRecord, FileState

__all__ = ["Candidate", "Claim", "GivenBack", "Ledger", "Pruned", "StrayMessage", "Verdict"]


class Verdict(Enum):
    """What the ledger says of an event that the queue hands over."""

    CLAIMED = "claimed"
    """Ours to store."""
    SETTLED = "settled"
    """Stored, skipped or quarantined already: acknowledge."""
    BUSY = "busy"
    """Another living worker has it: release for later."""
    ORPHANED = "orphaned"
    """A dead worker had it, and its file may stand in the lake: settle the file, ask again."""
    REUSED = "reused"
    """Known under this ID, but with other content: quarantine."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that the queue handed over. With `skip_reason` it is recorded as skipped."""

    event: Event
    message_id: str
    sent_at: datetime | None
    received_at: datetime
    skip_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The ledger's answer: how often the event was claimed by now; the orphaned file.

    `stopped`: the worker that has it holds it in an ERROR file.
    """

    verdict: Verdict
    attempts: int
    file: FileRecord | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class StrayMessage:
    """A message for the quarantine: its raw bytes and the reason.

    It is known by its message ID alone: what could not be decoded has no event ID, and an ID
    that was reused belongs to the event that had it first.
    """

    message_id: str
    body: bytes
    rejected: Rejected
    sent_at: datetime | None
    received_at: datetime
    receive_count: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A claimed event that goes back to the queue, and when it may be seen again."""

    event_id: str
    reason: str
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Pruned:
    """One step of a pruning: how many events went, and where the next step begins.

    Without `next` there is nothing more that old.
    """

    events: int
    next: str | None


class Ledger(Protocol):
    """Which event is where. Every method is one transaction; times are given by the caller.

    Raises `TransientError` (`database-failing`) when the database cannot be used.
    """

    async def claim(self, candidates: Sequence[Candidate], now: datetime) -> Sequence[Claim]:
        """One answer for each candidate, in order. IDs are distinct within one call."""
        ...

    async def quarantine(self, strays: Sequence[StrayMessage], now: datetime) -> None:
        """Keeps messages with their raw bytes and reason. Repeating it changes nothing."""
        ...

    async def begin_files(
        self, files: Sequence[RawFile], now: datetime | None = None
    ) -> frozenset[str]:
        """Records files as PENDING, and which events are in which. Repeating it changes nothing
        but the lease: with `now` it is prolonged as by a heartbeat, so that nobody takes them over
        while they are written.

        Gives the IDs of the files that were refused and must not be written: those with an event
        that is not this worker's claim any more, or that is in another file that is not stored.
        """
        ...

    async def note_refusal(self, file_id: str, errors: int, message: str, state: FileState) -> None:
        """Records that the lake refused this worker's PENDING file, for the `errors`th time, and
        how; and that the file is PENDING still, or ERROR from now on. Repeating it changes nothing,
        not even when somebody has the file tried again meanwhile.
        """
        ...

    async def stopped(self, file_ids: Collection[str]) -> frozenset[str]:
        """Those of these files that are ERROR."""
        ...

    async def commit_files(self, file_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """Records files as SUCCESS and their events as stored. Repeating it changes nothing.

        Gives the IDs that it does not know any more: another worker took this one for dead,
        and discarded them.
        """
        ...

    async def discard_files(self, file_ids: Sequence[str], now: datetime | None = None) -> None:
        """Forgets PENDING and ERROR files; their events are claimable again.

        With `now` those are kept on which another worker is at work whose lease is not over by
        then: it may have been prolonged since somebody looked.
        """
        ...

    async def give_back(self, events: Sequence[GivenBack]) -> None:
        """Records events as retrying."""
        ...

    async def orphans(self, now: datetime) -> Sequence[FileRecord]:
        """PENDING and ERROR files of workers that are dead."""
        ...

    async def heartbeat(self, now: datetime, report: str = "") -> int:
        """Prolongs the lease of all that this worker has claimed; gives how many workers of this
        connector are alive, this one among them.

        `report`: what the worker says of itself, as JSON or empty, for people to read.
        """
        ...

    async def sign_off(self, now: datetime) -> None:
        """Ends the lease at once."""
        ...

    async def prune(self, before: datetime, most: int, cursor: str | None = None) -> Pruned:
        """Forgets events of this connector that were received and settled before; oldest first.

        Looks at `most` events at most, from the `cursor` on that the step before gave, so that no
        step takes long, however much there is that must stay. Settled are stored and skipped ones,
        and messages whose quarantine a person has resolved, these with their bodies. The files
        stay. The first step forgets workers, too, whose lease ended before.
        """
        ...
