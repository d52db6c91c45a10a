"""Samples in the database: written, read, summed up, forgotten."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from benchling_connector.database.platform_tables import samples
from benchling_connector.domain.samples import KEPT
from benchling_connector.domain.series import Point
from benchling_connector.platform.samples import write_sample
from tests.ledgers import NOON
from tests.watched import Watched

DOCS = Path(__file__).parents[2] / "docs"


async def rows(watched: Watched) -> dict[int, int]:
    query = select(samples.c.resolution, func.count()).group_by(samples.c.resolution)
    async with watched.services.desk.reading() as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}


async def series(watched: Watched, **back: float) -> dict[str, tuple[Point, ...]]:
    now = watched.clock.now()
    _, found = await watched.services.samples.series("c1", now - timedelta(**back), now)
    return {one.name: one.points for one in found}


async def test_what_was_measured_is_read_again(watched: Watched) -> None:
    await watched.connector()
    await watched.measured(queue_messages=7.0)
    watched.clock.advance(seconds=10)
    assert (await series(watched, minutes=1))["queue_messages"] == (Point(NOON, 7.0, 7.0),)


async def test_two_samples_of_the_same_ten_seconds_become_one(watched: Watched) -> None:
    await watched.connector()
    await watched.measured(queue_messages=7.0, errors=1.0)
    watched.clock.advance(seconds=3)
    await watched.measured(queue_messages=9.0)
    (latest,) = await watched.services.samples.latest()
    assert latest.values == {"queue_messages": 9.0, "errors": 1.0}


async def test_the_latest_sample_of_each_worker_is_told_for_ninety_seconds(
    watched: Watched,
) -> None:
    await watched.connector()
    await watched.measured("w1", errors=1.0)
    watched.clock.advance(seconds=10)
    await watched.measured("w1", errors=2.0)
    await watched.measured("w2", errors=3.0)
    latest = {
        one.worker_id: one.values["errors"] for one in await watched.services.samples.latest()
    }
    assert latest == {"w1": 2.0, "w2": 3.0}
    watched.clock.advance(seconds=90)
    assert await watched.services.samples.latest() == []


async def test_a_rate_goes_on_over_a_restart_of_the_worker(watched: Watched) -> None:
    await watched.connector()
    await watched.worker("w1")
    for received in (60.0, 120.0):
        await watched.measured("w1", messages_received=received)
        watched.clock.advance(seconds=10)
    await watched.worker("w2")
    watched.clock.advance(seconds=10)
    await watched.measured("w2", messages_received=60.0)
    watched.clock.advance(seconds=10)
    grown = (await series(watched, minutes=5))["messages_received"]
    assert sum(point.value for point in grown) * 10 == 60 + 60 + 60


async def test_forty_days_of_samples_are_kept_in_bounded_room_and_falling_resolution(
    watched: Watched,
) -> None:
    await watched.connector()
    await watched.worker("w1")
    # Every half hour only, and all of a day at once, so that it is done in seconds.
    for _ in range(40):
        async with watched.services.desk.writing() as connection:
            for _ in range(24 * 2):
                values = {"queue_messages": 1.0}
                await write_sample(connection, "c1", "w1", values, watched.clock.now())
                watched.clock.advance(minutes=30)
        await watched.services.samples.keep()
    found = await rows(watched)
    assert found[10] <= 24 * 2 + 1
    assert 30 * 24 * 2 - 1 <= found[60] <= 30 * 24 * 2 + 1
    assert found[3600] == 40 * 24 - 1
    points = (await series(watched, days=39))["queue_messages"]
    assert len(points) == 39 * 24 / 4
    assert {point.value for point in points} == {1.0}


async def test_summing_up_again_and_at_once_changes_nothing(watched: Watched) -> None:
    await watched.connector()
    for value in (4.0, 8.0, 6.0):
        await watched.measured(files_pending=value, errors=value)
        watched.clock.advance(seconds=10)
    watched.clock.advance(minutes=2)
    keep = watched.services.samples.keep
    await asyncio.gather(keep(), keep())
    await keep()
    async with watched.services.desk.reading() as connection:
        query = select(samples.c.content).where(samples.c.resolution == 60)
        contents = list(await connection.scalars(query))
    assert contents == ['{"files_pending":[6.0,8.0],"errors":6.0}']


async def test_a_minute_that_is_not_over_is_not_summed_up(watched: Watched) -> None:
    await watched.connector()
    await watched.measured(errors=1.0)
    watched.clock.advance(seconds=59)
    await watched.services.samples.keep()
    assert await rows(watched) == {10: 1}


async def test_after_a_long_pause_all_of_it_is_summed_up(watched: Watched) -> None:
    await watched.connector()
    for _ in range(20):
        await watched.measured(errors=1.0)
        watched.clock.advance(minutes=45)
    await watched.services.samples.keep()
    # The last of 15 hours has been over for less than 20 s.
    assert await rows(watched) == {10: 20, 60: 20, 3600: 14}


async def test_what_a_worker_keeps_of_itself_leaves_others_alone(watched: Watched) -> None:
    await watched.connector("c1")
    await watched.connector("c2")
    await watched.measured("w1", "c1", errors=1.0)
    await watched.measured("w2", "c2", errors=1.0)
    watched.clock.advance(minutes=2)
    await watched.services.samples.keep("c1")
    assert await rows(watched) == {10: 2, 60: 1}


async def test_what_is_reported_late_is_kept_beyond_the_day(watched: Watched) -> None:
    await watched.connector()
    late = watched.clock.now() - timedelta(days=3)
    await watched.services.samples.report("c1", "itself", {late: {"cpu_usage": 50.0}})
    await watched.services.samples.keep()
    assert (await series(watched, days=4))["cpu_usage"][0].value == 50.0


def test_the_bound_that_is_documented_is_that_of_the_code() -> None:
    most = [f"{int(kept.total_seconds()) // seconds:,}" for seconds, kept in KEPT.items()]
    told = " ".join((DOCS / "reference" / "metrics.md").read_text().split())
    assert "{} samples, {} minutes and {} hours".format(*most) in told


async def test_after_a_year_hours_are_forgotten(watched: Watched) -> None:
    await watched.connector()
    await watched.measured(queue_messages=1.0)
    watched.clock.advance(hours=2)
    await watched.services.samples.keep()
    assert await rows(watched) == {10: 1, 60: 1, 3600: 1}
    watched.clock.advance(days=366)
    await watched.services.samples.keep()
    assert await rows(watched) == {}


async def every_ten_seconds(watched: Watched, worker: str, received: list[float]) -> None:
    async with watched.services.desk.writing() as connection:
        for number in received:
            values = {"messages_received": number}
            await write_sample(connection, "c1", worker, values, watched.clock.now())
            watched.clock.advance(seconds=10)


async def grown(watched: Watched, name: str, points: int, **back: float) -> tuple[int, float]:
    """In which resolution it was read, and by how much a counter grew."""
    now = watched.clock.now()
    span, found = await watched.services.samples.series(
        "c1", now - timedelta(**back), now, points=points, names=[name]
    )
    return span.resolution, sum(point.value * span.step for one in found for point in one.points)


async def test_a_counter_grew_as_much_in_whatever_resolution_it_is_read(watched: Watched) -> None:
    await watched.connector()
    await watched.worker("w1")
    await every_ten_seconds(watched, "w1", [float(number) for number in range(700)])
    await watched.worker("w2")
    await every_ten_seconds(watched, "w2", [float(number) for number in range(770)])
    await watched.services.samples.keep()
    whole = 699.0 + 769.0
    for points, resolution in ((4000, 10), (400, 60), (7, 3600)):
        told, growth = await grown(watched, "messages_received", points, hours=5)
        assert (told, round(growth, 6)) == (resolution, whole)


async def test_what_is_not_summed_up_yet_is_read_all_the_same(watched: Watched) -> None:
    await watched.connector()
    for _ in range(25):
        await watched.measured(queue_messages=5.0)
        watched.clock.advance(minutes=3)
    await watched.services.samples.keep()
    for _ in range(5):
        await watched.measured(queue_messages=9.0)
        watched.clock.advance(seconds=10)
    now = watched.clock.now()
    span, (found,) = await watched.services.samples.series(
        "c1", now - timedelta(days=30), now, points=800
    )
    assert (span.resolution, span.step) == (3600, 3600)
    # By hours, by minutes, and as measured; the last minute is not over.
    assert [(point.value, point.largest) for point in found.points] == [(5.0, 5.0), (7.0, 9.0)]
    assert await rows(watched) == {10: 30, 60: 25, 3600: 1}


async def test_an_hour_that_was_summed_up_takes_in_what_is_reported_late(watched: Watched) -> None:
    await watched.connector()
    report = watched.services.samples.report
    begin = watched.clock.now()
    await report("c1", "itself", {begin + timedelta(minutes=m): {"x": 4.0} for m in range(3)})
    watched.clock.advance(hours=3)
    await watched.services.samples.keep()
    await report("c1", "itself", {begin + timedelta(minutes=30): {"x": 12.0}})
    async with watched.services.desk.reading() as connection:
        query = select(samples.c.content).where(samples.c.resolution == 3600)
        contents = list(await connection.scalars(query))
    assert contents == ['{"x":[6.0,12.0]}']


async def test_a_flood_of_reports_is_written_some_at_a_time(watched: Watched) -> None:
    await watched.connector()
    begin = watched.clock.now()
    reported = {begin - timedelta(seconds=s): {"x": float(s)} for s in range(2500)}
    await watched.services.samples.report("c1", "itself", reported)
    assert await rows(watched) == {10: 251}
