"""Which of several supervisors on one database is at work: whoever holds the lease."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from benchling_connector.database.base import INSERT
from benchling_connector.database.connection import exclusively
from benchling_connector.database.platform_tables import settings
from benchling_connector.platform.desk import Desk

__all__ = ["LEASE", "Leadership"]

LEASE = timedelta(seconds=15)
_NAME = "supervisor"


class Leadership:
    """Of one that wants to lead. `name` is new for each; `process` names its process among all of
    one machine, if that can be told, and `is_gone` tells whether such a one has ended for sure."""

    def __init__(
        self, desk: Desk, name: str, process: str | None, is_gone: Callable[[str], bool]
    ) -> None:
        self._desk = desk
        self._name = name
        self._process = process
        self._is_gone = is_gone
        self.inherited = False
        """Whether another led before, and did not say that it ended: its workers may be there."""

    async def hold(self) -> bool:
        """Takes the lease or prolongs it; tells whether it is held. Raises `TransientError`."""
        now = self._desk.now()
        value = {
            "name": self._name,
            "process": self._process,
            "until": (now + LEASE).isoformat(),
        }
        async with exclusively(self._desk.engine) as connection:
            row = await connection.scalar(select(settings.c.value).where(settings.c.name == _NAME))
            held = None if row is None else json.loads(row)
            if held is not None and held["name"] != self._name:
                if not self._is_over(held, now):
                    return False
                self.inherited = True
            written = INSERT[connection.dialect.name](settings).values(
                name=_NAME, value=json.dumps(value), updated_at=now
            )
            await connection.execute(
                written.on_conflict_do_update(
                    index_elements=[settings.c.name],
                    set_={"value": written.excluded.value, "updated_at": now},
                )
            )
        return True

    async def give_up(self) -> None:
        """Others may lead at once. Raises `TransientError`."""
        async with exclusively(self._desk.engine) as connection:
            row = await connection.scalar(select(settings.c.value).where(settings.c.name == _NAME))
            if row is not None and json.loads(row)["name"] == self._name:
                await connection.execute(delete(settings).where(settings.c.name == _NAME))

    def _is_over(self, held: dict[str, str], now: datetime) -> bool:
        process = held["process"]
        if process is not None and self._is_gone(process):
            return True
        return datetime.fromisoformat(held["until"]) <= now
