"""The life of a RAW file in the ledger: begun, and then committed or discarded."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from sqlalchemy import (
    RowMapping,
    bindparam,
    case,
    delete,
    exists,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.adapters.ledger.rows import FILE_COLUMNS, UNSTORED, file_record
from benchling_connector.database.tables import FAILED, NOT_STORED, PENDING, events, files, workers
from benchling_connector.domain.rawfile import RawFile
from benchling_connector.domain.records import EventState, FileRecord, FileState, storable

__all__ = ["begin", "commit", "discard", "leave_behind", "note_refusal", "orphans", "stopped"]

_BEFORE = "-before"
"""After the ID of a worker that began anew: no worker's ID ends so."""

# As text: SQLite takes a partial index for a literal only, and none for two of them at once.
_KINDS = (PENDING, FAILED)

_UNSETTLED = (EventState.WRITING, EventState.RETRYING)

_MINE = (
    select(events.c.id, events.c.event_id, events.c.file_id)
    .where(
        events.c.connector_id == bindparam("connector"),
        events.c.event_id.in_(bindparam("ids", expanding=True)),
        events.c.state == EventState.WRITING,
        events.c.worker_id == bindparam("worker"),
    )
    .order_by(events.c.event_id)
    .with_for_update()
)

_INTO_FILE = (
    update(events)
    .where(events.c.id == bindparam("key"))
    .values(file_id=bindparam("file"), fetched_at=bindparam("fetched"), reason=bindparam("because"))
)


async def begin(
    connection: AsyncConnection, connector_id: str, worker_id: str, wanted: Sequence[RawFile]
) -> frozenset[str]:
    """Records PENDING files with their events; gives the IDs of those that must not be written."""
    ids = [item.event.id for file in wanted for item in file.content]
    rows = await connection.execute(
        _MINE, {"connector": connector_id, "worker": worker_id, "ids": ids}
    )
    mine = {row["event_id"]: row for row in rows.mappings()}
    begun = await _checksums(
        connection, {row["file_id"] for row in mine.values() if row["file_id"]}
    )
    accepted = [file for file in wanted if _is_writable(file, mine, begun)]
    new = [file for file in accepted if file.file_id not in begun]
    if new:
        await connection.execute(
            insert(files), [_row_of_file(file, connector_id, worker_id) for file in new]
        )
        await connection.execute(
            _INTO_FILE,
            [
                {
                    "key": mine[item.event.id].id,
                    "file": file.file_id,
                    "fetched": item.fetched.at,
                    "because": storable(item.fetched.reason) if item.fetched.reason else None,
                }
                for file in new
                for item in file.content
            ],
        )
    return frozenset(file.file_id for file in wanted) - {file.file_id for file in accepted}


async def commit(
    connection: AsyncConnection, connector_id: str, file_ids: Collection[str], now: datetime
) -> frozenset[str]:
    """PENDING and ERROR files become SUCCESS, their events stored; gives unknown IDs."""
    committed = await connection.scalars(
        update(files)
        .where(
            files.c.connector_id == connector_id,
            files.c.file_id.in_(file_ids),
            files.c.state.in_(UNSTORED),
        )
        .values(state=FileState.SUCCESS, stored_at=now)
        .returning(files.c.file_id)
    )
    left = frozenset(file_ids) - set(committed)
    await connection.execute(
        update(events)
        .where(
            events.c.connector_id == connector_id,
            events.c.file_id.in_(file_ids),
            events.c.state.in_(_UNSETTLED),
        )
        .values(state=EventState.STORED, stored_at=now, next_at=None)
    )
    if not left:
        return left
    committed_before = await connection.scalars(
        select(files.c.file_id).where(
            files.c.connector_id == connector_id, files.c.file_id.in_(left)
        )
    )
    return left - set(committed_before)


async def discard(
    connection: AsyncConnection,
    connector_id: str,
    worker_id: str,
    file_ids: Collection[str],
    now: datetime | None,
) -> None:
    """Deletes PENDING and ERROR files; their events have none any more. With `now` not those on
    which another worker is at work that is alive by then."""
    chosen = (
        select(files.c.file_id)
        .where(
            files.c.connector_id == connector_id,
            files.c.file_id.in_(file_ids),
            files.c.state.in_(UNSTORED),
        )
        .order_by(files.c.file_id)
        .with_for_update()
    )
    if now is not None:
        living = await _living_others(connection, worker_id, file_ids, now)
        at_work = exists().where(
            events.c.file_id == files.c.file_id,
            events.c.worker_id == files.c.worker_id,
            events.c.state == EventState.WRITING,
        )
        chosen = chosen.where(or_(files.c.worker_id.not_in(living), ~at_work))
    pending = (await connection.scalars(chosen)).all()
    if not pending:
        return
    writing = events.c.state == EventState.WRITING
    await connection.execute(
        update(events)
        .where(events.c.file_id.in_(pending))
        .values(
            file_id=None, fetched_at=None, reason=case((writing, null()), else_=events.c.reason)
        )
    )
    await connection.execute(delete(files).where(files.c.file_id.in_(pending)))


