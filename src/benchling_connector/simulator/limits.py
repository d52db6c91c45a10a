"""Benchling's rate limit: a count per app and window, and who else eats from it."""

from dataclasses import dataclass, field
from math import ceil
from typing import Final

_KEPT_WINDOWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`limit` calls in `window_seconds` for one app.

    `shared_per_second`: what another process with the same app uses up, seen in the headers.
    `tenant_limit` and `tenant_per_second`: what all apps of the tenant may have together, and what
    the others take of it; Benchling does not show either. `retry_after` adds that header to a 429.
    """

    limit: int = 300
    window_seconds: float = 30.0
    shared_per_second: float = 0.0
    tenant_limit: int | None = None
    tenant_per_second: float = 0.0
    retry_after: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left after a call; `reset` in whole seconds, rounded up."""

    allowed: bool
    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """The headers that every answer to an app carries."""
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "x-rate-limit-reset": str(self.reset),
        }


@dataclass(slots=True)
class Window:
    """One window of one app: when it began (seconds), what was answered and what was refused."""

    start: float
    used: int = 0
    refused: int = 0


@dataclass(slots=True)
class RateLimiter:
    """Counts calls in fixed windows, each of which begins with its first call."""

    config: RateLimit = field(default_factory=RateLimit)
    windows: dict[str, list[Window]] = field(default_factory=dict)

    def take(self, app: str, now: float) -> Budget:
        """Counts one call of this app at `now` (seconds)."""
        config = self.config
        window = self._current(app, now)
        left = self._left(window, now)
        allowed = left > 0 and self._tenant_left(now) > 0
        if allowed:
            window.used += 1
            left -= 1
        else:
            window.refused += 1
        reset = max(1, ceil(window.start + config.window_seconds - now))
        return Budget(allowed, config.limit, max(0, left), reset)

    def _left(self, window: Window, now: float) -> int:
        others = int((now - window.start) * self.config.shared_per_second)
        return self.config.limit - window.used - others

    def _tenant_left(self, now: float) -> int:
        if self.config.tenant_limit is None:
            return 1
        current = [self._current(app, now) for app in self.windows]
        oldest = min(window.start for window in current)
        others = int((now - oldest) * self.config.tenant_per_second)
        return self.config.tenant_limit - others - sum(window.used for window in current)

    def _current(self, app: str, now: float) -> Window:
        history = self.windows.setdefault(app, [])
        if not history or now - history[-1].start >= self.config.window_seconds:
            history.append(Window(now))
            del history[:-_KEPT_WINDOWS]
        return history[-1]
