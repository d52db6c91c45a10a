"""Hostile bodies by the thousand break no promise of the decoder; `./dev fuzz` looks for more."""

from itertools import islice

import pytest

from tests.fuzz.decoder import check, corpus, mutations


def test_hostile_bodies_of_every_sort_break_no_promise() -> None:
    for data in corpus():
        check(data)


@pytest.mark.parametrize("seed", [1, 2])
def test_thousands_of_mutations_break_no_promise(seed: int) -> None:
    for data in islice(mutations(seed), 3_000):
        check(data)
