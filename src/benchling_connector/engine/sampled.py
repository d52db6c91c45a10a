"""What the engine knows of itself, as numbers by name: its part of a sample."""

from datetime import datetime

from benchling_connector.engine.flight import Register
from benchling_connector.engine.stats import Stats

__all__ = ["sampled"]


def sampled(stats: Stats, register: Register, now: datetime) -> dict[str, float]:
    """See `domain/samples.py`. What is not known yet is left out."""
    sent = [held.delivery.sent_at for held in register.messages() if held.delivery.sent_at]
    values: dict[str, float] = {
        "messages_received": stats.received,
        "messages_repeated": stats.repeated,
        "messages_released": stats.released,
        "messages_quarantined": stats.quarantined,
        "messages_in_flight": len(register),
        "oldest_message_seconds": max((now - min(sent)).total_seconds(), 0.0) if sent else 0.0,
        "events_stored": stats.stored,
        "events_skipped": stats.skipped,
        "files_composed": stats.composed,
        "files_stored": stats.files,
        "files_stored_bytes": stats.bytes,
        "files_pending": stats.pending,
        "files_stopped": stats.stopped,
        "errors": sum(stats.errors.values()),
        "freshness_seconds": stats.freshness_s,
    }
    if stats.received_at is not None:
        values["last_message_timestamp_seconds"] = stats.received_at.timestamp()
    return values
