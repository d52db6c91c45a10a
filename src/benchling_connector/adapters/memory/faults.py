"""Faults that a test sets on an in-memory twin: which call fails, and whether it acted first."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from benchling_connector.domain.errors import ConnectorError

__all__ = ["Faults"]

When = Literal["before", "after"]


@dataclass(slots=True)
class _Fault:
    error: ConnectorError
    times: int | None


@dataclass(slots=True)
class Faults:
    """The faults to come, by method name; each call meets at most one before and one after it acts.

    `times` None stands for every call until `clear`.
    """

    _set: dict[tuple[str, When], deque[_Fault]] = field(default_factory=dict)

    def before(self, method: str, error: ConnectorError, times: int | None = 1) -> None:
        """The next calls of `method` raise `error` and do nothing."""
        self._set.setdefault((method, "before"), deque()).append(_Fault(error, times))

    def after(self, method: str, error: ConnectorError, times: int | None = 1) -> None:
        """The next calls of `method` do their work, and raise `error`: the answer was lost."""
        self._set.setdefault((method, "after"), deque()).append(_Fault(error, times))

    def clear(self) -> None:
        """All is well again."""
        self._set.clear()

    def strike(self, method: str, when: When) -> None:
        """Raises the error that is due; for the twin itself."""
        faults = self._set.get((method, when))
        if not faults:
            return
        fault = faults[0]
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                faults.popleft()
        raise fault.error
