"""The line before the budget: who waits stands with its family, and families take turns.

With one line for all, a family that is slow or many would be in front of everybody else.
"""

import asyncio
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["URGENT", "Line", "Waiter"]

URGENT = 0
"""The place before all others."""

Granted = TypeVar("Granted")


@dataclass(slots=True, order=True)
class Waiter(Generic[Granted]):
    """Somebody who waits for `granted`, at this place of its family's line."""

    place: int
    family: str = field(compare=False)
    granted: asyncio.Future[Granted] = field(compare=False)


class Line(Generic[Granted]):
    """Those who wait: urgent ones first, then one of each family in turn, each by place."""

    def __init__(self) -> None:
        self._urgent: list[Waiter[Granted]] = []
        self._families: OrderedDict[str, list[Waiter[Granted]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._urgent) + sum(len(line) for line in self._families.values())

    def join(self, waiter: Waiter[Granted]) -> None:
        """A family that nobody waited for has its turn after the others."""
        if waiter.place == URGENT:
            self._urgent.append(waiter)
        else:
            insort(self._families.setdefault(waiter.family, []), waiter)

    def first(self, full: Callable[[str], bool]) -> Waiter[Granted] | None:
        """Whose turn it is, but for families that are `full`; urgent ones do not ask for that."""
        if self._urgent:
            return self._urgent[0]
        return next((line[0] for family, line in self._families.items() if not full(family)), None)

    def take(self, waiter: Waiter[Granted]) -> None:
        """Its turn has come: its family has the next one after all others."""
        self.leave(waiter)
        if waiter.place != URGENT and waiter.family in self._families:
            self._families.move_to_end(waiter.family)

    def leave(self, waiter: Waiter[Granted]) -> None:
        """It waits no more, if it still did."""
        line = self._urgent if waiter.place == URGENT else self._families.get(waiter.family, [])
        # By identity: one that is tried again may have another's place.
        at = next((at for at, one in enumerate(line) if one is waiter), None)
        if at is None:
            return
        del line[at]
        if not line and waiter.place != URGENT:
            del self._families[waiter.family]
