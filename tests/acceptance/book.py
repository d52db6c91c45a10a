"""A look at the connector's database from outside, while it works: plain SQL, nothing of ours."""

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

__all__ = ["Book"]

CLAIMED = "claim in the ledger"
PENDING = "ledger PENDING"
WRITTEN = "object written"


@dataclass(slots=True)
class Book:
    """The database behind a `database_url`; open for as long as the `async with` block."""

    database_url: str
    lake: Path
    _connection: Any = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        if not self.database_url.startswith("sqlite:///"):
            self._connection = await asyncpg.connect(self.database_url)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives; nothing while there are no tables."""
        if self._connection is not None:
            with contextlib.suppress(asyncpg.UndefinedTableError):
                return [tuple(row) for row in await self._connection.fetch(query)]
            return []
        path = self.database_url.removeprefix("sqlite:///")
        try:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        except sqlite3.OperationalError:
            return []
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "unable to open" in str(error):
                return []
            raise
        finally:
            connection.close()

    async def stored(self) -> int:
        """How many events stand in files."""
        rows = await self.rows("SELECT sum(event_count) FROM files WHERE state = 'SUCCESS'")
        return int(rows[0][0] or 0) if rows else 0

    async def begun_files(self, pids: Sequence[int]) -> bool:
        """Whether one of these processes has begun a file that is not finished."""
        among = ", ".join(map(str, pids))
        return bool(
            await self.rows(
                "SELECT file_id FROM files JOIN workers USING (worker_id) "
                f"WHERE state = 'PENDING' AND pid IN ({among}) LIMIT 1"
            )
        )

    async def left_by(self, pid: int) -> dict[str, int] | None:
        """What a process that was just killed has left, by the first column of the crash table.

        How many events or files each; None if the database never heard of the process.
        """
        known = await self.rows(
            f"SELECT worker_id FROM workers WHERE pid = {pid} ORDER BY started_at DESC LIMIT 1"
        )
        if not known:
            return None
        (worker,) = known[0]
        claims = await self.rows(
            f"SELECT count(*) FROM events WHERE state = 'writing' AND file_id IS NULL "
            f"AND worker_id = '{worker}'"
        )
        left = {CLAIMED: int(claims[0][0]), PENDING: 0, WRITTEN: 0}
        for path, checksum in await self.rows(
            f"SELECT path, sha256 FROM files WHERE state = 'PENDING' AND worker_id = '{worker}'"
        ):
            left[WRITTEN if self._stands(path, checksum) else PENDING] += 1
        return left

    def _stands(self, path: str, checksum: str) -> bool:
        try:
            return sha256((self.lake / path).read_bytes()).hexdigest() == checksum
        except FileNotFoundError:
            return False
