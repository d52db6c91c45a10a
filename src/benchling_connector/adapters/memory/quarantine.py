"""The quarantine of a ledger in memory: the twin of the one in a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from benchling_connector.adapters.memory.ledger_reader import is_between, matches
from benchling_connector.adapters.memory.ledger_store import MemoryStore
from benchling_connector.domain.records import (
    Decision,
    EventState,
    QuarantineFilter,
    QuarantineGroup,
    QuarantineRecord,
    cursor_of,
    place_of,
    storable,
)
from benchling_connector.ports import Page

__all__ = ["MemoryQuarantine"]


class MemoryQuarantine:
    """The `Quarantine` port: for all connectors of the store, or for one."""

    def __init__(self, store: MemoryStore, connector_id: str | None = None) -> None:
        self._store = store
        self._connector_id = connector_id

    async def messages(
        self, which: QuarantineFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[QuarantineRecord]:
        """See `ports.Quarantine`."""
        found = [replace(record, body=None) for record in self._wanted(which)]
        if cursor is not None:
            place = place_of(cursor)
            found = [record for record in found if _place(record) < place]
        shown = tuple(found[:limit])
        more = len(shown) < len(found)
        return Page(shown, cursor_of(shown[-1]) if more and shown else None)

    async def groups(self, which: QuarantineFilter) -> Sequence[QuarantineGroup]:
        """See `ports.Quarantine`."""
        by_code: dict[str, list[QuarantineRecord]] = {}
        for record in self._wanted(which):
            by_code.setdefault(record.code, []).append(record)
        groups = [
            QuarantineGroup(
                code, len(some), some[-1].quarantined_at, some[0].quarantined_at, some[0].message_id
            )
            for code, some in by_code.items()
        ]
        return sorted(groups, key=lambda group: (-group.count, group.code))

    async def message(self, message_id: str) -> QuarantineRecord | None:
        """See `ports.Quarantine`."""
        known = self._wanted(QuarantineFilter(resolved=True))
        return next((record for record in known if record.message_id == message_id), None)

    async def resolve(self, decisions: Sequence[Decision], now: datetime) -> frozenset[Decision]:
        """See `ports.Quarantine`."""
        return frozenset(one for one in decisions if not self._decide(one, now))

    def _decide(self, decision: Decision, now: datetime) -> bool:
        key = (decision.connector_id, decision.message_id)
        record = self._store.quarantine.get(key)
        if record is None or record.resolution is not None:
            return False
        because, successor = decision.because, decision.successor
        self._store.quarantine[key] = replace(
            record,
            resolution=decision.resolution,
            resolved_at=now,
            resolved_by=storable(decision.by),
            resolved_because=None if because is None else storable(because),
            successor=None if successor is None else storable(successor),
        )
        self._store.strays[key].change(state=EventState.SKIPPED, reason=storable(decision.reason))
        return True

    def _wanted(self, which: QuarantineFilter) -> list[QuarantineRecord]:
        found = [
            record
            for record in self._store.quarantine.values()
            if self._connector_id in (None, record.connector_id)
            and matches(record.code, which.code)
            and is_between(record.quarantined_at, which.since, which.until)
            and (which.resolved or record.resolution is None)
        ]
        return sorted(found, key=_place, reverse=True)


def _place(record: QuarantineRecord) -> tuple[datetime, str, str]:
    return record.quarantined_at, record.message_id, record.connector_id
