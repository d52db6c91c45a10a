"""How fast calls may follow one another so that what a window allows lasts until its end."""

from collections.abc import Collection

__all__ = ["evenly"]


def evenly(left: int, given_back: Collection[float], window: float, now: float) -> float:
    """Seconds from one call to the next so that there is always one left.

    `left` calls may be made now, and one more at each of the times `given_back`, in order; what
    is made now is given back after `window` seconds.
    """
    slowest = window / max(left + len(given_back), 1)
    for before, at in enumerate(given_back):
        slowest = max(slowest, (at - now) / max(left + before, 1))
    return slowest
