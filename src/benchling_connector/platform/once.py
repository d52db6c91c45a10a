"""Idempotency keys: what was created with one is not created again, but found again."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import idempotency
from benchling_connector.domain.access import Caller
from benchling_connector.domain.errors import Refused
from benchling_connector.platform.desk import Desk

__all__ = ["Once", "note", "once", "recall"]

KEPT = timedelta(days=1)
"""For so long a key is known."""

_CREATED = 201


@dataclass(frozen=True, slots=True)
class Once:
    """The key of one request, as its sender's own, and what it asks for."""

    key: str
    request_hash: str


def once(caller: Caller, key: str | None, kind: str, request: object) -> Once | None:
    """For a request that came with a key. `kind` and `request`, a JSON value, tell what it asks."""
    if key is None:
        return None
    text = json.dumps([kind, request], sort_keys=True)
    of_sender = json.dumps([caller.way, caller.name, key])
    return Once(*(hashlib.sha256(one.encode()).hexdigest() for one in (of_sender, text)))


async def recall(connection: AsyncConnection, one: Once | None) -> str | None:
    """The ID of what was created with this key. Asked within `Desk.exclusively`.

    Raises `Refused` (`idempotency-key-reused`) if something else was.
    """
    if one is None:
        return None
    query = select(idempotency).where(idempotency.c.key == one.key)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    if row.request_hash != one.request_hash:
        raise Refused("idempotency-key-reused")
    return str(json.loads(row.answer))


async def note(desk: Desk, connection: AsyncConnection, one: Once | None, made_id: str) -> None:
    """Remembers what was created, in the transaction that creates it; forgets what is old."""
    if one is None:
        return
    now = desk.now()
    await connection.execute(delete(idempotency).where(idempotency.c.created_at < now - KEPT))
    await connection.execute(
        insert(idempotency).values(
            key=one.key,
            request_hash=one.request_hash,
            status=_CREATED,
            answer=json.dumps(made_id),
            created_at=now,
        )
    )
