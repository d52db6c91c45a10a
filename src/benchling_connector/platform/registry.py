"""The connectors of a platform: created, found, edited, moved from mode to mode, deleted."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, insert, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.tables import NOT_DELETED, connectors
from benchling_connector.domain.access import Caller
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.commands import Action
from benchling_connector.domain.connectors import Change, ConnectorView, NewConnector, Wanted
from benchling_connector.domain.errors import FieldProblem, InvalidInput, NotFound, Refused
from benchling_connector.domain.labels import Label, as_json
from benchling_connector.domain.lifecycle import GONE, Mode, Refusal, Wish, moved
from benchling_connector.domain.paging import cursor_after, place_after
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.ending import forget_secrets, reject_waiting, revoke_tokens
from benchling_connector.platform.once import Once, note, recall
from benchling_connector.platform.sending import is_reachable, send
from benchling_connector.platform.view import is_online, labels_of, view_of, views, workers_of
from benchling_connector.ports import Page

__all__ = ["Registry", "row_of"]

_DONE = {
    Wish.START: "connector.started",
    Wish.STOP: "connector.stopped",
    Wish.ENABLE: "connector.enabled",
    Wish.DISABLE: "connector.disabled",
    Wish.DELETE: "connector.deleted",
}
_TOLD = {Wish.START: Action.START, Wish.STOP: Action.STOP, Wish.DISABLE: Action.SHUTDOWN}


class Registry:
    """Every method raises `NotFound` (`connector-unknown`) for a connector that there is not."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def create(
        self, caller: Caller, new: NewConnector, one: Once | None = None
    ) -> ConnectorView:
        """A new connector, IDLE; or the one that was created with the same idempotency key.

        Raises `InvalidInput` and `Refused` (`idempotency-key-reused`).
        """
        _refuse(new.problems())
        now = self._desk.now()
        async with self._desk.exclusively() as connection:
            connector_id = await recall(connection, one)
            if connector_id is None:
                connector_id = self._desk.new_id()
                values = _columns(new)
                await connection.execute(
                    insert(connectors).values(
                        connector_id=connector_id,
                        type=new.type,
                        mode=Mode.IDLE.value,
                        created_at=now,
                        updated_at=now,
                        **values,
                    )
                )
                told = {"type": new.type, **_told(values)}
                deed = Deed(caller, "connector.created", connector_id, new=told)
                await self._desk.record(connection, deed)
                await note(self._desk, connection, one, connector_id)
            return await self._view(connection, connector_id, now)

    async def get(self, connector_id: str) -> ConnectorView:
        """One connector."""
        async with self._desk.reading() as connection:
            return await self._view(connection, connector_id, self._desk.now())

    async def list(
        self,
        *,
        search: str = "",
        wanted: Wanted = Wanted.ALL,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[ConnectorView]:
        """Connectors whose name contains `search` in upper or lower case, oldest first.

        Raises `BadCursorError`.
        """
        now = self._desk.now()
        columns = connectors.c
        query: Select[Any] = select(columns.connector_id, columns.name, columns.created_at)
        query = _wanted(query.where(NOT_DELETED), wanted, now)
        if cursor is not None:
            moment, key = place_after(cursor)
            place = tuple_(literal(moment, columns.created_at.type), literal(key))
            query = query.where(tuple_(columns.created_at, columns.connector_id) > place)
        query = query.order_by(columns.created_at, columns.connector_id)
        text = search.casefold()
        async with self._desk.reading() as connection:
            # Names are compared here: SQLite knows upper and lower case of ASCII only.
            found = [
                row for row in (await connection.execute(query)) if text in row.name.casefold()
            ]
            page = found if limit is None else found[:limit]
            last = page[-1] if page and len(found) > len(page) else None
            rows = await _rows(connection, [row.connector_id for row in page])
            return Page(
                tuple(await views(connection, rows, now)),
                cursor_after(last.created_at, last.connector_id) if last else None,
            )

    async def edit(self, caller: Caller, connector_id: str, change: Change) -> ConnectorView:
        """The connector with what is given changed. Raises `InvalidInput`."""
        now = self._desk.now()
        async with self._desk.exclusively() as connection:
            row = await row_of(connection, connector_id)
            values = _changed(row, change)
            values = {key: value for key, value in values.items() if value != row[key]}
            if values:
                await connection.execute(
                    update(connectors)
                    .where(connectors.c.connector_id == connector_id)
                    .values(**values, updated_at=now)
                )
                old = _told({key: row[key] for key in values})
                new = _told(values)
                deed = Deed(caller, "connector.edited", connector_id, old=old, new=new)
                await self._desk.record(connection, deed)
            return await self._view(connection, connector_id, now)

    async def move(
        self, caller: Caller, connector_id: str, wish: Wish, reason: str | None = None
    ) -> Mode | None:
        """The mode after a wish; None when the connector is deleted. Its workers are told.

        Raises `Refused` (`connector-disabled`, `connector-enabled`, `connector-not-configured`).
        """
        async with self._desk.exclusively() as connection:
            return await self.move_within(connection, caller, connector_id, wish, reason)

    async def move_within(
        self,
        connection: AsyncConnection,
        caller: Caller,
        connector_id: str,
        wish: Wish,
        reason: str | None = None,
        *,
        told: bool = True,
    ) -> Mode | None:
        """The same in a transaction of `Desk.exclusively`; without `told` no command is sent."""
        row = await row_of(connection, connector_id)
        mode = Mode(row["mode"])
        is_configured = row["config_version"] is not None or row["type"] != "benchling"
        then = moved(mode, wish, configured=is_configured)
        if isinstance(then, Refusal):
            raise Refused(then.code)
        if then == mode:
            return mode
        now = self._desk.now()
        values: dict[str, object] = {"updated_at": now}
        values |= {"deleted_at": now} if then == GONE else {"mode": str(then)}
        query = update(connectors).where(connectors.c.connector_id == connector_id)
        await connection.execute(query.values(**values))
        if wish in (Wish.ENABLE, Wish.DELETE):
            await reject_waiting(connection, connector_id, wish, now)
        if then == GONE:
            await revoke_tokens(connection, connector_id, now)
            await forget_secrets(connection, connector_id)
        # Nobody is there to end when no worker is: a later one must not find it.
        is_heard = wish is not Wish.DISABLE or await is_reachable(connection, connector_id, now)
        if told and is_heard and wish in _TOLD:
            await send(self._desk, connection, caller, connector_id, _TOLD[wish])
        deed = Deed(caller, _DONE[wish], connector_id, old=mode.value, new=str(then), reason=reason)
        await self._desk.record(connection, deed)
        return Mode(then) if then != GONE else None

    async def hear(self, connector_id: str) -> None:
        """A heartbeat of a connector that speaks by HTTP."""
        await self._say(connector_id, {"seen_at": self._desk.now()})

    async def said(self, connector_id: str, health: str, code: str | None) -> None:
        """How a connector that speaks by HTTP says that it is."""
        said = json.dumps({"health": health, "code": code and storable(code)})
        await self._say(connector_id, {"seen_at": self._desk.now(), "said": said})

    async def _say(self, connector_id: str, values: dict[str, object]) -> None:
        async with self._desk.writing() as connection:
            await row_of(connection, connector_id)
            query = update(connectors).where(connectors.c.connector_id == connector_id)
            await connection.execute(query.values(**values))

    async def _view(
        self, connection: AsyncConnection, connector_id: str, now: datetime
    ) -> ConnectorView:
        row = await row_of(connection, connector_id)
        found = await workers_of(connection, [connector_id], now)
        return view_of(row, found.get(connector_id, []), now)


async def row_of(connection: AsyncConnection, connector_id: str) -> RowMapping:
    """The row of a connector. Raises `NotFound` (`connector-unknown`)."""
    query = select(connectors).where(
        connectors.c.connector_id == storable(connector_id), NOT_DELETED
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound("connector-unknown")
    return row


async def _rows(connection: AsyncConnection, connector_ids: list[str]) -> list[RowMapping]:
    query = select(connectors).where(connectors.c.connector_id.in_(connector_ids))
    rows = {row["connector_id"]: row for row in (await connection.execute(query)).mappings()}
    return [rows[one] for one in connector_ids]


def _wanted(query: Select[Any], wanted: Wanted, now: datetime) -> Select[Any]:
    match wanted:
        case Wanted.ALL:
            return query
        case Wanted.DISABLED:
            return query.where(connectors.c.mode == Mode.DISABLED)
        case Wanted.ONLINE:
            return query.where(is_online(now))
        case Wanted.OFFLINE:
            return query.where(connectors.c.mode != Mode.DISABLED, ~is_online(now))


def _changed(row: RowMapping, change: Change) -> dict[str, object]:
    """The columns after a change. Raises `InvalidInput`."""
    if change.type is not None and change.type != row["type"]:
        remedy = "Create another connector."
        _refuse([FieldProblem("connectorType", "stays what it is.", remedy)])
    labels = labels_of(row["labels"])
    if change.labels is not None:
        labels = _numbered((), change.labels)
    labels = tuple(one for one in labels if one.number not in change.labels_to_drop)
    labels = _numbered(labels, change.labels_to_add)
    new = NewConnector(
        name=row["name"] if change.name is None else change.name,
        type=row["type"],
        host=row["host"] if change.host is None else change.host,
        description=row["description"] if change.description is None else change.description,
        version=row["version"] if change.version is None else change.version,
        labels=tuple((one.name, one.value) for one in labels),
        metadata=json.loads(row["metadata"]) if change.metadata is None else change.metadata,
        tags=tuple(json.loads(row["tags"])) if change.tags is None else change.tags,
    )
    _refuse(new.problems())
    return {**_columns(new), "labels": as_json(labels)}


def _numbered(labels: tuple[Label, ...], more: tuple[tuple[str, str], ...]) -> tuple[Label, ...]:
    """The labels and some more, which take the next numbers."""
    first = max((one.number for one in labels), default=0) + 1
    return (*labels, *(Label(first + n, name, value) for n, (name, value) in enumerate(more)))


def _columns(new: NewConnector) -> dict[str, object]:
    return {
        "name": storable(new.name.strip()),
        "host": str(new.host),
        "description": storable(new.description),
        "version": storable(new.version),
        "labels": as_json(_numbered((), new.labels)),
        "metadata": json.dumps(dict(new.metadata)),
        "tags": json.dumps(list(new.tags)),
    }


def _told(values: dict[str, object]) -> dict[str, object]:
    """Columns as the audit tells them: JSON as what it stands for."""
    read = ("labels", "metadata", "tags")
    return {key: json.loads(str(value)) if key in read else value for key, value in values.items()}


def _refuse(problems: list[FieldProblem]) -> None:
    if problems:
        raise InvalidInput(problems)
