"""When which worker is killed: a plan that follows from a seed alone."""

from dataclasses import dataclass
from random import Random

__all__ = ["Strike", "plan"]

STRUCK_SHARE = 0.6
"""So much of the events is stored when the last strike falls: the rest is for the survivors."""
LONGEST_AT_WORK_S = 1.0
LONGEST_START_S = 0.6
AMID_FILES_SHARE = 0.25
COLD_SHARE = 0.2
COLD_IS_SLOWER = 4


@dataclass(frozen=True, slots=True)
class Strike:
    """Some workers are killed at once, and started again.

    First `share` of all events must be stored. If `at_work`, each victim has begun to receive,
    and then `after_s` seconds pass; else it is killed so long after it was started, which may be
    before its first line. `amid_files`: then it is waited until the ledger knows a file that one
    of them has begun, for the moment is short. `cold`: whether those that follow are started as
    users start them.
    """

    share: float
    at_work: bool
    after_s: float
    victims: tuple[int, ...]
    amid_files: bool
    cold: bool


def plan(kills: int, workers: int, seed: int) -> tuple[Strike, ...]:
    """`kills` kills of `workers` workers: alone and all at once, at work, at the start, in bursts.

    The first strikes fall on processes that are just making the tables.
    """
    random = Random(seed)
    everybody = tuple(range(workers))
    bursts = [[(everybody, False) for _ in range(2)]]
    count = 2 * workers
    while count < kills:
        together = workers > 1 and random.random() < 0.1
        victims = everybody if together else (random.randrange(workers),)
        again = random.choice((0, 0, 0, 0, 1, 1, 2, 3))
        bursts.append([(victims, True), *[(victims, False)] * again])
        count += len(victims) * (1 + again)
    strikes: list[Strike] = []
    left, cold = kills, False
    for number, burst in enumerate(bursts):
        for victims, at_work in burst:
            chosen = tuple(random.sample(victims, min(left, len(victims))))
            if not chosen:
                break
            if at_work:
                after_s = random.uniform(0, LONGEST_AT_WORK_S)
            elif random.random() < 0.2:
                after_s = 0.0
            else:
                after_s = random.uniform(0, LONGEST_START_S * (COLD_IS_SLOWER if cold else 1))
            cold = random.random() < COLD_SHARE
            amid_files = at_work and random.random() < AMID_FILES_SHARE
            share = STRUCK_SHARE * number / len(bursts)
            strikes.append(Strike(share, at_work, after_s, chosen, amid_files, cold))
            left -= len(chosen)
    return tuple(strikes)
