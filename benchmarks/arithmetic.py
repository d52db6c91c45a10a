"""The arithmetic of the benchmarks: percentiles, rates, and the fewest calls that are possible."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from benchling_connector.domain.catalog import Catalog

__all__ = ["calls_by_family", "least_calls", "percentile", "seconds_at_limit"]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share (0 to 1) of the values does not exceed: one of them.

    NaN where there are none.
    """
    if not values:
        return math.nan
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def least_calls(distinct: Mapping[str, int], catalog: Catalog, ids_a_call: int) -> dict[str, int]:
    """By family the fewest calls that read so many distinct resources: as many IDs in each as its
    endpoint takes, at most `ids_a_call`; one each where it takes one."""
    least = {}
    for family, count in distinct.items():
        many = catalog.families[family].many
        most = 1 if many is None else min(many.max_ids or ids_a_call, ids_a_call)
        least[family] = math.ceil(count / most)
    return least


def calls_by_family(calls: Mapping[str, int], catalog: Catalog) -> dict[str, int]:
    """The tenant's count by method and route, as a count by family; `tokens` and `other` for what
    reads no resource."""
    families = {family.path: name for name, family in catalog.families.items()}
    families |= {family.many.path: name for name, family in catalog.families.items() if family.many}
    families["/api/v2/token"] = "tokens"
    counted: Counter[str] = Counter()
    for call, count in calls.items():
        counted[families.get(call.partition(" ")[2], "other")] += count
    return dict(counted)


def seconds_at_limit(requests: int, used_by_window: Iterable[int], window_s: float) -> float:
    """How long so many requests take for somebody who gets as many through as in these windows,
    on average. What the last window lets in at once takes no time."""
    windows = list(used_by_window)
    a_window = sum(windows) / len(windows)
    return (math.ceil(requests / a_window) - 1) * window_s
