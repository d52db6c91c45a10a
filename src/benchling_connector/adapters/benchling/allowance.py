"""When the next request may be sent: the decisions behind the budget, without clock or network.

What Benchling's headers say of the current window is believed over our own count. A request under
way may or may not be in what a header counted, so it is subtracted; answers arrive out of order,
so within a window the lowest `remaining` counts, until the answer to a request that was sent after
that one came. Between the end of a window and the first header of the next, our own count decides,
and where that is used up a single request goes ahead to ask.

Numbers of requests tell what was sent before what: clocks may stand still between two of them.
"""

from collections import deque
from dataclasses import dataclass, replace

from benchling_connector.adapters.benchling.backoff import GUARD_S, Backoff
from benchling_connector.adapters.benchling.neighbours import Neighbours
from benchling_connector.adapters.benchling.pace import evenly
from benchling_connector.adapters.benchling.ratelimit import Told
from benchling_connector.adapters.benchling.tenant import FEW, TenantPart

__all__ = ["DOCUMENTED_LIMIT", "WINDOW_S", "Allowance", "Request"]

DOCUMENTED_LIMIT = 300
WINDOW_S = 30.0
SHORTEST_WAIT_S = 0.001
COUNTED_WITHIN_S = 5.0
"""A request that has been under way for so long has been counted, if it ever will be."""
PLENTY = 0.75
"""Of what a window allows us: while more is left, there is no need to be slow."""
UNCAREFUL = 32
"""Requests under way at which careful going on after a 429 ends."""


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
class _Header:
    """What is known of the server's current window.

    `issued`: the number of the last request sent when this was heard. `ours`: our own count
    explains all that the server has counted, so nobody else uses this app's budget. The window
    ends between `ends_after` and `until` (seconds on our monotonic clock). Of what remains,
    `reserve` is kept for others; one request looks what they have taken at `look_at`.
    """

    remaining: int
    issued: int
    ours: bool
    ends_after: float
    until: float
    reserve: int = 0
    look_at: float | None = None


