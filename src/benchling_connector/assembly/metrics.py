"""What `/metrics` of a running connector tells."""

from benchling_connector.adapters.benchling import BudgetSnapshot
from benchling_connector.domain.health import Health
from benchling_connector.domain.metrics import Metric, counter, gauge
from benchling_connector.engine.stats import Stats

__all__ = ["metrics_of"]


def metrics_of(
    stats: Stats, budget: BudgetSnapshot, health: Health, in_flight: int
) -> tuple[Metric, ...]:
    """Every metric of a running connector, from what it knows of itself."""
    return (
        gauge("health", "0 healthy, 1 warning, 2 critical.", health.state),
        gauge(
            "health_part",
            "The same for each part of the health table.",
            [(one.part, float(one.state)) for one in health.conditions],
            "part",
        ),
        counter("messages_received", "Messages that the queue handed over.", stats.received),
        counter("messages_repeated", "Messages whose event was known already.", stats.repeated),
        counter("messages_released", "Messages sent back to the queue for later.", stats.released),
        counter("messages_quarantined", "Messages put into quarantine.", stats.quarantined),
        gauge("messages_in_flight", "Messages between receive and settle.", in_flight),
        counter(
            "events_stored",
            "Events that stand in a RAW file, by event type.",
            sorted(stats.by_type.items()),
            "event_type",
        ),
        counter("events_skipped", "Events that the filters leave out.", stats.skipped),
        counter("events_unavailable", "Stored without a resource: refused.", stats.unavailable),
        counter("events_unsupported", "Stored without a resource: unknown.", stats.unsupported),
        counter("events_pruned", "Old events that the ledger forgot.", stats.pruned),
        counter("files_stored", "RAW files written.", stats.files),
        gauge("files_pending", "RAW files composed and not yet written.", stats.pending),
        gauge("files_stopped", "RAW files that the lake refuses, stopped.", stats.stopped),
        counter("files_stored_bytes", "Size of the RAW files written.", stats.bytes),
        gauge("freshness_seconds", "From the queue to the lake, newest event.", stats.freshness_s),
        counter("errors", "Errors met, by code.", sorted(stats.errors.items()), "code"),
        counter("api_requests", "Requests sent to Benchling.", budget.used_total),
        counter("api_throttled", "Answers 429 from Benchling.", budget.throttled_total),
        gauge("api_budget_limit", "Requests that a window allows, as believed.", budget.limit),
        gauge("api_budget_remaining", "Requests left in the window.", budget.remaining),
        gauge("api_budget_others", "Requests of the window that others sent.", budget.others),
        gauge("api_budget_reserve", "Requests of the window kept for others.", budget.reserve),
        gauge("api_requests_waiting", "Requests that wait for the budget.", budget.waiting),
    )
