"""Benchling's API."""

from typing import Protocol

from benchling_connector.domain.answer import Answer
from benchling_connector.domain.plan import Call

__all__ = ["ResourceReader"]


class ResourceReader(Protocol):
    """Benchling's API under one budget."""

    async def sign_in(self) -> None:
        """Makes sure that there is a valid token."""
        ...

    async def ready(self, family: str) -> None:
        """Returns when a call of this family would be sent at once, instead of waiting for the
        budget or for other calls of the family."""
        ...

    def pace(self, waiting: int, rate: float) -> float:
        """Seconds that one call takes of the budget if what is left of it is spread evenly over the
        rest of the window, at most 5.

        0.0 while more than three quarters of what a window allows are left, or what is left
        suffices for `waiting` calls and `rate` more in each second until the window's end: so
        a quiet queue and a backlog that fits in wait for nothing, and a load that lasts slows down
        before the budget is used up.
        """
        ...

    def share(self, workers: int) -> None:
        """So many workers, this one among them, use the app's budget from now on."""
        ...

    async def ping(self, family: str | None) -> None:
        """Returns when Benchling answers at all: whatever it says of a resource that cannot be.

        `family`: the one to ask for, where calls failed; None asks for anything. Raises as `get`.
        """
        ...

    async def get(self, call: Call) -> Answer:
        """The answer, if its status is 200, 400, 403, 404 or 414 (and is Benchling's own).

        Raises `TransientError` for whatever may pass, `ConfigurationError` for refused
        credentials.
        """
        ...
