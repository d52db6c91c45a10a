"""How many requests an app allows itself because all apps of its tenant share a limit.

Benchling allows all apps of a tenant together 1,000 requests in 30 s, and no header tells what is
left of them. All that shows is an answer 429 that says there are requests left. Then our own number
goes down to a little less than what was let in, stays there for some windows, and grows again, by
more in each window. Each time it comes to the same end it stays down for twice as long: so few
requests are spent on finding the end again.
"""

from collections import deque

from benchling_connector.adapters.benchling.windows import WINDOW_S

__all__ = ["TenantPart"]

LESS = 0.95
"""Of what was let in."""
MOST_HELD = 32
"""Windows; 16 minutes."""
STEP = 0.02
"""Of the limit: how much it grows by at first, and twice as much in each window after."""
NEAR = 0.8
"""Of what was let in last time: from here on only a few are under way, that may be refused."""
FEW = 4


class TenantPart:
    """Our own number of requests in 30 s. Times are seconds on one clock.

    `number` is None where the tenant has not limited us.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._let_in: deque[float] = deque()
        self._bound = 0  # what was let in when we were refused
        self._hold = 1
        self._held = 0
        self._step = 0
        self._since = float("-inf")  # of this window of ours, or of the refusal

    def answered(self, now: float) -> None:
        """A request was let in."""
        self._let_in.append(now)
        while self._let_in[0] <= now - WINDOW_S:
            self._let_in.popleft()

    def refused(self, now: float) -> None:
        """One was answered 429 although this app had requests left."""
        if now < self._since + WINDOW_S and not self._held and self.number is not None:
            return  # the same crowd
        let_in = sum(at > now - WINDOW_S for at in self._let_in)
        if self.number is not None:
            # A bound that is far from the last one is another: it has to prove itself.
            again = let_in > self._bound / 2
            self._hold = min(self._hold * 2, MOST_HELD) if again else 1
        self._bound = let_in
        self.number = max(int(let_in * LESS), 1)
        self._held, self._step, self._since = 0, 0, now

    def grow(self, limit: int, now: float) -> None:
        """Brings the number up to date; `limit` is the app's own."""
        while self.number is not None and now >= self._since + WINDOW_S:
            self._since += WINDOW_S
            self._held += 1
            if self._held >= self._hold:
                self._step = self._step * 2 or max(int(limit * STEP), 1)
                self.number += self._step
            if self.number >= limit:
                self.number, self._hold = None, 1

    def near(self, own: int) -> bool:
        """Whether so many requests of ours in 30 s are about what was let in last time."""
        return self.number is not None and own >= self._bound * NEAR
