"""How samples are summed up, and become series."""

from datetime import UTC, datetime, timedelta

import pytest

from benchling_connector.domain.samples import SAMPLED, floored, summed_up
from benchling_connector.domain.series import Point, Range, Sample, chosen, series_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
A_MINUTE = Range(NOON, NOON + timedelta(minutes=1), 10, 60)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def points_of(samples: list[Sample], span: Range = A_MINUTE) -> dict[str, tuple[Point, ...]]:
    return {series.name: series.points for series in series_of(samples, span)}


def test_of_a_minute_a_counter_keeps_its_last_value_and_a_gauge_mean_and_largest() -> None:
    samples = [{"errors": 1.0, "files_pending": 4.0}, {"errors": 3.0, "files_pending": 8.0}]
    assert summed_up(samples) == {"errors": 3.0, "files_pending": [6.0, 8.0]}


def test_summaries_can_be_summed_up_again() -> None:
    assert summed_up([{"files_pending": [6.0, 8.0]}, {"files_pending": [2.0, 12.0]}]) == {
        "files_pending": [4.0, 12.0]
    }


def test_a_name_that_is_missing_in_some_samples_is_summed_up_over_the_others() -> None:
    assert summed_up([{"queue_messages": 4.0}, {}]) == {"queue_messages": [4.0, 4.0]}


def test_a_counters_points_are_its_rate() -> None:
    samples = [Sample("w", at(-10), {"errors": 100.0}), Sample("w", at(50), {"errors": 160.0})]
    assert points_of(samples)["errors"] == (Point(NOON, 1.0),)


def test_a_counter_that_begins_anew_has_grown_by_what_it_is() -> None:
    samples = [
        Sample("w", at(0), {"errors": 100.0}),
        Sample("w", at(10), {"errors": 160.0}),
        Sample("w", at(20), {"errors": 60.0}),
    ]
    assert points_of(samples)["errors"] == (Point(NOON, 2.0),)


def test_a_worker_that_has_just_begun_has_grown_by_its_first_value() -> None:
    samples = [Sample("w", at(10), {"errors": 60.0}, born=at(0))]
    assert points_of(samples)["errors"] == (Point(NOON, 1.0),)


def test_of_an_old_worker_the_first_value_tells_no_rate() -> None:
    samples = [Sample("w", at(10), {"errors": 60.0}, born=at(-9000))]
    assert points_of(samples) == {}


def test_rates_of_workers_that_follow_each_other_are_added() -> None:
    samples = [
        Sample("w1", at(-10), {"errors": 100.0}),
        Sample("w1", at(0), {"errors": 130.0}),
        Sample("w2", at(30), {"errors": 30.0}, born=at(20)),
    ]
    assert points_of(samples)["errors"] == (Point(NOON, 1.0),)


def test_memory_of_workers_that_were_there_at_once_is_added() -> None:
    samples = [
        Sample("w1", at(0), {"process_memory_bytes": 10.0}),
        Sample("w2", at(0), {"process_memory_bytes": 20.0}),
        Sample("w2", at(10), {"process_memory_bytes": 40.0}),
    ]
    assert points_of(samples)["process_memory_bytes"] == (Point(NOON, 40.0, 50.0),)


def test_only_the_numbers_that_are_asked_for_become_series() -> None:
    samples = [Sample("w", at(0), {"queue_messages": 1.0, "files_pending": 2.0})]
    found = series_of(samples, A_MINUTE, ["files_pending", "errors"])
    assert [one.name for one in found] == ["files_pending"]


def test_the_queue_that_all_workers_see_counts_once() -> None:
    samples = [
        Sample("w1", at(0), {"queue_messages": 10.0}),
        Sample("w2", at(0), {"queue_messages": 12.0}),
    ]
    assert points_of(samples)["queue_messages"] == (Point(NOON, 12.0, 12.0),)


@pytest.mark.parametrize("points", [2, 3, 10, 300, 2000])
@pytest.mark.parametrize("hours", [0.01, 1, 25, 24 * 30, 24 * 400])
def test_no_series_has_more_points_than_asked_for(points: int, hours: float) -> None:
    since = at(7) - timedelta(hours=hours)
    span = chosen(since, at(7), points, at(7))
    steps = set()
    moment = span.since
    while moment < span.until:
        steps.add(floored(moment, span.step))
        moment += timedelta(seconds=span.step / 2)
    assert len(steps) <= points
    assert span.since <= since


@pytest.mark.parametrize(
    ("days", "points", "resolution"),
    [(0.9, 300, 60), (0.9, 9000, 10), (1.1, 9000, 60), (29, 50_000, 60), (31, 50_000, 3600)],
)
def test_what_is_kept_is_read_and_no_finer_than_the_steps(
    days: float, points: int, resolution: int
) -> None:
    span = chosen(NOON - timedelta(days=days), NOON, points, NOON)
    assert span.resolution == resolution
    assert span.step % resolution == 0


def test_a_month_and_a_year_are_read_by_hours() -> None:
    for days in (30, 365, 4000):
        assert chosen(NOON - timedelta(days=days), NOON, 300, NOON).resolution == 3600


def test_a_step_is_never_shorter_than_what_is_kept() -> None:
    assert chosen(at(-90_000), at(-89_900), 300, at(0)).step == 60


def test_nothing_lies_between_a_time_and_an_earlier_one() -> None:
    with pytest.raises(ValueError, match="nothing between"):
        chosen(at(0), at(0), 300, at(0))


def test_every_number_has_a_base_unit_and_a_meaning() -> None:
    suffixes = {"bytes": "_bytes", "seconds": "_seconds", "cores": "_cores"}
    for one in SAMPLED.values():
        assert one.meaning.endswith(".")
        if one.unit in suffixes:
            assert one.name.endswith(suffixes[one.unit])
