"""Every call to the world fails: before it acts, or after, when only its answer is lost."""

from collections import Counter
from functools import cache

import pytest

from tests.simulation.crashes import live_through
from tests.simulation.faults import ERRORS, FaultPlan, Lot
from tests.simulation.history import STORM, live

SEED = "faults"
CHUNKS = 4
STORMS = 120


class OneFault(FaultPlan):
    """The call of this number fails with the port's first error, and no other."""

    def __init__(self, number: int, *, acts: bool) -> None:
        super().__init__(SEED)
        self.number, self.acts = number, acts
        self.calls: list[str] = []

    def draw(self, port: str, method: str) -> Lot:
        self.calls.append(f"{port}.{method}")
        if len(self.calls) != self.number or method == "ready":
            return super().draw(port, method)
        return Lot(ERRORS[port][0], self.acts)


@cache
def calls() -> tuple[str, ...]:
    """The calls of the scenario, when none of them fails."""
    plan = OneFault(0, acts=True)
    live_through(SEED, faults=plan)
    return tuple(plan.calls)


@pytest.mark.parametrize("acts", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_any_single_call_may_fail(chunk: int, acts: bool) -> None:
    for number in range(1, len(calls()) + 1)[chunk::CHUNKS]:
        try:
            live_through(SEED, faults=OneFault(number, acts=acts))
        except BaseException as error:
            error.add_note(f"The call: {number}, {calls()[number - 1]}, acts={acts}")
            raise


def test_the_scenario_calls_most_methods() -> None:
    assert {
        "benchling.get",
        "benchling.sign_in",
        "lake.put",
        "lake.sha256",
        "ledger.begin_files",
        "ledger.claim",
        "ledger.commit_files",
        "ledger.discard_files",
        "ledger.give_back",
        "ledger.heartbeat",
        "ledger.orphans",
        "ledger.quarantine",
        "ledger.sign_off",
        "queue.acknowledge",
        "queue.facts",
        "queue.receive",
        "queue.release",
    } <= set(calls())


def test_with_one_call_in_ten_failing_all_ends_well_while_it_goes_on() -> None:
    struck: Counter[str] = Counter()
    for seed in range(STORMS):
        struck += live(seed, STORM).faults.struck
    met = {name.partition(" ")[0] for name in struck}
    assert set(calls()) - {"benchling.ready", "ledger.give_back"} <= met
    assert {"queue.extend", "entry"} <= met
    assert {name.partition(" ")[2] for name in struck} >= {"before", "after", "cut", "html"}


def test_chance_alone_decides_which_faults_there_are() -> None:
    def drawn(seed: int) -> list[Lot]:
        plan = FaultPlan(seed, 0.3, 0.3)
        return [plan.draw("lake", "put") for _ in range(50)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert 5 < sum(lot.error is not None for lot in drawn(1)) < 25
