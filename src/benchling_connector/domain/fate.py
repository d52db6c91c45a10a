"""What becomes of a delivery: acknowledge, release after a delay, quarantine.

The one place where this is decided. An error's family decides (`errors.py`); how often the queue
has handed the message out decides the delay.
"""

from dataclasses import dataclass

from benchling_connector.domain.errors import ConnectorError, PermanentError, TransientError

__all__ = ["Fate", "Quarantine", "Release", "fate_of", "release_delay"]

FIRST_DELAY_S = 5.0
LONGEST_DELAY_S = 900.0
CLAIM_LOST = "claim-lost"


@dataclass(frozen=True, slots=True)
class Release:
    """Back on the queue, to be seen again after `delay_s` seconds."""

    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Out of the way, with its raw bytes and the reason; then acknowledged."""

    reason: str


Fate = Release | Quarantine


def fate_of(error: ConnectorError, receive_count: int, jitter: float) -> Fate:
    """The fate of a message that met this error. `jitter` is from 0 up to 1."""
    reason = f"{error.code}: {error.sentence}"
    if isinstance(error, PermanentError):
        return Quarantine(reason)
    # Who lost a claim was too slow: the message has not failed, however often it was handed out.
    delay = release_delay(1 if error.code == CLAIM_LOST else receive_count, jitter)
    if isinstance(error, TransientError) and error.retry_after is not None:
        delay = min(max(delay, error.retry_after), LONGEST_DELAY_S)
    return Release(delay, reason)


def release_delay(receive_count: int, jitter: float) -> float:
    """Seconds until the next try: doubling from 5 s up to 15 minutes, the upper half at random."""
    doublings = min(max(receive_count, 1) - 1, 16)
    longest = min(FIRST_DELAY_S * float(1 << doublings), LONGEST_DELAY_S)
    return longest * (0.5 + 0.5 * jitter)
