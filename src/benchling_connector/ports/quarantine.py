"""The quarantine: what people ask it, and what they decide."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from benchling_connector.domain.records import (
    Decision,
    QuarantineFilter,
    QuarantineGroup,
    QuarantineRecord,
)
from benchling_connector.ports.page import Page

__all__ = ["Quarantine"]


class Quarantine(Protocol):
    """Messages that can never be events, and what people decide about them. Newest first."""

    async def messages(
        self, which: QuarantineFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[QuarantineRecord]:
        """Messages, by time of quarantine; without their bodies."""
        ...

    async def groups(self, which: QuarantineFilter) -> Sequence[QuarantineGroup]:
        """The same by reason; the largest group first."""
        ...

    async def message(self, message_id: str) -> QuarantineRecord | None:
        """One message, with its body."""
        ...

    async def resolve(self, decisions: Sequence[Decision], now: datetime) -> frozenset[Decision]:
        """Records decisions, and their messages' events as skipped. The bodies stay.

        Gives those that changed nothing: their message is unknown, or was decided about before.
        """
        ...
