"""One thing that was tested, and how it ended: passed, warned about, failed, not tried."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from benchling_connector.domain.errors import ConnectorError
from benchling_connector.domain.problems import PROBLEMS, TROUBLESHOOTING

__all__ = ["PATIENCE_S", "Item", "Outcome", "attempt", "failure", "skipped", "warning"]

PATIENCE_S = 30.0
"""For one answer, in seconds."""


class Outcome(StrEnum):
    """How an item ended."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was tested. `code` names the heading of the troubleshooting guide."""

    name: str
    outcome: Outcome
    summary: str
    remedy: str | None = None
    code: str | None = None

    @property
    def passed(self) -> bool:
        """Whether a connector can work with it."""
        return self.outcome in (Outcome.PASSED, Outcome.WARNING)

    @property
    def documentation(self) -> str | None:
        """Where the guide says more; None for what passed."""
        return None if self.outcome is Outcome.PASSED else f"{TROUBLESHOOTING}#{self.code or ''}"


def failure(name: str, error: ConnectorError) -> Item:
    """The item that an error makes."""
    return Item(name, Outcome.FAILED, error.sentence, error.remedy, error.code)


async def attempt(name: str, test: Callable[[], Awaitable[Item]]) -> Item:
    """What the test gives; a failed item for a `ConnectorError`, or after `PATIENCE_S`."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await test()
    except ConnectorError as error:
        return failure(name, error)
    except TimeoutError:
        return Item(
            name,
            Outcome.FAILED,
            f"No answer within {PATIENCE_S:.0f} seconds.",
            "Check the firewall and the proxy between here and there.",
            "no-answer",
        )


def warning(name: str, code: str, summary: str = "") -> Item:
    """The item that works, but that somebody should know of; `code` is one of `PROBLEMS`."""
    problem = PROBLEMS[code]
    return Item(name, Outcome.WARNING, summary or problem.title, problem.remedy, code)


def skipped(name: str, because: str) -> Item:
    """The item that makes no sense when the one named by `because` failed."""
    return Item(name, Outcome.SKIPPED, f"Not tried: {because} failed.", code="skipped")
