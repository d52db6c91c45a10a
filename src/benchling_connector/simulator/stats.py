"""What the tenant was asked, counted, for tests and benchmarks."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stats:
    """Counters since the start, of what the tenant answered, whether or not it arrived.

    `calls` by method and route (`GET /api/v2/entries/{id}`), `statuses` by HTTP status, `reads` by
    resource ID over single, bulk and list calls that were answered 200, `single_reads` of these
    the single ones. `throttled` are the answers 429. `violations` are calls that must never be
    made, such as reads that create something in the tenant.
    """

    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    single_reads: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def throttled(self) -> int:
        """How many calls were answered 429."""
        return self.statuses[429]

    @property
    def total(self) -> int:
        """How many calls were answered."""
        return self.statuses.total()

    def read(self, ids: Iterable[str]) -> None:
        """Counts resources that were given out."""
        for resource_id in ids:
            self.reads[resource_id] += 1

    def reset(self) -> None:
        """Begins counting anew."""
        for counter in (self.calls, self.statuses, self.reads, self.single_reads):
            counter.clear()
        self.violations.clear()

    def document(self) -> dict[str, object]:
        """As a JSON document."""
        return {
            "calls": dict(self.calls),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "reads": dict(self.reads),
            "singleReads": dict(self.single_reads),
            "throttled": self.throttled,
            "total": self.total,
            "violations": list(self.violations),
        }
