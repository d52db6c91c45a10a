"""What goes wrong, on demand: by a seeded plan of probabilities, or once for one route or ID."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from typing import Final


class FaultKind(StrEnum):
    """The kinds of fault. The last four are the transport's, and need a server to be seen."""

    ERROR_500 = "error_500"
    BAD_GATEWAY_502 = "bad_gateway_502"
    UNAVAILABLE_503 = "unavailable_503"
    THROTTLED_429 = "throttled_429"
    HTML_200 = "html_200"
    HANG = "hang"
    RESET = "reset"
    TRUNCATED = "truncated"
    SLOW = "slow"


TRANSPORT_FAULTS: Final = frozenset(
    {FaultKind.HANG, FaultKind.RESET, FaultKind.TRUNCATED, FaultKind.SLOW}
)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The probability of each kind, per call, together at most 1.

    A hang ends after `hang_seconds` with a closed connection, a slow body takes `slow_seconds`.
    """

    probabilities: Mapping[FaultKind, float] = field(default_factory=dict)
    hang_seconds: float = 300.0
    slow_seconds: float = 2.0
    token_too: bool = False


@dataclass(slots=True)
class _Armed:
    kind: FaultKind
    route: str
    resource_id: str | None
    times: int


class Faults:
    """Decides for each call whether and how it fails, and counts what it did."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._armed: list[_Armed] = []
        self.plan = FaultPlan()
        self.injected: dict[FaultKind, int] = {}

    def once(
        self, kind: FaultKind, *, route: str = "*", resource_id: str | None = None, times: int = 1
    ) -> None:
        """The next `times` calls to a route (a glob, such as `*/entries:bulk-get`), or that name
        this resource ID, fail in this way, whatever the plan says."""
        self._armed.append(_Armed(kind, route, resource_id, times))

    def draw(self, route: str, ids: Collection[str], *, token: bool) -> FaultKind | None:
        """The fault of this call, or None."""
        kind = self._armed_kind(route, ids) if self._armed else None
        if kind is None and self.plan.probabilities and (self.plan.token_too or not token):
            kind = self._planned_kind()
        if kind is not None:
            self.injected[kind] = self.injected.get(kind, 0) + 1
        return kind

    def clear(self) -> None:
        """No more faults, planned or armed."""
        self.plan = FaultPlan()
        self._armed.clear()

    def _armed_kind(self, route: str, ids: Collection[str]) -> FaultKind | None:
        for armed in self._armed:
            wanted = armed.resource_id is None or armed.resource_id in ids
            if wanted and fnmatchcase(route, armed.route):
                armed.times -= 1
                if armed.times == 0:
                    self._armed.remove(armed)
                return armed.kind
        return None

    def _planned_kind(self) -> FaultKind | None:
        point = self._random.random()
        for kind, probability in self.plan.probabilities.items():
            point -= probability
            if point < 0:
                return kind
        return None
