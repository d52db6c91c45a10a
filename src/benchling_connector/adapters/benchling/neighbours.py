"""What others use of an app's budget, and what is kept for them, so that they get their part.

Whoever sends in the name of the same app shows in Benchling's headers only: as requests that were
counted and cannot be ours. Once one has been noticed, a reserve is kept for it in each window: what
it is expected to ask for until the window's end, or half of the limit where that is less or its
rate is not known yet. So a program that asks seldom gets all it asks for, and one that asks for
everything gets half. One request looks now and then, and what is not taken is released.
"""

from collections import deque
from math import ceil, sqrt

__all__ = ["Neighbours"]

KNOWN_AFTER_S = 3.0
"""Seconds of a window after which what was counted in it tells a rate."""
DECAY = 0.7
"""Of the highest rate, from window to window."""
FORGOTTEN_AFTER = 5
"""Windows in which nobody was seen."""
DEVIATIONS = 2.0
"""Standard deviations that are kept beyond what is expected: arrivals are random."""
LOOK_AFTER = 1 / 3
"""Part of the rest of a window after which one request looks."""
SHORTEST_LOOK_S = 0.25
KEPT_S = 600.0
"""Seconds after which a request that has ended is of no window any more, if none is known."""


class Neighbours:
    """Others' requests, as far as they can be told from ours. Times are seconds on our clock.

    `used`: theirs in this window, at the least; `rate`: their requests per second, None where that
    is not known. What was counted before our first request may have been our own, before a restart.
    """

    def __init__(self) -> None:
        self.used = 0
        self._highest: float | None = None  # of the last windows, decaying
        self._observed: float | None = None  # in this window
        self._unseen = FORGOTTEN_AFTER  # windows
        self._certain = False  # this window's requests cannot all be ours
        self._ended: deque[float] = deque()  # our requests that may be of this window
        self._limit = 0
        self._length = 1.0
        self._before = 0  # counted when the first window was first heard of, but for our own
        self._begins = 0.0  # not before this
        self._ends: float | None = None  # not after this

    @property
    def seen(self) -> bool:
        """Somebody else has used the app's budget in one of the last windows."""
        return self._certain or self._unseen < FORGOTTEN_AFTER

    @property
    def rate(self) -> float | None:
        """Requests per second, the highest of the last windows; None: not known."""
        if self._highest is None or self._observed is None:
            return self._highest if self._observed is None else self._observed
        return max(self._highest, self._observed)

    def ended(self, now: float) -> None:
        """A request of ours was answered or given up."""
        self._ended.append(now)
        while self._ended[0] < now - max(KEPT_S, 2 * self._length):
            self._ended.popleft()

    def heard(
        self,
        *,
        limit: int,
        counted: int,
        under_way: int,
        workers: int,
        ends_after: float,
        until: float,
        length: float,
        now: float,
    ) -> None:
        """A header told how much the server has counted.

        `under_way`: requests of ours that may be among them, beside those that have ended. So many
        `workers` of ours have equal parts. The window is `length` seconds long and ends between
        `ends_after` and `until`.
        """
        if self._ends is None or limit != self._limit:
            self._begin(now, until, before=counted - 1)
        elif ends_after > self._ends:
            self._window_over()
            self._begin(ends_after - length, until)
        else:
            self._ends = min(self._ends, until)
        self._limit, self._length = limit, max(length, 1.0)
        ours = under_way + len(self._ended)
        # Our other workers may have used all of their parts: what is more than that is others'.
        certain = counted - self._before - ours - limit // workers * (workers - 1)
        self._certain |= certain > 0
        self.used = max(self.used, certain)
        if self.seen:  # Each of them is held back as we are, and has used about as much.
            self.used = max(self.used, counted - self._before - ours * workers)
        elapsed = now - self._begins
        # Where nothing is left they may have been refused: that tells no rate.
        if elapsed >= KNOWN_AFTER_S and counted < limit:
            self._observed = self.used / elapsed

    def reserve(self, at: float) -> int:
        """Requests to keep for them, of what was left at this time: at most half of the limit."""
        if not self.seen or self._ends is None:
            return 0
        share = max(self._limit // 2 - self._before - self.used, 0)
        if self.rate is None:
            return share
        expected = self.rate * max(self._ends - at, 0.0)
        return min(ceil(expected + DEVIATIONS * sqrt(expected)), share)

    def look_at(self, left: int, at: float) -> float | None:
        """When a request should look what they have taken of the `left` there were at `at`.

        Early enough that it is not refused, and more often as the window's end comes nearer.
        """
        if self._ends is None:
            return None
        wait, rate = (self._ends - at) * LOOK_AFTER, self.rate
        if rate is None:
            wait, rate = min(wait, KNOWN_AFTER_S), self._limit / self._length
        wait = max(wait, SHORTEST_LOOK_S)
        while wait >= SHORTEST_LOOK_S:
            expected = rate * wait
            if left - expected - DEVIATIONS * sqrt(expected) >= 1:
                return at + wait
            wait /= 2
        return None

    def _begin(self, begins: float, until: float, before: int = 0) -> None:
        while self._ended and self._ended[0] < begins:
            self._ended.popleft()
        self._begins, self._ends, self._before = begins, until, before
        self.used, self._observed, self._certain = 0, None, False

    def _window_over(self) -> None:
        self._unseen = 0 if self._certain else self._unseen + 1
        if self._highest is not None:
            self._highest *= DECAY
            # One that has sent all at once may have shown no rate.
            self._highest = max(self._highest, self.used / self._length)
        if self._observed is not None:
            self._highest = max(self._highest or 0.0, self._observed)
        if self._unseen >= FORGOTTEN_AFTER:
            self._highest = None
