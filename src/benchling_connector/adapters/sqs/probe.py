"""What the identity may do with the queue, found out without touching a message.

Each permission is tried with a request that SQS refuses as invalid once it has allowed it: a
receive of no messages, a delete and a change of visibility with a receipt handle that nobody ever
got. Denied, the answer is AccessDenied; allowed, it is the complaint about the request. That AWS
authorises before it validates is not documented, so a denial is certain, an allowance is not
quite. All stand-ins that were looked at (ministack, moto, fauxqs) refuse a receive of no messages
instead of taking it for one; if a server should hand out messages all the same, they are visible
again at once, and the answer is that the permission could not be probed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from botocore.exceptions import ClientError

from benchling_connector.adapters.aws import FOREIGN, code_of
from benchling_connector.adapters.sqs.answers import (
    CHANGE_VISIBILITY,
    DELETE,
    GET_ATTRIBUTES,
    RECEIVE,
    Action,
    Nothing,
)
from benchling_connector.adapters.sqs.attributes import QueueAttributes, parse_attributes
from benchling_connector.adapters.sqs.connection import SqsConnection
from benchling_connector.adapters.sqs.errors import DENIED, FAILING, translate
from benchling_connector.domain.queue_url import QueueAddress, parse_queue_url

__all__ = ["Permission", "QueueProbe", "probe_queue"]

Answer = TypeVar("Answer", bound=msgspec.Struct)

_NOBODYS_HANDLE = "benchling-connector-check"
_VALIDATION = frozenset(
    {
        "InvalidIdFormat",
        "InvalidParameterValue",
        "MessageNotInflight",
        "ReceiptHandleIsInvalid",
        "ValidationError",
        "ValidationException",
    }
)
_PREFIX = "AWS.SimpleQueueService."


class Permission(StrEnum):
    """Whether an action on the queue is allowed to us."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "could not be probed"


@dataclass(frozen=True, slots=True)
class QueueProbe:
    """What is known of the queue and of our permissions on it. `attributes` if they may be read."""

    address: QueueAddress
    receive: Permission
    delete: Permission
    change_visibility: Permission
    read_attributes: Permission
    attributes: QueueAttributes | None


async def probe_queue(sqs_url: str, region: str, *, ca_bundle: Path | None = None) -> QueueProbe:
    """Asks the queue, without receiving, deleting or moving anything.

    `ca_bundle`: a PEM file of authorities to trust as well.

    Raises `ConfigurationError` for a queue that does not exist or is of another Region, and for
    credentials that are missing or refused; `TransientError` when SQS cannot be asked.
    """
    connection = SqsConnection(parse_queue_url(sqs_url), region, ca_bundle=ca_bundle)
    try:
        read, attributes = await _attributes(connection)
        return QueueProbe(
            address=connection.address,
            receive=await _receive(connection),
            delete=await _permission(connection, DELETE, {"ReceiptHandle": _NOBODYS_HANDLE}),
            change_visibility=await _permission(
                connection,
                CHANGE_VISIBILITY,
                {"ReceiptHandle": _NOBODYS_HANDLE, "VisibilityTimeout": 0},
            ),
            read_attributes=read,
            attributes=attributes,
        )
    finally:
        await connection.close()


async def _attributes(connection: SqsConnection) -> tuple[Permission, QueueAttributes | None]:
    answer, permission = await _try(connection, GET_ATTRIBUTES, {"AttributeNames": ["All"]})
    if answer is None:
        return permission, None
    return permission, parse_attributes(answer.attributes or {})


async def _receive(connection: SqsConnection) -> Permission:
    nothing = {"MaxNumberOfMessages": 0, "WaitTimeSeconds": 0, "VisibilityTimeout": 0}
    answer, permission = await _try(connection, RECEIVE, nothing)
    return permission if answer is None else Permission.UNKNOWN


async def _permission(
    connection: SqsConnection, action: Action[Nothing], parameters: Mapping[str, object]
) -> Permission:
    _, permission = await _try(connection, action, parameters)
    return permission


async def _try(
    connection: SqsConnection, action: Action[Answer], parameters: Mapping[str, object]
) -> tuple[Answer | None, Permission]:
    """The answer, if there is one, and what it means."""
    try:
        return await connection.attempt(action, parameters), Permission.ALLOWED
    except FOREIGN as error:
        if (code_of(error) or "").removeprefix(_PREFIX) in _VALIDATION:
            return None, Permission.ALLOWED
        problem = translate(error, action.name)
        if problem.code == DENIED:
            return None, Permission.DENIED
        if problem.code == FAILING and _is_refusal(error):
            return None, Permission.UNKNOWN
        raise problem from None


def _is_refusal(error: Exception) -> bool:
    """Whether the server understood and said no, for a reason that is not known here."""
    if not isinstance(error, ClientError) or "Throttl" in (code_of(error) or ""):
        return False
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 400 <= status < 500
