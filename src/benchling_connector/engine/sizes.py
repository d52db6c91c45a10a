"""How many IDs one call of a family takes, as far as it has shown.

Benchling documents a maximum for one family only. A call that is refused and works in halves had
too many IDs, by its number or by the length of its address; the next ones are made no larger. After
many calls of that size a larger one is tried again, for limits change.
"""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Sizes"]

FIRST_PATIENCE, LONGEST_PATIENCE = 50, 3_200
"""Full calls that must work before a larger one is tried; twice as many after each that fails."""


@dataclass(slots=True)
class _Learnt:
    size: int
    patience: int = FIRST_PATIENCE
    worked: int = 0


class Sizes:
    """`most` tells how many IDs of a family a call may have at all."""

    def __init__(self, most: Callable[[str], int]) -> None:
        self._most = most
        self._learnt: dict[str, _Learnt] = {}

    def of(self, family: str) -> int:
        """How many IDs the next call of a family should have."""
        learnt = self._learnt.get(family)
        return self._most(family) if learnt is None else learnt.size

    def worked(self, family: str, ids: int) -> None:
        """A call with so many IDs was answered."""
        learnt = self._learnt.get(family)
        if learnt is None or ids < learnt.size:
            return
        learnt.worked += 1
        if learnt.worked >= learnt.patience:
            learnt.worked = 0
            learnt.size = min(learnt.size * 2, self._most(family))

    def worked_in_halves(self, family: str, ids: int) -> None:
        """A call with so many IDs was refused, and its halves were answered."""
        if ids > self.of(family):
            return  # it was made before that was known
        learnt = self._learnt.setdefault(family, _Learnt(ids, FIRST_PATIENCE // 2))
        learnt.size, learnt.worked = max(ids // 2, 1), 0
        learnt.patience = min(learnt.patience * 2, LONGEST_PATIENCE)
