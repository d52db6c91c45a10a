"""Benchling's API: reading resources under one app's request budget."""

from benchling_connector.adapters.benchling.budget import BudgetSnapshot, RequestBudget
from benchling_connector.adapters.benchling.connection import proxy_of
from benchling_connector.adapters.benchling.reader import BenchlingReader, ReadProbe, open_reader
from benchling_connector.adapters.benchling.transport import RequestObserver

__all__ = [
    "BenchlingReader",
    "BudgetSnapshot",
    "ReadProbe",
    "RequestBudget",
    "RequestObserver",
    "open_reader",
    "proxy_of",
]
