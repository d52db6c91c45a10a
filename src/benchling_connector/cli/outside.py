"""What the platform is given of the world beside its database."""

from benchling_connector.adapters.ledger import SqlLedgerReader, SqlQuarantine
from benchling_connector.adapters.notify import notify
from benchling_connector.platform.outward import Outside

__all__ = ["OUTSIDE"]

OUTSIDE = Outside(ledger=SqlLedgerReader, quarantine=SqlQuarantine, notify=notify)
