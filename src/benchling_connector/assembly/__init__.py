"""The composition root: takes a configuration and a home, and gives an engine with its adapters."""

from benchling_connector.assembly.connector import Connector, Standing, new_worker_id
from benchling_connector.assembly.ledger import opened
from benchling_connector.assembly.metrics import metrics_of
from benchling_connector.assembly.opening import open_connector

__all__ = ["Connector", "Standing", "metrics_of", "new_worker_id", "open_connector", "opened"]
