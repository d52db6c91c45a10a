"""A notice to an SNS topic: JSON to programs, text to mail and phones."""

import asyncio
import json

from benchling_connector.adapters.aws import FOREIGN, code_of, configured_endpoint, new_session
from benchling_connector.domain.channels import Address
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.notices import Notice, document_of, subject_of, text_of

__all__ = ["publish"]

WITHIN_S = 20.0
_SUBJECT_LENGTH = 100
"""SNS's maximum, and ASCII only."""


async def publish(address: Address, notice: Notice) -> None:
    """Returns when SNS has taken it. Raises `TransientError`."""
    arn = str(address.content["topic_arn"])
    texts = {
        "default": json.dumps(document_of(notice)),
        "email": text_of(notice),
        "sms": subject_of(notice),
    }
    attributes = {"noticeId": notice.notice_id, "what": notice.what.value}
    attributes |= {"kind": notice.kind, "severity": notice.severity}
    request: dict[str, object] = {
        "TopicArn": arn,
        "Subject": _subject(notice),
        "MessageStructure": "json",
        "Message": json.dumps(texts),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }
    if arn.endswith(".fifo"):
        request["MessageDeduplicationId"] = notice.notice_id
        request["MessageGroupId"] = notice.alert_id
    try:
        async with asyncio.timeout(WITHIN_S):
            # In a thread: it reads much from the disk.
            session = await asyncio.to_thread(new_session)
            async with session.create_client(
                "sns",
                region_name=arn.split(":")[3],
                endpoint_url=configured_endpoint(session, "sns"),
            ) as client:
                await client.publish(**request)
    except FOREIGN as error:
        why = code_of(error) or type(error).__name__
        raise TransientError("alert-not-delivered", f"SNS did not take it ({why}).") from None


def _subject(notice: Notice) -> str:
    text = subject_of(notice).encode("ascii", "replace").decode()
    return "".join(one if one.isprintable() else " " for one in text)[:_SUBJECT_LENGTH]