async def orphans(
    connection: AsyncConnection, connector_id: str, worker_id: str, now: datetime
) -> tuple[FileRecord, ...]:
    """PENDING and ERROR files of dead workers, oldest first."""
    found: list[RowMapping] = []
    for kind in _KINDS:
        rows = await connection.execute(
            select(files.c.id, *FILE_COLUMNS)
            .outerjoin_from(files, workers, workers.c.worker_id == files.c.worker_id)
            .where(
                kind,
                files.c.connector_id == connector_id,
                files.c.worker_id != worker_id,
                or_(workers.c.lease_until.is_(None), workers.c.lease_until <= now),
            )
        )
        found += rows.mappings()
    return tuple(file_record(row) for row in sorted(found, key=itemgetter("id")))


async def note_refusal(
    connection: AsyncConnection,
    worker_id: str,
    file_id: str,
    errors: int,
    message: str,
    state: FileState,
) -> None:
    """One refusal more of a PENDING file, if all before it are known."""
    await connection.execute(
        update(files)
        .where(
            files.c.file_id == file_id,
            files.c.worker_id == worker_id,
            files.c.state == FileState.PENDING,
            files.c.error_count == errors - 1,
        )
        .values(
            state=state,
            error_count=errors,
            error_message=storable(message),
        )
    )


async def stopped(
    connection: AsyncConnection, connector_id: str, file_ids: Collection[str]
) -> frozenset[str]:
    """Those that are ERROR."""
    found = await connection.scalars(
        select(files.c.file_id).where(
            FAILED, files.c.connector_id == connector_id, files.c.file_id.in_(file_ids)
        )
    )
    return frozenset(found)


async def leave_behind(connection: AsyncConnection, connector_id: str, worker_id: str) -> None:
    """What is this worker's is nobody's who lives, from now on."""
    nobody = f"{worker_id}{_BEFORE}"
    for kind in _KINDS:
        await connection.execute(
            update(files)
            .where(kind, files.c.connector_id == connector_id, files.c.worker_id == worker_id)
            .values(worker_id=nobody)
        )
    await connection.execute(
        update(events)
        .where(
            NOT_STORED,
            events.c.state == EventState.WRITING,
            events.c.connector_id == connector_id,
            events.c.worker_id == worker_id,
        )
        .values(worker_id=nobody)
    )


async def _living_others(
    connection: AsyncConnection, worker_id: str, file_ids: Collection[str], now: datetime
) -> list[str]:
    """Those who began these files, and are alive. None of them prolongs its lease, and none of the
    others begins to live, before this transaction has ended."""
    owners = select(files.c.worker_id).where(files.c.file_id.in_(file_ids))
    rows = await connection.execute(
        select(workers.c.worker_id, workers.c.lease_until)
        .where(workers.c.worker_id.in_(owners), workers.c.worker_id != worker_id)
        .order_by(workers.c.worker_id)
        .with_for_update()
    )
    return [row.worker_id for row in rows if row.lease_until > now]


async def _checksums(connection: AsyncConnection, file_ids: Collection[str]) -> dict[str, str]:
    if not file_ids:
        return {}
    rows = await connection.execute(
        select(files.c.file_id, files.c.sha256).where(files.c.file_id.in_(file_ids))
    )
    return {row["file_id"]: row["sha256"] for row in rows.mappings()}


def _is_writable(file: RawFile, mine: Mapping[str, RowMapping], begun: Mapping[str, str]) -> bool:
    """Whether all its events are this worker's claims, free or in this very file already."""
    known = begun.get(file.file_id)
    if known is not None and known != file.sha256:
        return False
    owner = file.file_id if known is not None else None
    rows = [mine.get(item.event.id) for item in file.content]
    return all(row is not None and row["file_id"] == owner for row in rows)


def _row_of_file(file: RawFile, connector_id: str, worker_id: str) -> dict[str, object]:
    return {
        "connector_id": connector_id,
        "file_id": file.file_id,
        "path": file.path,
        "sha256": file.sha256,
        "size": len(file.body),
        "resource_type": file.resource_type,
        "schema_id": file.schema_id,
        "event_count": len(file.content),
        "state": FileState.PENDING,
        "worker_id": worker_id,
        "created_at": file.created_at,
    }
