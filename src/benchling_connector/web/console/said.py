"""What a page says once, after what was done: a word in a cookie, never a text.

Whatever somebody plants into the cookie, the page can only say what stands here.
"""

from dataclasses import dataclass

from benchling_connector.domain.problems import PROBLEMS

__all__ = ["COOKIE", "LASTS_S", "Said", "said_of"]

COOKIE = "benchling-said"
LASTS_S = 60

_DONE = {
    "connector-created": "The connector is there. It is IDLE until it is configured and started.",
    "connector-edited": "Saved.",
    "connector-started": "Started. Its workers begin within seconds.",
    "connector-stopped": "Stopped. Its workers go on taking commands and upload nothing.",
    "connector-enabled": "Enabled. It is IDLE until it is started.",
    "connector-disabled": "Disabled. Its workers end when what they have in flight is stored.",
    "signed-out": "You are signed out.",
}


@dataclass(frozen=True, slots=True)
class Said:
    """`is_problem`: it did not work."""

    text: str
    is_problem: bool = False


def said_of(word: str | None) -> Said | None:
    """What a word says: one of ours, or the code of a problem."""
    if word in _DONE:
        return Said(_DONE[word])
    if word in PROBLEMS:
        problem = PROBLEMS[word]
        return Said(f"{problem.title} {problem.remedy}", is_problem=True)
    return None