class Allowance:
    """The state of one app's budget. Times are seconds on one monotonic clock.

    `ceiling`: where it begins and what it never exceeds in any 30 s; None begins at the documented
    300 and follows the headers, up as well as down. Of several `workers`, which send in the name
    of the same app, each takes its equal part of either.
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
        self._untold: list[int] = []  # last number sent when a request ended without headers
        self._told: list[tuple[int, float]] = []  # the same for those with, and `until` of theirs
        self._header: _Header | None = None
        self._last: _Header | None = None  # what was known of the last window that is over
        self._limit_from = 0  # number of the request that told the limit
        self._mark = 0  # requests above this number were sent since we learnt something
        self._since_mark = 0
        self._ask_ahead = False
        self._ask_from = 0.0
        self._backoff = Backoff()
        self._fence = 0  # requests up to this number were sent before the last 429
        self._careful: int | None = 1
        self._aged = False  # something left our own count since we learnt something
        self._trust_own = True
        self._alone = True
        self._early = 0  # number of the last request that asked before its window's end
        self._longest_reset = 0.0
        self._moving = False  # its windows slide: they give back one by one
        self._neighbours = Neighbours()
        self._tenant = TenantPart()

    def opens_at(self, now: float) -> float | None:
        """`now`: a request may be sent; else when it is worth asking again; None: only an answer
        can change anything."""
        while self._counted and self._counted[0] <= now:
            self._counted.popleft()
            self._aged = True
        self._tenant.grow(self.limit, now)
        if now < self._backoff.until:
            return max(self._backoff.until, now + SHORTEST_WAIT_S)
        header = self._header
        if header is not None and now >= header.until:
            self._last, self._header = header, None
            self._alone = header.ours
            # One that has asked early must not be joined by another, and what a sliding window
            # gives back, our own count knows.
            self._ask_ahead = self._early <= self._mark and not self._moving
            self._ask_from = now + (0.0 if self._settled(header, now) else COUNTED_WITHIN_S)
            self._set_mark()
        if self._may_send(now):
            return now
        changes = [self._header.until] if self._header else []
        if self._header and self._header.look_at is not None and now < self._header.look_at:
            changes.append(self._header.look_at)
        if self._ask_ahead and now < self._ask_from:
            changes.append(self._ask_from)
        if self._counted:
            changes.append(self._counted[0])
        return max(min(changes), now + SHORTEST_WAIT_S) if changes else None

    def send(self, now: float) -> Request:
        """One request is let go. Only right after `opens_at` gave `now`."""
        self._issued += 1
        self._since_mark += 1
        self.used_total += 1
        self._under_way[self._issued] = now
        header = self._header
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
            self._backoff.in_a_row = 0
            if self._careful is not None:
                self._careful = None if self._careful >= UNCAREFUL else self._careful * 2
        if told.remaining is None or request.number <= self._fence:
            self._untold.append(self._issued)
        else:
            self._learn(request, told, told.remaining, now)

    def lost(self, request: Request, now: float) -> None:
        """There was no answer; it may have been counted all the same."""
        self._end(request, Told(), now)
        self._neighbours.ended(now)
        self._untold.append(self._issued)

    def refused(self, request: Request, told: Told, jitter: float, now: float) -> None:
        """It was answered 429. `jitter` is from 0 up to 1."""
        self._end(request, told, now)
        self.refused_total += 1
        if request.early:
            self._trust_own = False  # it is no window of 30 s, or it is not ours alone
        if request.first and told.whole and told.reset is not None and told.reset <= 1:
            self._backoff.rounding = 1.0  # this server rounds down
        if told.remaining:
            self._tenant.refused(now)
        elif told.remaining is not None and not self._moving:
            # It tells of a neighbour when our own count does not explain it.
            self._sharing(self._heard(request, told, 0, now), request, told, now)
        # The crowd that was under way with the first that is refused does not count as more.
        if request.number > self._fence:
            self._backoff.in_a_row += 1
        self._backoff.refused(told, jitter, now)
        self._fence = self._issued
        self._header, self._ask_ahead, self._careful = None, True, 1
        self._moving, self._last, self._ask_from = False, None, 0.0
        self._untold.clear()
        self._set_mark()

    # What it believes

    def remaining(self, now: float) -> int:
        """How many requests it would let go now, one after the other."""
        self.opens_at(now)  # brings the window up to date
        if now < self._backoff.until:
            return 0
        own = len(self._under_way) + len(self._counted)
        left = self.limit - own
        if self._header is not None:
            left = self._left(self._header) - self._header.reserve
        if (most := self._most()) is not None:
            left = min(left, most - own)
        return max(left, 0)

    def pace(self, now: float) -> float:
        """Seconds for one call if what is left is spread evenly; 0.0 while there is plenty."""
        left, most, header = self.remaining(now), self._most(), self._header
        if now < self._backoff.until:
            return self._backoff.left(now)
        ours = self.limit - (self._neighbours.used + header.reserve if header else 0)
        if left > PLENTY * min(ours, most or ours):
            return 0.0
        if header is None or self._moving:
            return evenly(left, self._counted, WINDOW_S, now)
        until_end = (header.until - now) / max(self._left(header) - header.reserve, 1)
        if most is None:
            return until_end
        own = len(self._under_way) + len(self._counted)
        return max(until_end, evenly(max(most - own, 0), self._counted, WINDOW_S, now))

    def resets_in(self, now: float) -> float | None:
        """Seconds until the window, or the pause after a 429, ends; None where that is unknown."""
        if now < self._backoff.until:
            return self._backoff.left(now)
        return max(self._header.until - now, 0.0) if self._header else None

    def paused_for(self, now: float) -> float:
        """Seconds until anything may be sent again after a 429."""
        return self._backoff.left(now)

    @property
    def others(self) -> int:
        """Requests of this window that others have sent as the same app, at the least."""
        return self._neighbours.used if self._header else 0

    @property
    def reserve(self) -> int:
        """Requests of this window that are kept for them."""
        return self._header.reserve if self._header else 0

    @property
    def refusals(self) -> int:
        """Answers 429 since anything else was answered; a crowd that was under way counts once."""
        return self._backoff.in_a_row

    @property
    def under_way(self) -> int:
        """Requests sent and not yet answered."""
        return len(self._under_way)

    # Inside

    def _may_send(self, now: float) -> bool:
        own = len(self._under_way) + len(self._counted)
        if (part := self._most()) is not None and own >= part:
            return False
        if self._tenant.near(own) and len(self._under_way) >= FEW:
            return False
        if self._careful is not None and self._sent_after(self._fence) >= self._careful:
            return False
        if self._header is not None:
            left = self._left(self._header)
            if left > self._header.reserve:
                return True
            if left > 0:
                look_at = self._header.look_at
                return look_at is not None and now >= look_at and not self._since_mark
            # Other windows than a fixed one give back before their end; one request asks.
            trusted = self._header.ours and self._trust_own and self._aged
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

    def _left(self, header: _Header) -> int:
        return header.remaining - len(self._under_way) - len(self._untold)

    def _settled(self, header: _Header, now: float) -> bool:
        """Whether nothing can have been counted since that takes what the window's end gives."""
        recent = sum(sent > now - COUNTED_WITHIN_S for sent in self._under_way.values())
        return header.remaining >= recent + len(self._untold)

    def _sent_after(self, number: int) -> int:
        return sum(one > number for one in self._under_way)

    def _set_mark(self) -> None:
        self._mark, self._since_mark, self._aged = self._issued, 0, False

    def _end(self, request: Request, told: Told, now: float) -> None:
        # Only what is under way can still bring a header that misses them.
        oldest = min(self._under_way)
        self._told = [one for one in self._told if one[0] >= oldest]
        if self._header is None:
            self._untold = [issued for issued in self._untold if issued >= oldest]
        self._under_way.pop(request.number, None)
        # From the answer on, not from the sending: when in between it was counted, nobody knows.
        window = WINDOW_S
        if self._moving and self.ceiling is None:
            window = min(window, self._longest_reset)
        self._counted.append(now + window + GUARD_S)
        if told.limit is not None and request.number >= self._limit_from:
            self._limit_from = request.number
            self.limit = min(told.limit, self.ceiling or told.limit)

    def _learn(self, request: Request, told: Told, remaining: int, now: float) -> None:
        new = self._heard(request, told, remaining, now)
        old, others = self._header or self._last, self._told
        self._told = [*others, (self._issued, new.until)]
        if old is not None and new.until < old.ends_after:
            return  # of a window before this one
        if self._header is not None and new.ends_after <= self._header.until:  # of the same window
            old = self._header
            new = replace(new, until=min(new.until, old.until))
            if request.number <= old.issued:  # and perhaps counted before that one was
                new = replace(new, remaining=min(new.remaining, old.remaining))
        else:
            if old is not None:
                if request.number <= self._mark and new.ends_after <= old.until:
                    return  # of the window that is over
                # Fixed windows are as long as the longest time that was ever told.
                moved = new.until - old.ends_after
                self._moving |= moved < 0.9 * (self._longest_reset - told.rounded)
            # Answers that came first may have been counted after this one, in the same window.
            self._untold += [one for one, until in others if until >= new.ends_after]
        self._untold = [issued for issued in self._untold if issued >= request.number]
        self._header = new if self._moving else self._sharing(new, request, told, now)
        self._ask_ahead = False
        self._set_mark()
        if not self._fence:
            self._careful = None  # it was only for not knowing the limit yet

    def _heard(self, request: Request, told: Told, remaining: int, now: float) -> _Header:
        reset = WINDOW_S if told.reset is None else told.reset
        self._longest_reset = max(self._longest_reset, reset)
        used = (told.limit or self.limit) - remaining
        return _Header(
            remaining=remaining,
            issued=self._issued,
            ours=used <= len(self._under_way) + len(self._counted),
            # It was counted after we sent it, if not when; and before its answer came.
            ends_after=request.sent + max(reset - told.rounded, 0.0),
            until=now + reset + told.rounded * self._backoff.rounding + GUARD_S,
        )

    def _sharing(self, header: _Header, request: Request, told: Told, now: float) -> _Header:
        """The same, with what is kept for others."""
        limit = told.limit or self.limit
        self._neighbours.heard(
            limit=limit,
            counted=limit - (told.remaining or 0),
            under_way=len(self._under_way),
            workers=self.workers,
            ends_after=header.ends_after,
            until=header.until,
            length=self._longest_reset,
            now=now,
        )
        reserve = self._neighbours.reserve(limit // 2, request.sent)
        look_at = self._neighbours.look_at(self._left(header), now) if reserve else None
        return replace(header, reserve=reserve, look_at=look_at)
