"""The queue: Amazon SQS, or whatever speaks like it."""

from benchling_connector.adapters.sqs.attributes import QueueAttributes
from benchling_connector.adapters.sqs.deadletters import (
    DeadLetterQueue,
    DeadLetters,
    Letter,
    open_dead_letters,
)
from benchling_connector.adapters.sqs.outlet import Outgoing, Outlet, open_outlet, text_to_send
from benchling_connector.adapters.sqs.probe import Permission, QueueProbe, probe_queue
from benchling_connector.adapters.sqs.source import LONGEST_VISIBILITY_S, SqsSource, open_queue
from benchling_connector.adapters.sqs.unbroken import unbroken
from benchling_connector.domain.queue_url import QueueAddress, parse_queue_url

__all__ = [
    "LONGEST_VISIBILITY_S",
    "DeadLetterQueue",
    "DeadLetters",
    "Letter",
    "Outgoing",
    "Outlet",
    "Permission",
    "QueueAddress",
    "QueueAttributes",
    "QueueProbe",
    "SqsSource",
    "open_dead_letters",
    "open_outlet",
    "open_queue",
    "parse_queue_url",
    "probe_queue",
    "text_to_send",
    "unbroken",
]
