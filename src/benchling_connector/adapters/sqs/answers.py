"""What is asked of SQS, and what of its answers is read.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from benchling_connector.adapters.sqs.errors import GarbageError

__all__ = [
    "CHANGE_VISIBILITY",
    "CHANGE_VISIBILITY_BATCH",
    "DELETE",
    "DELETE_BATCH",
    "GET_ATTRIBUTES",
    "GET_URL",
    "RECEIVE",
    "SEND",
    "Action",
    "Attributes",
    "BatchResult",
    "Message",
    "MessageAttribute",
    "Nothing",
    "QueueUrl",
    "Received",
    "Sent",
    "read",
]

Answer = TypeVar("Answer", bound=msgspec.Struct)


class MessageAttribute(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """One of a message's attributes. `binary_value` is base64, as it travels both ways."""

    data_type: str
    string_value: str | None = None
    binary_value: str | None = None


class Message(msgspec.Struct, frozen=True, rename="pascal"):
    """A message as SQS hands it out."""

    message_id: str
    receipt_handle: str
    body: str | None = None
    attributes: Mapping[str, object] | None = None
    message_attributes: Mapping[str, MessageAttribute] | None = None


class Received(msgspec.Struct, frozen=True, rename="pascal"):
    """Of ReceiveMessage. No messages where there are none."""

    messages: tuple[Message, ...] | None = None


class BatchEntry(msgspec.Struct, frozen=True, rename="pascal"):
    """One entry of a batch."""

    id: str | None = None


class BatchResult(msgspec.Struct, frozen=True, rename="pascal"):
    """Of a batch: the entries that SQS confirms. What failed is told, too, and not read."""

    successful: tuple[BatchEntry, ...] | None = None


class Attributes(msgspec.Struct, frozen=True, rename="pascal"):
    """Of GetQueueAttributes."""

    attributes: Mapping[str, object] | None = None


class QueueUrl(msgspec.Struct, frozen=True, rename="pascal"):
    """Of GetQueueUrl."""

    queue_url: str


class Sent(msgspec.Struct, frozen=True, rename="pascal"):
    """Of SendMessage."""

    message_id: str | None = None


class Nothing(msgspec.Struct, frozen=True):
    """Of an action that gives nothing back."""


@dataclass(frozen=True, slots=True)
class Action(Generic[Answer]):
    """An action of SQS. `of_a_queue`: whether it names the queue that it is about."""

    name: str
    answer: msgspec.json.Decoder[Answer]
    of_a_queue: bool = True


CHANGE_VISIBILITY = Action("ChangeMessageVisibility", msgspec.json.Decoder(Nothing))
CHANGE_VISIBILITY_BATCH = Action("ChangeMessageVisibilityBatch", msgspec.json.Decoder(BatchResult))
DELETE = Action("DeleteMessage", msgspec.json.Decoder(Nothing))
DELETE_BATCH = Action("DeleteMessageBatch", msgspec.json.Decoder(BatchResult))
GET_ATTRIBUTES = Action("GetQueueAttributes", msgspec.json.Decoder(Attributes))
GET_URL = Action("GetQueueUrl", msgspec.json.Decoder(QueueUrl), of_a_queue=False)
RECEIVE = Action("ReceiveMessage", msgspec.json.Decoder(Received))
SEND = Action("SendMessage", msgspec.json.Decoder(Sent))


def read(action: Action[Answer], body: bytes) -> Answer:
    """The answer in the body. Raises `GarbageError` for one that is none of this action's."""
    try:
        return action.answer.decode(body or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        # Python's own reader takes half of a surrogate pair, which is no character.
        return msgspec.convert(json.loads(body), action.answer.type)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise GarbageError from None
