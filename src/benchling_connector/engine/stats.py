"""What the engine has done so far, as plain counts: for the live line, the log and metrics."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["Stats"]


@dataclass(slots=True)
class Stats:
    """Counts since the start. Only the engine writes them; anybody may read."""

    received: int = 0
    """Messages that the queue handed over, repeated ones counted each time."""
    received_at: datetime | None = None
    """When it handed one over last."""
    stored: int = 0
    """Events that stand in a file."""
    repeated: int = 0
    """Messages whose event was settled or in flight already."""
    skipped: int = 0
    quarantined: int = 0
    quarantined_at: datetime | None = None
    """When a message was quarantined last."""
    released: int = 0
    """Messages that went back to the queue for later."""
    unavailable: int = 0
    """Stored events whose resource Benchling does not give to this app."""
    unsupported: int = 0
    """Stored events of a type for which no endpoint is known."""
    composed: int = 0
    """Files that were composed, whatever became of them."""
    pending: int = 0
    """Files that are being written now, without those that are stopped."""
    stopped: int = 0
    """Files that the lake refused too often, and that wait for a person."""
    files: int = 0
    """Files that stand in the lake."""
    bytes: int = 0
    """Of the files."""
    pruned: int = 0
    """Events that the ledger forgot, being old."""
    errors: Counter[str] = field(default_factory=Counter)
    """By error code."""
    by_type: Counter[str] = field(default_factory=Counter)
    """Stored events by event type."""
    freshness_s: float = 0.0
    """Seconds from the queue's receipt of the newest stored event to its file."""
