"""Refusals in the audit: the first at once, those like it as a count, so that nobody floods it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import TransientError
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
        await self.write_due()
        key: tuple[str, ...] = (deed.action, deed.caller.origin or "")
        if key not in self._seen and len(self._seen) >= DISTINCT:
            key = ("others",)
        known = self._seen.get(key)
        if known is not None:
            known.more += 1
            known.deed = deed
            return
        self._seen[key] = _Seen(deed, self._desk.now())
        await self._write(deed)

    async def write_due(self) -> None:
        """Writes the counts whose minute is over. Raises `TransientError`, and keeps them then."""
        now = self._desk.now()
        await self._write_counts([k for k, one in self._seen.items() if now - one.since >= WINDOW])

    async def flush(self) -> None:
        """Writes the counts: at the end."""
        await self._write_counts(list(self._seen))

    async def _write_counts(self, keys: list[tuple[str, ...]]) -> None:
        for key in keys:
            seen = self._seen.pop(key, None)  # somebody else may be writing it just now
            if seen is None or not seen.more:
                continue
            counted = {"more": seen.more, "since": moment(seen.since)}
            try:
                await self._write(replace(seen.deed, new=counted))
            except TransientError:
                self._take_back(key, seen)
                raise

    def _take_back(self, key: tuple[str, ...], seen: _Seen) -> None:
        newer = self._seen.setdefault(key, seen)
        if newer is not seen:
            newer.more += seen.more
            newer.since = seen.since

    async def _write(self, deed: Deed) -> None:
        async with self._desk.writing() as connection:
            await self._desk.record(connection, deed)
