"""Commands to connectors: sent, found, listed, waited for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import RowMapping, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import commands
from benchling_connector.database.tables import connectors
from benchling_connector.domain.access import Caller
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.commands import ENDED, Action, Command, CommandStatus
from benchling_connector.domain.errors import FieldProblem, InvalidInput, NotFound, Refused
from benchling_connector.domain.lifecycle import Mode, Wish
from benchling_connector.domain.orders import Order
from benchling_connector.domain.paging import cursor_after, place_after
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.once import Once, note, recall
from benchling_connector.platform.registry import Registry, row_of
from benchling_connector.platform.sending import send
from benchling_connector.platform.vault import Vault
from benchling_connector.ports import Page

__all__ = ["Commands"]

_WISHES = {Action.START: Wish.START, Action.STOP: Wish.STOP}
_POLL_S = 0.25
_TOLD_BYTES = 4096
"""A longer body is not repeated in the audit, which is kept for ever: the command has it."""


class Commands:
    """Those of all connectors of a platform."""

    def __init__(self, desk: Desk, vault: Vault, registry: Registry) -> None:
        self._desk = desk
        self._vault = vault
        self._registry = registry

    async def create(
        self,
        caller: Caller,
        connector_id: str,
        order: Order,
        *,
        expires_at: datetime | None = None,
        one: Once | None = None,
    ) -> Command:
        """The command; or the one that was sent with the same idempotency key.

        START and STOP change the mode, SET_LOG_LEVEL the level, in the same transaction. An
        UPDATE_CONFIG that brings a configuration is `Configurations.save`, not this. Raises
        `NotFound` (`connector-unknown`), `InvalidInput`, and `Refused` as `Registry.move` does.
        """
        now = self._desk.now()
        if expires_at is not None and expires_at <= now:
            remedy = "Give a time in the future, or none."
            raise InvalidInput([FieldProblem("expiresAt", "is over already.", remedy)])
        async with self._desk.exclusively() as connection:
            known = await recall(connection, one)
            if known is not None:
                return await self._get(connection, known)
            row = await row_of(connection, connector_id)
            if row["mode"] == Mode.DISABLED:
                raise Refused("connector-disabled")
            if order.action in _WISHES:
                wish = _WISHES[Action(order.action)]
                await self._registry.move_within(connection, caller, connector_id, wish, told=False)
            if order.action == Action.SET_LOG_LEVEL:
                await self._set_level(connection, connector_id, order)
            command = await send(
                self._desk,
                connection,
                caller,
                connector_id,
                order.action,
                order.body,
                expires_at=expires_at,
                secrets=order.secrets,
                vault=self._vault,
            )
            fingerprints = {
                key: self._vault.fingerprint(value) for key, value in order.secrets.items()
            }
            body = order.body if len(json.dumps(order.body)) <= _TOLD_BYTES else None
            told = {"action": order.action, "body": body, "secrets": fingerprints or None}
            deed = Deed(caller, "command.sent", connector_id, command.command_id, new=told)
            await self._desk.record(connection, deed)
            await note(self._desk, connection, one, command.command_id)
            return command

    async def get(self, command_id: str) -> Command:
        """One command. Raises `NotFound` (`command-unknown`)."""
        async with self._desk.reading() as connection:
            return await self._get(connection, command_id)

    async def latest(self, connector_id: str, action: str) -> Command:
        """The newest of an action. Raises `NotFound` (`command-unknown`)."""
        columns = commands.c
        query = (
            select(commands)
            .where(columns.connector_id == connector_id, columns.action == action)
            .order_by(columns.created_at.desc(), columns.command_id.desc())
            .limit(1)
        )
        async with self._desk.reading() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound("command-unknown")
        return _command(row, self._desk.now())

    async def list(
        self,
        connector_id: str | None = None,
        *,
        is_open: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Command]:
        """Commands, newest first: of all connectors or of one, all or those that have not ended.

        Raises `BadCursorError`.
        """
        now = self._desk.now()
        columns = commands.c
        query = select(commands)
        if connector_id is not None:
            query = query.where(columns.connector_id == storable(connector_id))
        if is_open:
            waits = columns.started_at.is_not(None) | (columns.expires_at > now)
            query = query.where(columns.ended_at.is_(None), waits)
        if cursor is not None:
            moment, key = place_after(cursor)
            place = tuple_(literal(moment, columns.created_at.type), literal(key))
            query = query.where(tuple_(columns.created_at, columns.command_id) < place)
        query = query.order_by(columns.created_at.desc(), columns.command_id.desc())
        if limit is not None:
            query = query.limit(limit + 1)
        async with self._desk.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        page = rows if limit is None else rows[:limit]
        last = page[-1] if page and len(rows) > len(page) else None
        return Page(
            tuple(_command(row, now) for row in page),
            cursor_after(last["created_at"], last["command_id"]) if last else None,
        )

    async def wait(
        self,
        command_id: str,
        timeout_s: float,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> Command:
        """The command as soon as it has ended, or as it is after so many seconds.

        Raises `NotFound` (`command-unknown`).
        """
        command = await self.get(command_id)
        waited = 0.0
        while command.status not in ENDED and waited < timeout_s:
            await pause(_POLL_S)
            waited += _POLL_S
            command = await self.get(command_id)
        return command

    async def _get(self, connection: AsyncConnection, command_id: str) -> Command:
        query = select(commands).where(commands.c.command_id == storable(command_id))
        row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound("command-unknown")
        return _command(row, self._desk.now())

    async def _set_level(
        self, connection: AsyncConnection, connector_id: str, order: Order
    ) -> None:
        body = order.body
        level = body["level"] if isinstance(body, dict) else None
        query = update(connectors).where(connectors.c.connector_id == connector_id)
        await connection.execute(query.values(log_level=level))


def _command(row: RowMapping, now: datetime) -> Command:
    """As it stands; what nobody has taken in time has expired, even if nobody noted that down."""
    command = Command(
        command_id=row["command_id"],
        connector_id=row["connector_id"],
        action=row["action"],
        body=None if row["body"] is None else json.loads(row["body"]),
        status=CommandStatus(row["status"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        worker_id=row["worker_id"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        answer=None if row["answer"] is None else json.loads(row["answer"]),
        job_id=row["job_id"],
    )
    waits = command.status in (CommandStatus.CREATED, CommandStatus.PENDING)
    if waits and command.expires_at <= now:
        return replace(command, status=CommandStatus.EXPIRED, ended_at=command.expires_at)
    return command
