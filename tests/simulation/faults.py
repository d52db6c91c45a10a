"""What goes wrong between a worker and the world: by chance from a seed, or for minutes."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from benchling_connector.domain.answer import Answer
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError

__all__ = ["ERRORS", "FaultPlan", "Lot", "mangled"]

Mangling = Literal["cut", "html", "other", "nothing", "refused"]

ERRORS: dict[str, tuple[ConnectorError, ...]] = {
    "queue": (TransientError("queue-failing"), ConfigurationError("queue-access-denied")),
    "benchling": (
        TransientError("benchling-unreachable"),
        TransientError("benchling-failing"),
        TransientError("benchling-unexpected-answer"),
        TransientError("benchling-rate-limited", retry_after=7.0),
        ConfigurationError("benchling-credentials-refused"),
    ),
    "lake": (TransientError("lake-failing"), ConfigurationError("lake-access-denied")),
    "ledger": (TransientError("database-failing"),),
}
"""The errors that each port may raise, as its adapters do. The last two families are rarer."""

MANGLINGS: tuple[Mangling, ...] = ("cut", "html", "other", "nothing", "refused")

LONGEST_TRANSIT_S = 8.0
"""How long a request may be under way before it acts. What a dead process sent acts this late."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What one call meets. It acts after `there_s` seconds, and its answer takes `back_s` more.

    With an `error` it has not acted if `acts` is False, and has all the same if it is True.
    """

    error: ConnectorError | None = None
    acts: bool = True
    there_s: float = 0.0
    back_s: float = 0.0
    mangling: Mangling | None = None


GOOD = Lot()


class FaultPlan:
    """Draws the lot of each call. `rate` is the share of calls that meet a fault, `slow` of those
    that take time; `down` are the ports that are out of order altogether."""

    def __init__(self, seed: object, rate: float = 0.0, slow: float = 0.0) -> None:
        self.rate = rate
        self.slow = slow
        self.down: dict[str, ConnectorError] = {}
        self.struck: Counter[str] = Counter()
        """How often each method of each port met a fault, `before` it acted or `after`."""
        self.chance = random.Random(f"faults of {seed}")

    def heal(self) -> None:
        """From now on all is well, and quick."""
        self.rate = self.slow = 0.0
        self.down.clear()

    def draw(self, port: str, method: str) -> Lot:
        """The lot of one call."""
        if method == "ready":  # asks the reader itself, nobody outside
            return GOOD
        if port in self.down:
            return Lot(self.down[port], acts=False, back_s=self._seconds())
        if not self.rate and not self.slow:
            return GOOD
        there, back = self._seconds(), self._seconds()
        if self.chance.random() >= self.rate:
            return Lot(None, True, there, back)
        if method == "get" and self.chance.random() < 0.3:
            how = self.chance.choice(MANGLINGS)
            self.struck[f"{port}.{method} {how}"] += 1
            return Lot(None, True, there, back, how)
        acts = self.chance.random() < 0.5
        self.struck[f"{port}.{method} {'after' if acts else 'before'}"] += 1
        return Lot(self._error(port), acts, there, back)

    def entry(self) -> Lot:
        """The lot of one entry of a batch."""
        if not self.rate or self.chance.random() >= self.rate:
            return GOOD
        acts = self.chance.random() < 0.5
        self.struck[f"entry {'after' if acts else 'before'}"] += 1
        return Lot(TransientError("queue-failing"), acts)

    def _error(self, port: str) -> ConnectorError:
        transient = [error for error in ERRORS[port] if isinstance(error, TransientError)]
        refusals = [error for error in ERRORS[port] if isinstance(error, ConfigurationError)]
        rare = bool(refusals) and self.chance.random() < 0.1
        return self.chance.choice(refusals if rare else transient)

    def _seconds(self) -> float:
        if not self.slow or self.chance.random() >= self.slow:
            return 0.0
        return self.chance.choice((0.02, 0.3, 2.0, LONGEST_TRANSIT_S)) * self.chance.random()


def mangled(answer: Answer, how: Mangling, *, alone: bool) -> Answer:
    """An answer as it should not be. One resource `alone` is never refused: that would be true."""
    if how == "cut":
        return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.at)
    if how == "html":
        return Answer(200, b"<html><body>maintenance</body></html>", answer.at)
    if how == "other":
        return Answer(200, b'["no", "object"]', answer.at)
    if how == "refused" and not alone:
        return Answer(400, b'{"error":{"message":"The following IDs are invalid"}}', answer.at)
    return Answer(200, b"", answer.at)
