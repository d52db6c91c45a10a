"""What Benchling's rate-limit headers say on one answer.

Benchling documents `x-rate-limit-limit`, `-remaining` and `-reset` (seconds), and no Retry-After;
one that comes all the same is honoured, in both forms that RFC 9110 gives it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["NOTHING_TOLD", "Told", "http_date", "read_headers"]

LONGEST_S = 3_600.0
"""No limit has windows longer than this; a greater number is no count of seconds."""


@dataclass(frozen=True, slots=True)
class Told:
    """The headers of one answer; None for what it did not say, or not as a number.

    `reset` and `retry_after` are in seconds from the answer on. `whole`: `reset` came as a whole
    number, so it may be rounded by up to a second.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
    whole: bool = True
    retry_after: float | None = None

    @property
    def rounded(self) -> bool:
        """Whether `reset` may be rounded."""
        return self.whole and self.reset is not None


NOTHING_TOLD = Told()


def read_headers(headers: Mapping[str, str], now: datetime) -> Told:
    """What the headers say. `headers` finds names in any case; `now` is UTC."""
    reset = headers.get("x-rate-limit-reset", "")
    limit = _number(headers.get("x-rate-limit-limit"))
    remaining = _number(headers.get("x-rate-limit-remaining"))
    return Told(
        limit=None if limit is None or limit < 1 else int(limit),
        remaining=None if remaining is None else int(remaining),
        reset=_seconds(reset),
        whole="." not in reset,
        retry_after=_retry_after(headers, now),
    )


def http_date(text: str | None) -> datetime | None:
    """The moment that a header such as `Date` names, UTC; None if it names none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    text = headers.get("Retry-After")
    seconds = _number(text)
    if seconds is not None:
        return min(seconds, LONGEST_S)
    moment = http_date(text)
    if moment is None:
        return None
    # Against the server's own clock where it tells the time: ours may differ.
    sent = http_date(headers.get("Date")) or now
    return min(max((moment - sent).total_seconds(), 0.0), LONGEST_S)


def _seconds(text: str | None) -> float | None:
    number = _number(text)
    return number if number is not None and number <= LONGEST_S else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
