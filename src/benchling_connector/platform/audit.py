"""Reading the audit: lists, a stream of all of it, and whether it is still what was written.

Whatever reads all of it does so some entries at a time, in constant memory.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import fields

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import audit, audit_head
from benchling_connector.domain.audit import (
    FIRST,
    AuditFilter,
    AuditRecord,
    Finding,
    Head,
    Verdict,
    wrong_with,
)
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk

__all__ = ["Audit"]

AT_ONCE = 500

_COLUMNS = tuple(audit.c[field.name] for field in fields(AuditRecord))


class Audit:
    """Of one platform."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def newest(
        self, which: AuditFilter, limit: int, before: int | None = None
    ) -> Sequence[AuditRecord]:
        """At most `limit` entries, newest first; those with numbers below `before`."""
        query = _wanted(select(*_COLUMNS), which)
        if before is not None:
            query = query.where(audit.c.number < before)
        async with self._desk.reading() as connection:
            rows = await connection.execute(query.order_by(audit.c.number.desc()).limit(limit))
            return [AuditRecord(**row) for row in rows.mappings()]

    async def export(self, which: AuditFilter) -> AsyncIterator[AuditRecord]:
        """All entries, oldest first, as far as the audit goes now."""
        _, last = await self._ends()
        after = None
        while True:
            query = _wanted(select(*_COLUMNS), which).where(audit.c.number <= last)
            async with self._desk.reading() as connection:
                records = await _some(connection, query, after, AT_ONCE)
            for record in records:
                yield record
            if len(records) < AT_ONCE:
                return
            after = records[-1].number

    async def verify(self, noted: Head | None = None) -> Verdict:
        """Looks at every entry, from the first to where the audit says that it ends.

        Finds what was changed, removed, put in between, put behind or cut off. Against somebody
        who writes the whole end anew, with hashes that fit, only a head helps that was noted
        elsewhere: `noted`.
        """
        head, last = await self._ends()
        seen = Head(0, FIRST)
        entries = 0
        after: int | None = None
        while True:
            records = await self._read(after, last)
            if isinstance(records, Finding):
                return Verdict(entries, head, records)
            for record in records:
                finding = wrong_with(record, seen, noted)
                if finding is not None:
                    return Verdict(entries, head, finding)
                entries += 1
                seen = Head(record.number, record.hash)
            if not records:
                break
            after = seen.number
        return Verdict(entries, head, _wrong_end(seen, head, noted))

    async def _ends(self) -> tuple[Head | None, int]:
        """The head, and the highest number that there is: as of one moment."""
        highest = select(func.max(audit.c.number)).scalar_subquery()
        query = select(audit_head.c.number, audit_head.c.hash, highest.label("highest"))
        async with self._desk.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return None, int(await connection.scalar(select(highest)) or 0)
        return Head(row.number, row.hash), max(row.number, row.highest or 0)

    async def _read(self, after: int | None, last: int) -> Sequence[AuditRecord] | Finding:
        """The next entries; or what is wrong with the first of them that cannot be read at all.

        SQLite keeps anything in any column; one that is no time has been changed.
        """
        query = select(*_COLUMNS).where(audit.c.number <= last)
        try:
            async with self._desk.reading() as connection:
                return await _some(connection, query, after, AT_ONCE)
        except (TypeError, ValueError):
            pass
        readable: list[AuditRecord] = []
        while len(readable) < AT_ONCE:
            try:
                async with self._desk.reading() as connection:
                    one = await _some(connection, query, after, 1)
            except (TypeError, ValueError):
                break
            readable += one
            after = one[0].number
        if readable:
            return readable
        numbers = select(func.min(audit.c.number))
        if after is not None:
            numbers = numbers.where(audit.c.number > after)
        async with self._desk.reading() as connection:
            number = int(await connection.scalar(numbers) or 0)
        return Finding(number, f"Entry {number} was changed: it cannot be read.")


def _wrong_end(seen: Head, head: Head | None, noted: Head | None) -> Finding | None:
    if head is None:
        return Finding(seen.number, "The record of where the audit ends is missing.")
    if seen.number < head.number:
        number = seen.number + 1
        sentence = f"Entry {number} is missing: the audit was cut off, it ended with {head.number}."
        return Finding(number, sentence)
    if seen.number > head.number:
        number = head.number + 1
        return Finding(number, f"Entry {number} was put behind the end, which is {head.number}.")
    if seen.hash != head.hash:
        sentence = f"Entry {seen.number} is not the one that the audit ended with."
        return Finding(seen.number, sentence)
    if noted is not None and noted.number > seen.number:
        number = seen.number + 1
        sentence = f"Entry {number} is missing: the audit was cut off, {noted.number} was noted."
        return Finding(number, sentence)
    return None


async def _some(
    connection: AsyncConnection, query: Select[tuple[object, ...]], after: int | None, limit: int
) -> Sequence[AuditRecord]:
    if after is not None:
        query = query.where(audit.c.number > after)
    rows = await connection.execute(query.order_by(audit.c.number).limit(limit))
    return [AuditRecord(**row) for row in rows.mappings()]


def _wanted(query: Select[tuple[object, ...]], which: AuditFilter) -> Select[tuple[object, ...]]:
    columns = audit.c
    for column, value in (
        (columns.actor, which.actor),
        (columns.connector_id, which.connector_id),
        (columns.subject, which.subject),
    ):
        if value is not None:
            query = query.where(column == storable(value))
    if which.action is not None:
        query = query.where(columns.action.like(_like(storable(which.action)), escape="\\"))
    if which.since is not None:
        query = query.where(columns.at >= which.since)
    if which.until is not None:
        query = query.where(columns.at < which.until)
    return query


def _like(glob: str) -> str:
    """As a pattern of LIKE. Actions are small letters, in which LIKE agrees everywhere."""
    for one in "\\%_":
        glob = glob.replace(one, f"\\{one}")
    return glob.replace("*", "%").replace("?", "_")
