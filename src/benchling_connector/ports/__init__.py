"""The Protocols that the engine speaks. Adapters implement them; so do their in-memory twins.

Adapters translate foreign errors into `domain.errors` at their edge: a caller of a port meets
`ConfigurationError` and `TransientError`, never a library's exception.
"""

from benchling_connector.ports.benchling import ResourceReader
from benchling_connector.ports.home import Beat, Home, Situation
from benchling_connector.ports.lake import Lake
from benchling_connector.ports.ledger import (
    Candidate,
    Claim,
    GivenBack,
    Ledger,
    Pruned,
    StrayMessage,
    Verdict,
)
from benchling_connector.ports.ledger_reader import LedgerReader
from benchling_connector.ports.notify import Notify
from benchling_connector.ports.page import Page
from benchling_connector.ports.quarantine import Quarantine
from benchling_connector.ports.queue import Delivery, EventSource, QueueFacts
from benchling_connector.ports.sealing import Sealing
from benchling_connector.ports.system import Clock, Ids

__all__ = [
    "Beat",
    "Candidate",
    "Claim",
    "Clock",
    "Delivery",
    "EventSource",
    "GivenBack",
    "Home",
    "Ids",
    "Lake",
    "Ledger",
    "LedgerReader",
    "Notify",
    "Page",
    "Pruned",
    "Quarantine",
    "QueueFacts",
    "ResourceReader",
    "Sealing",
    "Situation",
    "StrayMessage",
    "Verdict",
]
