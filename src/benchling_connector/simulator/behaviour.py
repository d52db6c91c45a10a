"""How the tenant answers: what is set once a test or a person wants it otherwise."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds that an answer takes: fixed, plus up to `jitter`, plus the family's own."""

    fixed: float = 0.0
    jitter: float = 0.0
    by_family: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Behaviour:
    """How the tenant answers; everything may be changed while it runs.

    `max_ids` bounds bulk and `ids` calls, by family, beside what Benchling documents.
    `silently_missing`: a bulk answer leaves unknown IDs out instead of failing.
    `unknown_path_status`: 404, or 200 where an outage or a proxy answers HTML to everything.
    """

    latency: Latency = field(default_factory=Latency)
    url_limit: int = 8192
    max_ids: dict[str, int] = field(default_factory=dict)
    silently_missing: bool = False
    unknown_path_status: int = 404
    maintenance: bool = False
    event_retention_days: float = 14.0
