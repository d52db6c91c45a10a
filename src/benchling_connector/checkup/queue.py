"""The queue: that it is there, what may be done with it, and how it is set up."""

import asyncio
from collections.abc import AsyncIterator

from benchling_connector.adapters.sqs import (
    Permission,
    QueueAttributes,
    parse_queue_url,
    probe_queue,
)
from benchling_connector.checkup.items import PATIENCE_S, Item, Outcome, failure, skipped, warning
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError

__all__ = ["QUEUE_ITEMS", "check_queue"]

QUEUE_ITEMS = (
    "queue-region",
    "queue-exists",
    "queue-receive",
    "queue-delete",
    "queue-visibility",
    "queue-redrive",
    "queue-visibility-timeout",
)
"""In the order in which they come."""

LEAST_VISIBILITY_S = 30
MOST_VISIBILITY_S = 3_600
LEAST_RECEIVES = 5


async def check_queue(configuration: Configuration) -> AsyncIterator[Item]:
    """All of `QUEUE_ITEMS`, by one probe that takes no message."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            probe = await probe_queue(
                configuration.sqs_url, configuration.aws_region, ca_bundle=configuration.ca_bundle
            )
    except (ConnectorError, TimeoutError) as error:
        if not isinstance(error, ConnectorError):
            error = TransientError("queue-failing", f"No answer within {PATIENCE_S:.0f} seconds.")
        wrong_region = "aws_region" in error.sentence
        failed = "queue-region" if wrong_region else "queue-exists"
        if not wrong_region:
            yield _region(configuration)
        for name in QUEUE_ITEMS[0 if wrong_region else 1 :]:
            yield failure(name, error) if name == failed else skipped(name, failed)
        return
    yield _region(configuration)
    yield Item("queue-exists", Outcome.PASSED, "The queue exists.")
    yield _permission("queue-receive", "ReceiveMessage", probe.receive)
    yield _permission("queue-delete", "DeleteMessage", probe.delete)
    yield _permission("queue-visibility", "ChangeMessageVisibility", probe.change_visibility)
    yield _redrive(probe.attributes)
    yield _visibility_timeout(probe.attributes)


def _region(configuration: Configuration) -> Item:
    named = parse_queue_url(configuration.sqs_url).region
    ours = configuration.aws_region
    summary = f"The queue is in {ours}." if named else f"The URL names no Region; using {ours}."
    return Item("queue-region", Outcome.PASSED, summary)


def _permission(name: str, action: str, permission: Permission) -> Item:
    if permission is Permission.ALLOWED:
        return Item(name, Outcome.PASSED, f"sqs:{action} is allowed.")
    if permission is Permission.UNKNOWN:
        summary = f"sqs:{action} could not be probed without touching messages."
        return Item(name, Outcome.WARNING, summary, code="queue-access-denied")
    summary = f"sqs:{action} is denied."
    if name == "queue-visibility":  # everything works without it, only slower
        return warning(name, "queue-access-denied", summary)
    return failure(name, ConfigurationError("queue-access-denied", summary))


def _redrive(attributes: QueueAttributes | None) -> Item:
    name = "queue-redrive"
    if attributes is None:
        return warning(name, "queue-attributes-unread")
    receives = attributes.max_receive_count
    if receives is None:
        return warning(name, "queue-without-redrive")
    if receives < LEAST_RECEIVES:
        summary = f"A message goes to the dead-letter queue after only {receives} receives."
        return warning(name, "queue-without-redrive", summary)
    return Item(name, Outcome.PASSED, f"To the dead-letter queue after {receives} receives.")


def _visibility_timeout(attributes: QueueAttributes | None) -> Item:
    name = "queue-visibility-timeout"
    if attributes is None or attributes.visibility_timeout is None:
        return warning(name, "queue-attributes-unread")
    seconds = attributes.visibility_timeout
    if not LEAST_VISIBILITY_S <= seconds <= MOST_VISIBILITY_S:
        summary = f"The visibility timeout is {seconds} s."
        return warning(name, "queue-visibility-timeout", summary)
    return Item(name, Outcome.PASSED, f"The visibility timeout is {seconds} s.")
