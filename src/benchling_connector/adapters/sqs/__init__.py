"""The queue: Amazon SQS, or whatever speaks like it."""

from benchling_connector.adapters.sqs.attributes import QueueAttributes
from benchling_connector.adapters.sqs.probe import Permission, QueueProbe, probe_queue
from benchling_connector.adapters.sqs.source import SqsSource, open_queue
from benchling_connector.adapters.sqs.url import QueueAddress, parse_queue_url

__all__ = [
    "Permission",
    "QueueAddress",
    "QueueAttributes",
    "QueueProbe",
    "SqsSource",
    "open_queue",
    "parse_queue_url",
    "probe_queue",
]
