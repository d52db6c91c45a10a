"""Appending to the audit: in the transaction of the deed itself, one after the other."""

import json
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import audit, audit_head
from benchling_connector.domain.audit import AuditRecord, Deed, hash_of
from benchling_connector.domain.records import storable

__all__ = ["append"]

_HEAD = 1


async def append(connection: AsyncConnection, deed: Deed, now: datetime) -> AuditRecord:
    """Writes one entry. Whoever writes another waits until this transaction has ended."""
    number, previous = await _head(connection)
    caller = deed.caller
    record = AuditRecord(
        number=number + 1,
        at=now,
        actor=storable(caller.name),
        way=caller.way.value,
        origin=_text(caller.origin),
        action=deed.action,
        connector_id=deed.connector_id,
        subject=_text(deed.subject),
        old=_json(deed.old),
        new=_json(deed.new),
        reason=_text(deed.reason),
        previous_hash=previous,
        hash="",
    )
    record = replace(record, hash=hash_of(record))
    await connection.execute(
        insert(audit).values({column.name: getattr(record, column.name) for column in audit.c})
    )
    await connection.execute(
        update(audit_head)
        .where(audit_head.c.id == _HEAD)
        .values(number=record.number, hash=record.hash)
    )
    return record


async def _head(connection: AsyncConnection) -> tuple[int, str]:
    """Where the audit ends; held until the transaction ends. (SQLite has one writer anyway.)"""
    query = select(audit_head.c.number, audit_head.c.hash).where(audit_head.c.id == _HEAD)
    row = (await connection.execute(query.with_for_update())).one()
    return row.number, row.hash


def _text(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _json(value: object) -> str | None:
    if value is None:
        return None
    return storable(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
