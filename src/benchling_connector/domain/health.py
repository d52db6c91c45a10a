"""How a connector is, in the words of the platform: HEALTHY, WARNING, CRITICAL."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from benchling_connector.domain.errors import PROBLEMS, ConfigurationError, ConnectorError

__all__ = ["CRITICAL_AFTER_S", "Finding", "Health", "State", "health_of"]

CRITICAL_AFTER_S = 180.0
"""A passing trouble that has not passed for so long is critical."""


class State(IntEnum):
    """Ordered by how bad it is."""

    HEALTHY = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and for how many seconds it has been."""

    error: ConnectorError
    for_s: float


@dataclass(frozen=True, slots=True)
class Health:
    """The state, and the worst finding's code, sentence and remedy."""

    state: State
    code: str | None = None
    sentence: str | None = None
    remedy: str | None = None


def health_of(findings: Sequence[Finding], *, tls_verification_off: bool) -> Health:
    """The health that the worst of the findings makes."""
    judged = [(_state_of(finding), finding) for finding in findings]
    if judged:
        state, worst = max(judged, key=lambda one: (one[0], one[1].for_s))
        return Health(state, worst.error.code, worst.error.sentence, worst.error.remedy)
    if tls_verification_off:
        problem = PROBLEMS["tls-verification-off"]
        return Health(State.WARNING, "tls-verification-off", problem.title, problem.remedy)
    return Health(State.HEALTHY)


def _state_of(finding: Finding) -> State:
    if isinstance(finding.error, ConfigurationError) or finding.for_s >= CRITICAL_AFTER_S:
        return State.CRITICAL
    return State.WARNING
