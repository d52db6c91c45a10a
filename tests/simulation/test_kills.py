"""A worker is killed at every step between its first receive and its last delete.

A step is a callback of the loop: between two of them lies every boundary before and after every
call to the world. Another worker takes over, and the promise is checked.
"""

import random
from collections import Counter
from functools import cache

import pytest

from benchling_connector.domain.records import EventState
from tests.simulation.crashes import ROWS, Course, documented_rows, live_through, rows_at
from tests.simulation.world import Worker, World

SEED = "kills"
CHUNKS = 8
KILLED_TWICE = 160


@cache
def unharmed() -> Course:
    """The scenario without a kill: how long it is."""
    return live_through(SEED)


def steps() -> range:
    course = unharmed()
    return range(course.first, course.last + 1)


def again(*kills: int, in_the_air: bool = False) -> Course:
    """The scenario with kills; what goes wrong is told together with how to see it again."""
    try:
        return live_through(SEED, kills, in_the_air=in_the_air)
    except BaseException as error:
        call = f"live_through({SEED!r}, {kills}, in_the_air={in_the_air})"
        error.add_note(f'python -c "from tests.simulation.crashes import *; {call}"')
        raise


def test_the_scenario_is_long_enough_to_mean_something() -> None:
    course = unharmed()
    assert len(steps()) > 300
    world = course.world
    assert world.promise.deleted == set(world.promise.sent)
    states = Counter(event.record.state for event in world.store.events.values())
    assert states == {EventState.SKIPPED: 1, EventState.STORED: len(world.promise.sent) - 4}
    assert len(world.store.strays) == 2  # what is no event, and what reused an ID


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_kill_at_any_step_loses_nothing_and_stores_nothing_twice(chunk: int) -> None:
    for step in steps()[chunk::CHUNKS]:
        assert len(again(step).killed_in) == 1


def test_each_row_of_the_crash_table_is_met_by_some_of_these_kills() -> None:
    met: Counter[str] = Counter()
    within = steps()

    def watch(world: World, worker: Worker, step: int) -> None:
        if step in within:
            met.update(rows_at(world, worker))

    live_through(SEED, watch=watch)
    assert list(ROWS) == documented_rows()
    assert {row for row in ROWS if met[row] > 0} == set(ROWS)


def test_a_kill_falls_into_the_rows_that_were_counted_for_its_step() -> None:
    seen: dict[int, set[str]] = {}

    def watch(world: World, worker: Worker, step: int) -> None:
        seen[step] = rows_at(world, worker)

    live_through(SEED, watch=watch)
    for step in steps()[::37]:
        assert again(step).killed_in == [seen[step]]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_worker_that_takes_over_may_be_killed_too(chunk: int) -> None:
    chance = random.Random(f"{SEED} twice {chunk}")
    for _ in range(KILLED_TWICE // CHUNKS):
        again(chance.choice(steps()), chance.randrange(1, len(steps())))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_what_a_killed_worker_had_sent_may_still_arrive(chunk: int) -> None:
    chance = random.Random(f"{SEED} in the air {chunk}")
    for _ in range(KILLED_TWICE // CHUNKS):
        again(chance.choice(steps()), in_the_air=True)
