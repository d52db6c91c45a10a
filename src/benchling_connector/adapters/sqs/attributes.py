"""What a queue tells of itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["QueueAttributes", "parse_attributes", "text", "whole"]


@dataclass(frozen=True, slots=True)
class QueueAttributes:
    """A queue's attributes; None where it does not tell. Times are in seconds.

    `max_receive_count` and `dead_letter_arn` are of the redrive policy. `encryption` is `SSE-SQS`,
    `SSE-KMS` or None. `messages` can be received now, `in_flight` are with a receiver, `delayed`
    cannot be received yet; all three are approximate.
    """

    arn: str | None
    visibility_timeout: int | None
    retention: int | None
    receive_wait: int | None
    max_receive_count: int | None
    dead_letter_arn: str | None
    encryption: str | None
    fifo: bool
    messages: int | None
    in_flight: int | None
    delayed: int | None


def parse_attributes(attributes: Mapping[str, object]) -> QueueAttributes:
    """Reads the answer of GetQueueAttributes."""
    policy = _redrive(attributes.get("RedrivePolicy"))
    return QueueAttributes(
        arn=text(attributes.get("QueueArn")),
        visibility_timeout=whole(attributes.get("VisibilityTimeout")),
        retention=whole(attributes.get("MessageRetentionPeriod")),
        receive_wait=whole(attributes.get("ReceiveMessageWaitTimeSeconds")),
        max_receive_count=whole(policy.get("maxReceiveCount")),
        dead_letter_arn=text(policy.get("deadLetterTargetArn")),
        encryption=_encryption(attributes),
        fifo=_is_true(attributes.get("FifoQueue")),
        messages=whole(attributes.get("ApproximateNumberOfMessages")),
        in_flight=whole(attributes.get("ApproximateNumberOfMessagesNotVisible")),
        delayed=whole(attributes.get("ApproximateNumberOfMessagesDelayed")),
    )


def whole(value: object) -> int | None:
    """A number as SQS writes it, a number or text; None for anything else."""
    try:
        return int(str(value))
    except ValueError:
        return None


def text(value: object) -> str | None:
    """A value as text; None for an empty one."""
    return str(value) if value else None


def _redrive(content: object) -> Mapping[str, object]:
    try:
        policy = json.loads(str(content or "{}"))
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}


def _encryption(attributes: Mapping[str, object]) -> str | None:
    if attributes.get("KmsMasterKeyId"):
        return "SSE-KMS"
    return "SSE-SQS" if _is_true(attributes.get("SqsManagedSseEnabled")) else None


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"
