"""What others use of an app's budget, and what is left to them, so that they get their part.

Whoever sends in the name of the same app shows in Benchling's headers only: as requests that were
counted and are not ours. What they are expected to use until the window's end is left to them, up
to half of the limit in all. So a program that asks seldom gets all it asks for, and one that asks
for everything gets half.
"""

from math import ceil

__all__ = ["Neighbours"]

BEFORE_S = 5.0
"""What was believed before counts as if it had been seen for so long."""
MARGIN = 1.2


class Neighbours:
    """Their requests per second, as far as they can be told from ours. Times are seconds."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._before = 0.0
        self._seen = 0

    def seen(self, requests: int, elapsed: float) -> None:
        """So many of this window's are theirs, at the least, so long after it began."""
        self._seen = requests
        self.rate = (self._before * BEFORE_S + requests) / (BEFORE_S + max(elapsed, 0.0))

    def window_over(self) -> None:
        """What is seen from now on is of another window."""
        self._before, self._seen = self.rate, 0

    def part(self, limit: int, until_s: float) -> int:
        """What to leave to them of the requests that a window has left."""
        expected = ceil(self.rate * MARGIN * until_s) if self.rate > 1 / limit else 0
        return min(expected, max(limit // 2 - self._seen, 0))
