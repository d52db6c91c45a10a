"""The numbers behind the platform's `/metrics`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from benchling_connector import __version__
from benchling_connector.database.platform_tables import ENDED, commands, deliveries
from benchling_connector.domain.exposed import EXPOSED, Family
from benchling_connector.domain.lifecycle import HealthWord, Mode
from benchling_connector.domain.samples import SAMPLED, mean
from benchling_connector.platform.alerts import Alerts
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.observing import Sighting, sightings
from benchling_connector.platform.samples import Latest, Samples

__all__ = ["families"]

_HEALTH = {HealthWord.HEALTHY: 0.0, HealthWord.WARNING: 1.0, HealthWord.CRITICAL: 2.0}
_MODE = {Mode.DISABLED: 0.0, Mode.IDLE: 1.0, Mode.RUNNING: 2.0}

Values = list[tuple[tuple[str, ...], float]]


async def families(desk: Desk, samples: Samples, alerts: Alerts) -> Sequence[Family]:
    """Every metric with its values as of now; what has none has no values."""
    latest = await samples.latest()
    async with desk.reading() as connection:
        seen = await sightings(connection, latest, desk.now())
        counted = await connection.execute(
            select(commands.c.connector_id, func.count())
            .where(ENDED)
            .group_by(commands.c.connector_id)
        )
        open_commands: dict[str, int] = {row[0]: row[1] for row in counted}
        waiting = await connection.scalar(
            select(func.count()).select_from(deliveries).where(deliveries.c.next_at.is_not(None))
        )
    open_alerts = await alerts.count_open()
    values = _of_connectors(seen, open_alerts, open_commands) | _of_workers(seen, latest)
    values["platform_info"] = [((__version__,), 1.0)]
    for name, number in (
        ("connectors", len(seen)),
        ("workers_supervised", sum(len(one.supervised) for one in seen)),
        ("alerts_open", sum(open_alerts.values())),
        ("commands_open", sum(open_commands.values())),
        ("notices_undelivered", waiting or 0),
    ):
        values[f"platform_{name}"] = [((), float(number))]
    return [Family(metric, tuple(values.get(name, ()))) for name, metric in EXPOSED.items()]


def _of_connectors(
    seen: Sequence[Sighting], open_alerts: Mapping[str, int], open_commands: Mapping[str, int]
) -> dict[str, Values]:
    values: dict[str, Values] = {}
    for one in seen:
        mine = one.seen.connector_id
        numbers = {
            "health": _HEALTH.get(one.seen.health),
            "online": 1.0 if one.is_online else 0.0,
            "mode": _MODE[one.seen.mode],
            "workers": float(len(one.online)),
            "quarantined_messages": float(one.seen.quarantined),
            "alerts_open": float(open_alerts.get(mine, 0)),
            "commands_open": float(open_commands.get(mine, 0)),
            "last_event_timestamp_seconds": (
                one.seen.event_at.timestamp() if one.seen.event_at else None
            ),
        }
        for name, number in numbers.items():
            if number is not None:
                values.setdefault(name, []).append(((mine, one.name), number))
    return values


def _of_workers(seen: Sequence[Sighting], latest: Sequence[Latest]) -> dict[str, Values]:
    names = {one.seen.connector_id: one.name for one in seen}
    values: dict[str, Values] = {}
    for sample in latest:
        if sample.connector_id not in names:
            continue
        labels = (sample.connector_id, names[sample.connector_id], sample.worker_id)
        for name, value in sample.values.items():
            if name in SAMPLED:
                values.setdefault(name, []).append((labels, mean(value)))
    return values
