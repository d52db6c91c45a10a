"""Which connectors want a worker process of the platform, and which workers are there, as the
database tells."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select, update

from benchling_connector.database.tables import connectors, workers
from benchling_connector.domain.lifecycle import Host, Mode, runs
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.keeping import is_away

__all__ = ["Entry", "Seen", "read_roster", "write_trouble"]

SUPERVISOR, HAND = "supervisor", "hand"
BENCHLING = "benchling"


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker that the supervisor, or one before it, has started, and that lives.

    `is_here`: on this machine, where signals reach it.
    """

    worker_id: str
    pid: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A connector; whether it wants a process of the platform; and those that are there."""

    connector_id: str
    wanted: bool
    seen: tuple[Seen, ...]
    has_trouble: bool


async def read_roster(desk: Desk, host: str, is_gone: Callable[[str], bool]) -> tuple[Entry, ...]:
    """All connectors of this kind. `host` is this machine's name. Raises `TransientError`."""
    async with desk.reading() as connection:
        known = (
            (
                await connection.execute(
                    select(connectors).where(
                        connectors.c.type == BENCHLING, connectors.c.deleted_at.is_(None)
                    )
                )
            )
            .mappings()
            .all()
        )
        by_hand = set(
            await connection.scalars(
                select(workers.c.connector_id).where(workers.c.started_by == HAND).distinct()
            )
        )
        ours = (
            (
                await connection.execute(
                    select(workers).where(
                        workers.c.started_by == SUPERVISOR, workers.c.ended_at.is_(None)
                    )
                )
            )
            .mappings()
            .all()
        )
    now = desk.now()
    living: dict[str, list[Seen]] = {}
    for row in ours:
        if not is_away(row["seen_at"], None, row["process"], now, is_gone):
            seen = Seen(row["worker_id"], row["pid"], row["host"] == host)
            living.setdefault(row["connector_id"], []).append(seen)
    return tuple(
        Entry(
            row["connector_id"],
            _is_wanted(row, by_hand),
            tuple(living.get(row["connector_id"], ())),
            row["trouble"] is not None,
        )
        for row in known
    )


def _is_wanted(row: RowMapping, by_hand: set[str]) -> bool:
    mode = Mode(row["mode"])
    if not runs(mode):
        return False
    if mode is Mode.RUNNING and row["config_version"] is None:
        return False  # nobody created it here: it was run, with a configuration of its own
    return row["host"] != Host.STANDALONE or row["connector_id"] not in by_hand


async def write_trouble(
    desk: Desk, connector_id: str, trouble: tuple[str, str, datetime] | None
) -> None:
    """Why no worker of a connector runs: code, sentence and since when; None if one does.

    Raises `TransientError`.
    """
    text = None
    if trouble is not None:
        code, sentence, since = trouble
        text = json.dumps({"code": code, "sentence": sentence, "since": moment(since)})
    async with desk.writing() as connection:
        await connection.execute(
            update(connectors)
            .where(connectors.c.connector_id == connector_id)
            .values(trouble=None if text is None else storable(text))
        )
