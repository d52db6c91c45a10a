"""Refusals in the audit: the first at once, those like it as a count, so that nobody floods it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from benchling_connector.domain.audit import Deed
from benchling_connector.domain.rawfile import moment
from benchling_connector.platform.desk import Desk

__all__ = ["Refusals"]

WINDOW = timedelta(minutes=1)
DISTINCT = 20
"""Kinds that are told apart within one window; the rest is counted together."""


@dataclass(slots=True)
class _Seen:
    deed: Deed
    since: datetime
    more: int = 0


class Refusals:
    """Of one process. What it has counted and not yet written is lost if it is killed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._seen: dict[tuple[str, ...], _Seen] = {}

    async def note(self, deed: Deed) -> None:
        """Writes it, unless one of the same action and address was written within a minute."""
        now = self._desk.now()
        await self._write_counts([k for k, one in self._seen.items() if now - one.since >= WINDOW])
        key: tuple[str, ...] = (deed.action, deed.caller.origin or "")
        if key not in self._seen and len(self._seen) >= DISTINCT:
            key = ("others",)
        known = self._seen.get(key)
        if known is not None:
            known.more += 1
            known.deed = deed
            return
        self._seen[key] = _Seen(deed, now)
        await self._write(deed)

    async def flush(self) -> None:
        """Writes the counts: at the end."""
        await self._write_counts(list(self._seen))

    async def _write_counts(self, keys: list[tuple[str, ...]]) -> None:
        for key in keys:
            seen = self._seen.pop(key, None)
            if seen is not None and seen.more:
                counted = {"more": seen.more, "since": moment(seen.since)}
                await self._write(replace(seen.deed, new=counted))

    async def _write(self, deed: Deed) -> None:
        async with self._desk.writing() as connection:
            await self._desk.record(connection, deed)
