"""Sending messages to a queue, for people who send something again. The connector never does.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from benchling_connector.adapters.aws import FOREIGN, code_of
from benchling_connector.adapters.sqs.answers import SEND
from benchling_connector.adapters.sqs.connection import SqsConnection
from benchling_connector.adapters.sqs.errors import quote, translate
from benchling_connector.domain.errors import ConnectorError, PermanentError, TransientError
from benchling_connector.domain.queue_url import parse_queue_url

__all__ = ["Outgoing", "Outlet", "open_outlet", "text_to_send"]

LARGEST = 1_048_576
"""Bytes of a message that SQS takes at the most; a queue's own maximum may be lower."""

NOT_SENDABLE = "message-not-sendable"
_REFUSED = frozenset(
    {"InvalidMessageContents", "InvalidParameterValue", "MissingParameter", "UnsupportedOperation"}
)
_PREFIX = "AWS.SimpleQueueService."
# Compiled when it is first asked for: so large a set takes ten milliseconds.
_FORBIDDEN = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. `attributes` are SQS's message attributes, as they were received.

    A FIFO queue sends nothing twice within five minutes under one `deduplication_id`, and takes
    `group_id` for the order; a standard queue knows the latter only, and may go without it.
    """

    body: str
    deduplication_id: str
    group_id: str | None = None
    trace_header: str | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)


@asynccontextmanager
async def open_outlet(sqs_url: str, region: str) -> AsyncIterator["Outlet"]:
    """The way onto the queue behind a URL. Nothing is asked of it yet.

    Raises `ConfigurationError` (`queue-not-found`) when this is no queue's URL, or one of another
    Region.
    """
    connection = SqsConnection(parse_queue_url(sqs_url), region)
    try:
        yield Outlet(connection)
    finally:
        await connection.close()


class Outlet:
    """Sends to one queue, standard or FIFO."""

    def __init__(self, connection: SqsConnection) -> None:
        self._connection = connection
        self._fifo = connection.address.name.endswith(".fifo")

    async def send(self, messages: Sequence[Outgoing]) -> list[str | ConnectorError]:
        """For each the message ID that SQS confirmed, or the error that kept it from that.

        All at once; to a FIFO queue one after the other, and none after one that failed for a
        reason that is not its own.
        """
        if not self._fifo:
            return list(await asyncio.gather(*(self._send(one) for one in messages)))
        outcomes: list[str | ConnectorError] = []
        for one in messages:
            before = outcomes[-1] if outcomes else ""
            stopped = isinstance(before, ConnectorError) and not isinstance(before, PermanentError)
            outcomes.append(before if stopped else await self._send(one))
        return outcomes

    async def _send(self, message: Outgoing) -> str | ConnectorError:
        try:
            answer = await self._connection.attempt(SEND, self._parameters(message))
        except FOREIGN as error:
            code = (code_of(error) or "").removeprefix(_PREFIX)
            if code in _REFUSED:
                return PermanentError(NOT_SENDABLE, f"SQS refuses it ({code}): {quote(error)}")
            return translate(error, SEND.name)
        except ConnectorError as error:
            return error
        if not answer.message_id:
            return TransientError("queue-failing", "SendMessage: SQS did not confirm it.")
        return answer.message_id

    def _parameters(self, message: Outgoing) -> dict[str, object]:
        parameters: dict[str, object] = {"MessageBody": message.body}
        if message.attributes:
            parameters["MessageAttributes"] = message.attributes
        if message.trace_header:
            header = {"DataType": "String", "StringValue": message.trace_header}
            parameters["MessageSystemAttributes"] = {"AWSTraceHeader": header}
        if message.group_id:
            parameters["MessageGroupId"] = message.group_id
        if self._fifo:
            parameters.setdefault("MessageGroupId", "benchling-connector")
            parameters["MessageDeduplicationId"] = message.deduplication_id
        return parameters


def text_to_send(body: bytes) -> str:
    """A body as SQS takes it. Raises `PermanentError` for one that it never takes."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise PermanentError(NOT_SENDABLE, "Its bytes are not UTF-8 text.") from None
    if not text:
        raise PermanentError(NOT_SENDABLE, "It is empty.")
    if found := re.search(_FORBIDDEN, text):
        raise PermanentError(NOT_SENDABLE, f"SQS takes no character U+{ord(found[0]):04X}.")
    if len(body) > LARGEST:
        raise PermanentError(NOT_SENDABLE, f"It has {len(body):,} bytes, SQS takes {LARGEST:,}.")
    return text
