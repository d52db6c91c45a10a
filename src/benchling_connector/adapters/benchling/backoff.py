"""How long nothing is sent after a 429."""

from benchling_connector.adapters.benchling.ratelimit import Told

__all__ = ["GUARD_S", "Backoff"]

LONGEST_BACKOFF_S = 15.0
GUARD_S = 0.05
"""Added to every end of a window: nobody's clock is exact."""
FIRST = 2
"""Requests under way until the first answer tells of the limit, which may be used up: one of
a family, so that a family that takes its time does not hold up all others."""
UNCAREFUL = 32
"""Requests under way at which careful going on ends."""


class Backoff:
    """The pause after a 429. Times are seconds on one monotonic clock.

    `in_a_row`: answers 429 since anything else was answered; a crowd that was under way counts
    once. `rounding`: by how much the server's times may be too short. `careful`: the most under way
    at one time, while it is not known how much may be sent.
    """

    def __init__(self) -> None:
        self.until = 0.0
        self.in_a_row = 0
        self.rounding = 0.0
        self.careful: int | None = FIRST

    def answered(self) -> None:
        """A request that was sent after the last 429 was answered by anything else."""
        self.in_a_row = 0
        if self.careful is not None:
            self.careful = None if self.careful >= UNCAREFUL else self.careful * 2

    def refused(self, told: Told, jitter: float, now: float) -> None:
        """Benchling advises 2^n s with jitter, at most 15 s. `jitter` is from 0 up to 1."""
        named = told.retry_after
        if named is None and not told.remaining:
            named = told.reset  # with requests left, the window's end is not what it waits for
        pause = min(2.0 ** (self.in_a_row - 1) + jitter, LONGEST_BACKOFF_S)
        if named is not None:
            after = named + self.rounding + GUARD_S
            # If not the first, the time that it named before was not true.
            pause = after if self.in_a_row <= 1 else max(after, pause)
        self.until = max(self.until, now + pause)
        self.careful = 1

    def left(self, now: float) -> float:
        """Seconds until anything may be sent again."""
        return max(self.until - now, 0.0)
