"""SIGKILL of the real process, again and again: nothing lost, nothing stored twice.

`./dev campaign` has the same without bounds. The seed gives the plan of the kills.
"""

import pytest

from tests.acceptance.campaign import Campaign, Figures, battlefield, fight
from tests.acceptance.strikes import plan
from tests.acceptance.world import World
from tests.postgres import Postgres

EVENTS, KILLS = 20_000, 50

# One after the other: each wants all of a small machine.
pytestmark = [pytest.mark.xdist_group("kills"), pytest.mark.timeout(1_200)]


async def survive(world: World, workers: int, seed: int, database_url: str | None = None) -> None:
    """Raises unless every event is stored once after all these kills."""
    url = database_url or f"sqlite:///{world.home}/data/connector.db"
    async with battlefield(world, KILLS) as here:
        figures = await fight(Campaign(EVENTS, KILLS, workers, seed), here, url)
    print(*figures.lines(), sep="\n")
    means_something(figures)


def means_something(figures: Figures) -> None:
    """It killed, and not only workers that had nothing in hand."""
    assert figures.kills == KILLS
    assert sum(figures.hits.values()) >= 1
    assert figures.claimed_again > 0


async def test_one_worker_that_is_killed_again_and_again_loses_and_doubles_nothing(
    world: World,
) -> None:
    await survive(world, 1, seed=11)


async def test_four_workers_on_one_sqlite_file_that_are_killed_lose_and_double_nothing(
    world: World,
) -> None:
    await survive(world, 4, seed=12)


async def test_four_workers_on_postgresql_that_are_killed_lose_and_double_nothing(
    world: World, postgres: Postgres
) -> None:
    await survive(world, 4, seed=13, database_url=await postgres.make_database())


@pytest.mark.parametrize("workers", [1, 4])
def test_the_same_seed_plans_the_same_kills(workers: int) -> None:
    planned = plan(KILLS, workers, 7)
    assert planned == plan(KILLS, workers, 7)
    assert planned != plan(KILLS, workers, 8)
    assert sum(len(strike.victims) for strike in planned) == KILLS
    assert {victim for strike in planned for victim in strike.victims} == set(range(workers))
    assert {strike.at_work for strike in planned} == {False, True}
    shares = [strike.share for strike in planned]
    assert shares == sorted(shares)
