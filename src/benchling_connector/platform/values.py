"""The key-value store of each connector: JSON by key, encrypted where it is secure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import connector_data
from benchling_connector.domain.access import Caller
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import FieldProblem, InvalidInput
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.registry import row_of
from benchling_connector.platform.vault import Vault

__all__ = ["NewValue", "Value", "Values"]

KEY_LENGTH = 512
"""Characters."""


@dataclass(frozen=True, slots=True)
class NewValue:
    """What is to be kept under a key; `value` is any JSON value."""

    key: str
    value: object = field(repr=False)
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """What is kept. `value` is None where it is secure and not for whoever asks."""

    key: str
    value: object = field(repr=False)
    secure: bool
    created_at: datetime
    updated_at: datetime


class Values:
    """Those of all connectors. Every method raises `NotFound` (`connector-unknown`)."""

    def __init__(self, desk: Desk, vault: Vault) -> None:
        self._desk = desk
        self._vault = vault

    async def get(
        self, connector_id: str, keys: Sequence[str] | None = None, *, secure: bool
    ) -> tuple[Value, ...]:
        """The values of some keys, or all, by key; those that are secure only if `secure`."""
        columns = connector_data.c
        query = select(connector_data).where(columns.connector_id == connector_id)
        if keys is not None:
            query = query.where(columns.key.in_([storable(key) for key in keys]))
        async with self._desk.reading() as connection:
            await row_of(connection, connector_id)
            rows = (await connection.execute(query.order_by(columns.key))).mappings().all()
        found = []
        for row in rows:
            text: str | None = row["value"]
            if row["secure"]:
                name = _name(row["key"])
                text = self._vault.unseal(row["value"], connector_id, name) if secure else None
            value = None if text is None else json.loads(text)
            found.append(
                Value(row["key"], value, row["secure"], row["created_at"], row["updated_at"])
            )
        return tuple(found)

    async def save(self, caller: Caller, connector_id: str, values: Sequence[NewValue]) -> None:
        """Keeps values under their keys. Raises `InvalidInput`."""
        problems = [
            FieldProblem(
                f"values.{number}.key",
                f"has 0 or more than {KEY_LENGTH} characters.",
                "Shorten it.",
            )
            for number, one in enumerate(values)
            if not 0 < len(one.key) <= KEY_LENGTH
        ]
        if problems:
            raise InvalidInput(problems)
        async with self._desk.exclusively() as connection:
            await row_of(connection, connector_id)
            for one in values:
                await self._keep(connection, connector_id, one)
            await self._record(connection, caller, "data.saved", connector_id, values)

    async def delete(self, caller: Caller, connector_id: str, keys: Sequence[str]) -> None:
        """Forgets what is kept under some keys."""
        columns = connector_data.c
        names = [storable(key) for key in keys]
        async with self._desk.exclusively() as connection:
            await row_of(connection, connector_id)
            await connection.execute(
                delete(connector_data).where(
                    columns.connector_id == connector_id, columns.key.in_(names)
                )
            )
            gone = [NewValue(name, None) for name in names]
            await self._record(connection, caller, "data.deleted", connector_id, gone)

    async def _keep(self, connection: AsyncConnection, connector_id: str, new: NewValue) -> None:
        now, key, text = self._desk.now(), storable(new.key), json.dumps(new.value)
        if new.secure:
            text = self._vault.seal(text, connector_id, _name(key))
        columns = connector_data.c
        values: Mapping[str, object] = {"value": text, "secure": new.secure, "updated_at": now}
        result = await connection.execute(
            update(connector_data)
            .where(columns.connector_id == connector_id, columns.key == key)
            .values(**values)
        )
        if result.rowcount == 0:
            await connection.execute(
                insert(connector_data).values(
                    connector_id=connector_id, key=key, created_at=now, **values
                )
            )

    async def _record(
        self,
        connection: AsyncConnection,
        caller: Caller,
        action: str,
        connector_id: str,
        values: Sequence[NewValue],
    ) -> None:
        """What a person does. A connector's own work is none of the audit's."""
        if caller.role is not None and values:
            told = {"keys": sorted({one.key for one in values})}
            await self._desk.record(connection, Deed(caller, action, connector_id, new=told))


def _name(key: str) -> str:
    return f"data {key}"
