"""Samples in the database: written, read, summed up, forgotten."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from benchling_connector.database.platform_tables import samples
from benchling_connector.domain.series import Point
from benchling_connector.platform.samples import write_sample
from tests.ledgers import NOON
from tests.platforms import Platform


async def rows(platform: Platform) -> dict[int, int]:
    query = select(samples.c.resolution, func.count()).group_by(samples.c.resolution)
    async with platform.services.desk.reading() as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}


async def series(platform: Platform, **back: float) -> dict[str, tuple[Point, ...]]:
    now = platform.clock.now()
    _, found = await platform.services.samples.series("c1", now - timedelta(**back), now)
    return {one.name: one.points for one in found}


async def test_what_was_measured_is_read_again(platform: Platform) -> None:
    await platform.connector()
    await platform.measured(queue_messages=7.0)
    platform.clock.advance(seconds=10)
    assert (await series(platform, minutes=1))["queue_messages"] == (Point(NOON, 7.0, 7.0),)


async def test_two_samples_of_the_same_ten_seconds_become_one(platform: Platform) -> None:
    await platform.connector()
    await platform.measured(queue_messages=7.0, errors=1.0)
    platform.clock.advance(seconds=3)
    await platform.measured(queue_messages=9.0)
    (latest,) = await platform.services.samples.latest()
    assert latest.values == {"queue_messages": 9.0, "errors": 1.0}


async def test_the_latest_sample_of_each_worker_is_told_for_ninety_seconds(
    platform: Platform,
) -> None:
    await platform.connector()
    await platform.measured("w1", errors=1.0)
    platform.clock.advance(seconds=10)
    await platform.measured("w1", errors=2.0)
    await platform.measured("w2", errors=3.0)
    latest = {
        one.worker_id: one.values["errors"] for one in await platform.services.samples.latest()
    }
    assert latest == {"w1": 2.0, "w2": 3.0}
    platform.clock.advance(seconds=90)
    assert await platform.services.samples.latest() == []


async def test_a_rate_goes_on_over_a_restart_of_the_worker(platform: Platform) -> None:
    await platform.connector()
    await platform.worker("w1")
    for received in (60.0, 120.0):
        await platform.measured("w1", messages_received=received)
        platform.clock.advance(seconds=10)
    await platform.worker("w2")
    platform.clock.advance(seconds=10)
    await platform.measured("w2", messages_received=60.0)
    platform.clock.advance(seconds=10)
    grown = (await series(platform, minutes=5))["messages_received"]
    assert sum(point.value for point in grown) * 10 == 60 + 60 + 60


async def test_forty_days_of_samples_are_kept_in_bounded_room_and_falling_resolution(
    platform: Platform,
) -> None:
    await platform.connector()
    await platform.worker("w1")
    # Every ten minutes only, and all of a day at once, so that it is done in seconds.
    for _ in range(40):
        async with platform.services.desk.writing() as connection:
            for _ in range(24 * 6):
                values = {"queue_messages": 1.0}
                await write_sample(connection, "c1", "w1", values, platform.clock.now())
                platform.clock.advance(minutes=10)
        await platform.services.samples.keep()
    found = await rows(platform)
    assert found[10] <= 24 * 6 + 6
    assert 30 * 24 * 6 - 6 <= found[60] <= 30 * 24 * 6 + 12
    points = (await series(platform, days=29))["queue_messages"]
    assert {point.value for point in points} == {1.0}


async def test_summing_up_again_and_at_once_changes_nothing(platform: Platform) -> None:
    await platform.connector()
    for value in (4.0, 8.0, 6.0):
        await platform.measured(files_pending=value, errors=value)
        platform.clock.advance(seconds=10)
    platform.clock.advance(minutes=2)
    keep = platform.services.samples.keep
    await asyncio.gather(keep(), keep())
    await keep()
    async with platform.services.desk.reading() as connection:
        query = select(samples.c.content).where(samples.c.resolution == 60)
        contents = list(await connection.scalars(query))
    assert contents == ['{"files_pending":[6.0,8.0],"errors":6.0}']


async def test_a_minute_that_is_not_over_is_not_summed_up(platform: Platform) -> None:
    await platform.connector()
    await platform.measured(errors=1.0)
    platform.clock.advance(seconds=59)
    await platform.services.samples.keep()
    assert await rows(platform) == {10: 1}


async def test_after_a_long_pause_all_of_it_is_summed_up(platform: Platform) -> None:
    await platform.connector()
    for _ in range(20):
        await platform.measured(errors=1.0)
        platform.clock.advance(minutes=45)
    await platform.services.samples.keep()
    assert await rows(platform) == {10: 20, 60: 20}


async def test_what_a_worker_keeps_of_itself_leaves_others_alone(platform: Platform) -> None:
    await platform.connector("c1")
    await platform.connector("c2")
    await platform.measured("w1", "c1", errors=1.0)
    await platform.measured("w2", "c2", errors=1.0)
    platform.clock.advance(minutes=2)
    await platform.services.samples.keep("c1")
    assert await rows(platform) == {10: 2, 60: 1}


async def test_what_is_reported_late_is_kept_beyond_the_day(platform: Platform) -> None:
    await platform.connector()
    late = platform.clock.now() - timedelta(days=3)
    await platform.services.samples.report("c1", "itself", {late: {"cpu_usage": 50.0}})
    await platform.services.samples.keep()
    assert (await series(platform, days=4))["cpu_usage"][0].value == 50.0
