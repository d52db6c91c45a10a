"""The server's windows, as the headers of its answers tell of them.

A request under way may or may not be in what a header counted, so it is subtracted; answers arrive
out of order, so within a window the lowest `remaining` counts, until the answer to a request that
was sent after that one came. Numbers of requests tell what was sent before what: clocks may stand
still between two of them.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from benchling_connector.adapters.benchling.backoff import GUARD_S
from benchling_connector.adapters.benchling.ratelimit import Told

__all__ = ["WINDOW_S", "Header", "Request", "Windows", "header_of"]

WINDOW_S = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was let go, when (seconds), and whether it went ahead to ask.

    `early`: before the window's end, trusting our own count; `first`: after it, in a new window.
    """

    number: int
    sent: float
    early: bool
    first: bool


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of the server's current window.

    `issued`: the number of the last request sent when this was heard. `counted`: what the server
    has counted of its `limit`; `ours`: our own count explains all of it, so nobody else uses this
    app's budget. The window ends between `ends_after` and `until` (seconds on our monotonic clock).
    Others have sent `others`, at the least, and of what remains `reserve` is kept for them; one
    request looks what they have taken at `look_at`.
    """

    remaining: int
    counted: int
    limit: int
    issued: int
    ours: bool
    ends_after: float
    until: float
    others: int = 0
    reserve: int = 0
    look_at: float | None = None


def header_of(
    request: Request, told: Told, limit: int, issued: int, own: int, rounding: float, now: float
) -> Header:
    """What an answer that came now tells, or a 429 without a number: nothing is left.

    `limit` counts where it does not tell one, `own` is our own count, and the server's times may be
    too short by `rounding`.
    """
    limit, remaining = told.limit or limit, told.remaining or 0
    reset = WINDOW_S if told.reset is None else told.reset
    return Header(
        remaining=remaining,
        counted=limit - remaining,
        limit=limit,
        issued=issued,
        ours=limit - remaining <= own,
        # It was counted after we sent it, if not when; and before its answer came.
        ends_after=request.sent + max(reset - told.rounded, 0.0),
        until=now + reset + told.rounded * rounding + GUARD_S,
    )


class Windows:
    """The windows of one app's budget. Times are seconds on one monotonic clock.

    `header`: what is known of the current one, None between its end and the first answer of the
    next. `untold`: for each request that ended without headers, the last number sent then.
    `moving`: they slide, and give back one by one.
    """

    def __init__(self) -> None:
        self.header: Header | None = None
        self.untold: list[int] = []
        self.longest_reset = 0.0
        self.moving = False
        self._told: list[tuple[int, float]] = []  # as `untold`, with headers, and their `until`
        self._last: Header | None = None  # what was known of the last window that is over

    def over(self) -> None:
        """The current window has ended."""
        self._last, self.header = self.header, None

    def forget(self) -> None:
        """What was known proved untrue."""
        self.header, self._last, self.moving = None, None, False
        self.untold.clear()

    def ended(self, under_way: Collection[int]) -> None:
        """One of the requests under way has ended."""
        # Only what is under way can still bring a header that misses them.
        oldest = min(under_way)
        self._told = [one for one in self._told if one[0] >= oldest]
        if self.header is None:
            self.untold = [issued for issued in self.untold if issued >= oldest]

    def learn(self, new: Header, request: Request, told: Told, mark: int) -> bool:
        """Whether what the answer to this request told is of the current window, and news.

        Requests up to the number `mark` were sent before the last that was learnt.
        """
        old, others = self.header or self._last, self._told
        self._told = [*others, (new.issued, new.until)]
        reset = WINDOW_S if told.reset is None else told.reset
        self.longest_reset = max(self.longest_reset, reset)
        if old is not None and new.until < old.ends_after:
            return False  # of a window before this one
        if self.header is not None and new.ends_after <= self.header.until:  # of the same window
            old = self.header
            new = replace(new, until=min(new.until, old.until))
            if request.number <= old.issued:  # and perhaps counted before that one was
                new = replace(new, remaining=min(new.remaining, old.remaining))
        else:
            if old is not None:
                if request.number <= mark and new.ends_after <= old.until:
                    return False  # of the window that is over
                # Fixed windows are as long as the longest time that was ever told.
                moved = new.until - old.ends_after
                self.moving |= moved < 0.9 * (self.longest_reset - told.rounded)
            # Answers that came first may have been counted after this one, in the same window.
            self.untold += [one for one, until in others if until >= new.ends_after]
        self.untold = [issued for issued in self.untold if issued >= request.number]
        self.header = new
        return True
