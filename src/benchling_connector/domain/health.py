"""How a connector is, in the words of the platform: HEALTHY, WARNING, CRITICAL.

A table with a row for each part that can be in trouble; the worst row is the connector's health.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from benchling_connector.domain.errors import ConfigurationError, ConnectorError
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.domain.rawfile import moment

__all__ = [
    "CRITICAL_AFTER_S",
    "QUARANTINE_WARNS_S",
    "UNKNOWN",
    "Condition",
    "Finding",
    "Health",
    "State",
    "condition_of",
    "stopped",
    "warning",
]

CRITICAL_AFTER_S = 150.0
"""A passing trouble that has not passed for so long is critical: within three minutes of its
begin, with half a minute for noticing it."""

UNKNOWN = "N/A"
"""The health of what has nothing to say of itself, or does not run."""

QUARANTINE_WARNS_S = 3600.0
"""For so long after a message was quarantined somebody should look."""


class State(IntEnum):
    """Ordered by how bad it is."""

    HEALTHY = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: since when, and for how many seconds."""

    error: ConnectorError
    since: datetime
    for_s: float


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the health table. A healthy part has no code, sentence and remedy."""

    part: str
    state: State
    since: datetime
    code: str | None = None
    sentence: str | None = None
    remedy: str | None = None

    def report(self) -> dict[str, str | None]:
        """As JSON shows it."""
        return {
            "part": self.part,
            "state": self.state.name,
            "code": self.code,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "since": moment(self.since),
        }


@dataclass(frozen=True, slots=True)
class Health:
    """The whole table. Without a row nothing is known: N/A."""

    conditions: tuple[Condition, ...]

    @property
    def worst(self) -> Condition:
        """What makes the health, of a table that has rows; of several equally bad the oldest."""
        return min(self.conditions, key=lambda one: (-one.state, one.since))

    @property
    def state(self) -> State:
        """The worst of all; HEALTHY where nothing is known."""
        return self.worst.state if self.conditions else State.HEALTHY

    def report(self) -> dict[str, object]:
        """As JSON shows it: the worst row, and all of them."""
        if not self.conditions:
            nothing = dict.fromkeys(("code", "sentence", "remedy", "since"))
            return {"health": UNKNOWN, **nothing, "conditions": []}
        worst = self.worst
        return {
            "health": worst.state.name,
            "code": worst.code,
            "sentence": worst.sentence,
            "remedy": worst.remedy,
            "since": moment(worst.since),
            "conditions": [one.report() for one in self.conditions],
        }


def condition_of(part: str, finding: Finding | None, well_since: datetime) -> Condition:
    """The row of a part that somebody has to mend, that will pass, or that is well."""
    if finding is None:
        return Condition(part, State.HEALTHY, well_since)
    error = finding.error
    lasts = isinstance(error, ConfigurationError) or finding.for_s >= CRITICAL_AFTER_S
    state = State.CRITICAL if lasts else State.WARNING
    return Condition(part, state, finding.since, error.code, error.sentence, error.remedy)


def warning(part: str, code: str, since: datetime, sentence: str | None = None) -> Condition:
    """The row of something that works, and that somebody should know of."""
    problem = PROBLEMS[code]
    return Condition(part, State.WARNING, since, code, sentence or problem.title, problem.remedy)


def stopped(files: int, since: datetime, said: str, *, is_full: bool) -> Condition:
    """The row of files that the lake refuses. `said`: what it said of the last one. `is_full`: they
    take all there is room for, and nothing goes on.
    """
    what = "One RAW file is stopped" if files == 1 else f"{files:,} RAW files are stopped"
    full = " There is no room for more, so nothing is taken from the queue." if is_full else ""
    row = warning("files", "file-refused", since, f"{what}, the lake refuses: {said}{full}")
    return replace(row, state=State.CRITICAL) if is_full else row
