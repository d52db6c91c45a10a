"""Makes ministack's SQS fast enough for thousands of messages.

It looks at every message of a queue several times for each call, ten times a second for each long
poll that waits, and once more for each entry of a batch. Here a poll that finds nothing is one
short look, and so is a batch. What is answered stays the same, but that messages which are too
old may be had for another second.
"""

# ruff: noqa: SLF001 - ministack has no public names for any of this, and no types

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

__all__ = ["quicken"]

Message = dict[str, Any]
Queue = dict[str, Any]

EXPIRE_EVERY_S = 1.0
"""How often messages are dropped that are older than the queue keeps them."""


def quicken() -> None:
    """Replaces the slow parts of ministack in this process."""
    from ministack.services import sqs

    sqs._expire_retained = _now_and_then(sqs._expire_retained)
    sqs._dlq_sweep = _if_needed(sqs._dlq_sweep)
    sqs._collect_msgs = _of_standard_queues(sqs._collect_msgs)
    sqs._HANDLERS["DeleteMessageBatch"] = _delete_batch
    sqs._HANDLERS["ChangeMessageVisibilityBatch"] = _change_visibility_batch


def _now_and_then(expire: Callable[[Queue], None]) -> Callable[[Queue], None]:
    due: dict[str, float] = {}

    def expire_retained(queue: Queue) -> None:
        name, now = queue["attributes"].get("QueueArn", ""), time.monotonic()
        if now >= due.get(name, 0.0):
            due[name] = now + EXPIRE_EVERY_S
            expire(queue)

    return expire_retained


def _if_needed(sweep: Callable[[Queue], None]) -> Callable[[Queue], None]:
    def dlq_sweep(queue: Queue) -> None:
        policy = queue["attributes"].get("RedrivePolicy")
        if not policy:
            return
        most = int(json.loads(policy).get("maxReceiveCount", 0))
        now = time.time()
        if any(
            one.get("receive_count", 0) >= most and one.get("visible_at", now) <= now
            for one in queue["messages"]
        ):
            sweep(queue)

    return dlq_sweep


def _of_standard_queues(collect: Callable[..., list[Message]]) -> Callable[..., list[Message]]:
    from ministack.core.responses import new_uuid
    from ministack.services import sqs

    def collect_messages(queue: Queue, most: int, hidden_s: int) -> list[Message]:
        if queue["is_fifo"]:
            return collect(queue, most, hidden_s)
        now = time.time()
        visible = (one for one in queue["messages"] if one.get("visible_at", now) <= now)
        found = list(islice(visible, most))
        for one in found:
            sqs._ensure_msg_fields(one)
            one["receipt_handle"] = new_uuid()
            one["visible_at"] = now + hidden_s
            one["receive_count"] += 1
            if one["first_receive_at"] is None:
                one["first_receive_at"] = now
        return found

    return collect_messages


def _delete_batch(data: dict[str, Any], queue_url: str) -> dict[str, Any]:
    queue, entries, by_handle = _batch(data, queue_url, "DeleteMessage")
    gone: set[int] = set()
    answer: dict[str, Any] = {"Successful": [], "Failed": []}
    for entry in entries:
        message = by_handle.pop(entry.get("ReceiptHandle", ""), None)
        if message is None:
            answer["Failed"].append(_invalid(entry))
        else:
            gone.add(id(message))
            answer["Successful"].append({"Id": entry.get("Id", "")})
    if gone:
        queue["messages"] = [one for one in queue["messages"] if id(one) not in gone]
    return answer


def _change_visibility_batch(data: dict[str, Any], queue_url: str) -> dict[str, Any]:
    from ministack.services import sqs

    _, entries, by_handle = _batch(data, queue_url, "ChangeMessageVisibility")
    answer: dict[str, Any] = {"Successful": [], "Failed": []}
    for entry in entries:
        message = by_handle.get(entry.get("ReceiptHandle", ""))
        if message is None:
            answer["Failed"].append(_invalid(entry))
            continue
        seconds = int(entry.get("VisibilityTimeout", 30))
        message["visible_at"] = time.time() + seconds
        answer["Successful"].append({"Id": entry.get("Id", "")})
        if not seconds:
            sqs.esm_wake.set()
    return answer


def _batch(
    data: dict[str, Any], queue_url: str, action: str
) -> tuple[Queue, list[dict[str, Any]], dict[str, Message]]:
    """The queue, the entries, and those of its messages that they name, by receipt handle."""
    from ministack.services import sqs

    queue = sqs._get_q(data.get("QueueUrl", queue_url), f"sqs:{action}")
    entries = data.get("Entries", [])
    sqs._validate_batch_entries(entries, f"{action}BatchRequestEntry")
    named = {entry.get("ReceiptHandle", "") for entry in entries} - {""}
    found = {
        one["receipt_handle"]: one
        for one in queue["messages"]
        if one.get("receipt_handle") in named
    }
    return queue, entries, found


def _invalid(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "Id": entry.get("Id", ""),
        "Code": "ReceiptHandleIsInvalid",
        "Message": "The input receipt handle is invalid.",
        "SenderFault": True,
    }
