"""When the next request may be sent: the decisions behind the budget, without clock or network.

What Benchling's headers say of the current window is believed over our own count (`windows.py`).
Between the end of a window and the first header of the next, our own count decides, and where that
is used up a single request goes ahead to ask. Others have their part: those that use the same app
(`neighbours.py`), and the other apps of the tenant (`tenant.py`).
"""

from collections import deque
from dataclasses import replace

from benchling_connector.adapters.benchling.backoff import GUARD_S, Backoff
from benchling_connector.adapters.benchling.neighbours import Neighbours
from benchling_connector.adapters.benchling.pace import evenly
from benchling_connector.adapters.benchling.ratelimit import Told
from benchling_connector.adapters.benchling.tenant import FEW, TenantPart
from benchling_connector.adapters.benchling.windows import (
    WINDOW_S,
    Header,
    Request,
    Windows,
    header_of,
)

__all__ = ["DOCUMENTED_LIMIT", "Allowance"]

DOCUMENTED_LIMIT = 300
SHORTEST_WAIT_S = 0.001
COUNTED_WITHIN_S = 5.0
"""A request that has been under way for so long has been counted, if it ever will be."""
PLENTY = 0.75
"""Of what a window allows us: while more is left, there is no need to be slow."""


class Allowance:
    """The state of one app's budget. Times are seconds on one monotonic clock.

    `ceiling`: where it begins and what it never exceeds in any 30 s; None begins at the documented
    300 and follows the headers, up as well as down. Of several `workers`, which send in the name
    of the same app, each takes its equal part of either. `backoff` tells of the pause after a 429.
    """

    def __init__(self, ceiling: int | None = None) -> None:
        self.ceiling = ceiling
        self.workers = 1
        self.limit = ceiling or DOCUMENTED_LIMIT
        self.used_total = 0
        self.refused_total = 0
        self._issued = 0
        self._under_way: dict[int, float] = {}  # number to when it was sent
        self._counted: deque[float] = deque()  # when each answered request leaves our own count
        self._windows = Windows()
        self._limit_from = 0  # number of the request that told the limit
        self._mark = 0  # requests above this number were sent since we learnt something
        self._since_mark = 0
        self._ask_ahead = False
        self._ask_from = 0.0
        self.backoff = Backoff()
        self._fence = 0  # requests up to this number were sent before the last 429
        self._aged = False  # something left our own count since we learnt something
        self._trust_own = True
        self._alone = True
        self._early = 0  # number of the last request that asked before its window's end
        self._neighbours = Neighbours()
        self._tenant = TenantPart()

    def opens_at(self, now: float) -> float | None:
        """`now`: a request may be sent; else when it is worth asking again; None: only an answer
        can change anything."""
        while self._counted and self._counted[0] <= now:
            self._counted.popleft()
            self._aged = True
        self._tenant.grow(self.limit, now)
        if now < self.backoff.until:
            return max(self.backoff.until, now + SHORTEST_WAIT_S)
        header = self.header
        if header is not None and now >= header.until:
            self._windows.over()
            self._alone = header.ours
            # One that has asked early must not be joined by another, and what a sliding window
            # gives back, our own count knows.
            self._ask_ahead = self._early <= self._mark and not self._windows.moving
            self._ask_from = now + (0.0 if self._settled(header, now) else COUNTED_WITHIN_S)
            self._set_mark()
        if self._may_send(now):
            return now
        changes = [self.header.until, self.header.look_at or now] if self.header else []
        changes += [self._ask_from] if self._ask_ahead else []
        changes += [self._counted[0]] if self._counted else []
        later = [at for at in changes if at > now]
        return max(min(later), now + SHORTEST_WAIT_S) if later else None

    def send(self, now: float) -> Request:
        """One request is let go. Only right after `opens_at` gave `now`."""
        self._issued += 1
        self._since_mark += 1
        self.used_total += 1
        self._under_way[self._issued] = now
        header = self.header
        early = header is not None and self._left(header) < 0
        if early:
            self._early = self._issued
        return Request(self._issued, now, early, header is None and self._ask_ahead)

    def share(self, workers: int) -> None:
        """So many workers, this one among them, use the app's budget from now on."""
        if workers != self.workers:
            self.workers = workers
            self._neighbours = Neighbours()  # who was one may be one of them

    def withdraw(self, request: Request) -> None:
        """It was let go, and then not sent."""
        self._under_way.pop(request.number, None)
        self.used_total -= 1
        if request.number > self._mark:
            self._since_mark -= 1

    def answered(self, request: Request, told: Told, now: float) -> None:
        """It was answered, with these headers, by anything but 429."""
        self._end(request, told, now)
        self._neighbours.ended(now)
        self._tenant.answered(now)
        if request.number > self._fence:
            self.backoff.answered()
        if told.remaining is None or request.number <= self._fence:
            self._windows.untold.append(self._issued)
        else:
            self._learn(request, told, now)

    def lost(self, request: Request, now: float) -> None:
        """There was no answer; it may have been counted all the same."""
        self._end(request, Told(), now)
        self._neighbours.ended(now)
        self._windows.untold.append(self._issued)

    def refused(self, request: Request, told: Told, jitter: float, now: float) -> None:
        """It was answered 429. `jitter` is from 0 up to 1."""
        self._end(request, told, now)
        self.refused_total += 1
        if request.early:
            self._trust_own = False  # it is no window of 30 s, or it is not ours alone
        if request.first and told.whole and told.reset is not None and told.reset <= 1:
            self.backoff.rounding = 1.0  # this server rounds down
        if told.remaining:
            self._tenant.refused(now)
        elif told.remaining is not None and not self._windows.moving:
            # It tells of a neighbour when our own count does not explain it.
            self._sharing(self._heard(request, told, now), request, now)
        # The crowd that was under way with the first that is refused does not count as more.
        if request.number > self._fence:
            self.backoff.in_a_row += 1
        self.backoff.refused(told, jitter, now)
        self._fence = self._issued
        self._windows.forget()
        self._ask_ahead, self._ask_from = True, 0.0
        self._set_mark()

    # What it believes

    def remaining(self, now: float) -> int:
        """How many requests it would let go now, one after the other."""
        self.opens_at(now)  # brings the window up to date
        if now < self.backoff.until:
            return 0
        own = self._own
        left = self.limit - own
        if self.header is not None:
            left = self._left(self.header) - self.header.reserve
        if (most := self._most()) is not None:
            left = min(left, most - own)
        return max(left, 0)

    def pace(self, now: float, waiting: float, rate: float) -> float:
        """Seconds for one call if what is left is spread evenly; 0.0 while there is plenty, or
        enough for `waiting` calls and `rate` more in each second."""
        left, most, header = self.remaining(now), self._most(), self.header
        if now < self.backoff.until:
            return self.backoff.left(now)
        ours = self.limit - (header.others + header.reserve if header else 0)
        rest = WINDOW_S if header is None or self._windows.moving else header.until - now
        if left > PLENTY * min(ours, most or ours) or waiting + rate * rest <= left:
            return 0.0
        if header is None or self._windows.moving:
            return evenly(left, self._counted, WINDOW_S, now)
        until_end = (header.until - now) / max(self._left(header) - header.reserve, 1)
        if most is None:
            return until_end
        own = self._own
        return max(until_end, evenly(max(most - own, 0), self._counted, WINDOW_S, now))

    def resets_in(self, now: float) -> float | None:
        """Seconds until the window, or the pause after a 429, ends; None where that is unknown."""
        if now < self.backoff.until:
            return self.backoff.left(now)
        return max(self.header.until - now, 0.0) if self.header else None

    @property
    def header(self) -> Header | None:
        """What is known of the current window; None between its end and an answer of the next."""
        return self._windows.header

    @property
    def first_steps(self) -> int | None:
        """The most under way before anything is known; None when something is."""
        return None if self._fence else self.backoff.careful

    @property
    def under_way(self) -> int:
        """Requests sent and not yet answered."""
        return len(self._under_way)

    # Inside

    @property
    def _own(self) -> int:
        return len(self._under_way) + len(self._counted)

    def _may_send(self, now: float) -> bool:
        own = self._own
        if (part := self._most()) is not None and own >= part:
            return False
        if self._tenant.near(own) and len(self._under_way) >= FEW:
            return False
        if (
            self.backoff.careful is not None
            and self._sent_after(self._fence) >= self.backoff.careful
        ):
            return False
        if self.header is not None:
            left = self._left(self.header)
            if left > self.header.reserve:
                return True
            if left > 0:
                look_at = self.header.look_at
                return look_at is not None and now >= look_at and not self._since_mark
            # Other windows than a fixed one give back before their end; one request asks.
            trusted = self.header.ours and self._trust_own and self._aged
            return trusted and own < self.limit and not self._since_mark
        most = max(self.limit // 10, 1) if self._alone else 1
        if own < self.limit and self._sent_after(self._mark) < most:
            return True
        return self._ask_ahead and not self._since_mark and now >= self._ask_from

    def _most(self) -> int | None:
        """Requests of our own in any 30 s, where the headers are not the only bound."""
        bounds = [self.ceiling, self._tenant.number]
        if self.workers > 1:
            bounds.append(max(self.limit // self.workers, 1))
        return min((bound for bound in bounds if bound is not None), default=None)

    def _left(self, header: Header) -> int:
        return header.remaining - len(self._under_way) - len(self._windows.untold)

    def _settled(self, header: Header, now: float) -> bool:
        """Whether nothing can have been counted since that takes what the window's end gives."""
        recent = sum(sent > now - COUNTED_WITHIN_S for sent in self._under_way.values())
        return header.remaining >= recent + len(self._windows.untold)

    def _sent_after(self, number: int) -> int:
        return sum(one > number for one in self._under_way)

    def _set_mark(self) -> None:
        self._mark, self._since_mark, self._aged = self._issued, 0, False

    def _end(self, request: Request, told: Told, now: float) -> None:
        self._windows.ended(self._under_way)
        self._under_way.pop(request.number, None)
        # From the answer on, not from the sending: when in between it was counted, nobody knows.
        window = WINDOW_S
        if self._windows.moving and self.ceiling is None:
            window = min(window, self._windows.longest_reset)
        self._counted.append(now + window + GUARD_S)
        if told.limit is not None and request.number >= self._limit_from:
            self._limit_from = request.number
            self.limit = min(told.limit, self.ceiling or told.limit)

    def _learn(self, request: Request, told: Told, now: float) -> None:
        if not self._windows.learn(self._heard(request, told, now), request, told, self._mark):
            return
        if self.header is not None and not self._windows.moving:
            self._windows.header = self._sharing(self.header, request, now)
        self._ask_ahead = False
        self._set_mark()
        if not self._fence:
            self.backoff.careful = None  # it was only for not knowing the limit yet

    def _heard(self, request: Request, told: Told, now: float) -> Header:
        rounding = self.backoff.rounding
        return header_of(request, told, self.limit, self._issued, self._own, rounding, now)

    def _sharing(self, header: Header, request: Request, now: float) -> Header:
        """The same, with what is kept for others."""
        self._neighbours.heard(
            limit=header.limit,
            counted=header.counted,
            under_way=len(self._under_way),
            workers=self.workers,
            ends_after=header.ends_after,
            until=header.until,
            length=self._windows.longest_reset,
            now=now,
        )
        if not self._neighbours.seen:
            return header
        others, reserve = self._neighbours.used, self._neighbours.reserve(request.sent)
        look_at = self._neighbours.look_at(self._left(header), now) if reserve else None
        return replace(header, others=others, reserve=reserve, look_at=look_at)
