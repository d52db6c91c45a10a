"""SQS's JSON protocol: a signed request, and the error that an answer is.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

import http
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from botocore.auth import SigV4Auth
from botocore.exceptions import ClientError
from yarl import URL

from benchling_connector import __version__
from benchling_connector.adapters.sqs.errors import GarbageError

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

__all__ = ["body_of", "error_of", "signed_headers"]

_SERVER_ERROR = 500
_QUERY_ERROR = "x-amzn-query-error"
_SIGNED = {
    "Content-Type": "application/x-amz-json-1.0",
    # Errors come with the codes that SQS had before it spoke JSON, as botocore asks for them.
    "x-amzn-query-mode": "true",
}
_UNSIGNED = {
    "Accept-Encoding": "identity",
    "User-Agent": f"benchling-connector/{__version__}",
}


class _Request:
    """A request as botocore's signature reads it: botocore's own costs as much as the signature."""

    __slots__ = ("body", "context", "headers", "method", "params", "url")

    def __init__(self, url: str, headers: dict[str, str], body: bytes) -> None:
        self.method = "POST"
        self.url = url
        self.headers = headers
        self.body = body
        self.params: dict[str, str] = {}
        self.context: dict[str, str] = {}


def body_of(parameters: Mapping[str, object]) -> bytes:
    """An action's parameters as they travel; bytes become base64."""
    try:
        return msgspec.json.encode(parameters)
    except UnicodeEncodeError:
        # Half of a surrogate pair: SQS shall say what it thinks of it.
        return json.dumps(msgspec.to_builtins(parameters)).encode()


def signed_headers(
    endpoint: URL, region: str, action: str, body: bytes, credentials: "ReadOnlyCredentials"
) -> dict[str, str]:
    """The headers of a request for `action`, which hold for some minutes from now."""
    headers = {
        "Host": (endpoint.host_port_subcomponent or "").lower(),
        "X-Amz-Target": f"AmazonSQS.{action}",
        **_SIGNED,
    }
    SigV4Auth(credentials, "sqs", region).add_auth(_Request(str(endpoint), headers, body))
    headers.update(_UNSIGNED)
    return headers


def error_of(action: str, status: int, headers: Mapping[str, str], body: bytes) -> ClientError:
    """The error for an answer that is one by its status, with the code that botocore gives it.

    Raises `GarbageError` for one that has no code and cannot have come from SQS.
    """
    text = body.strip()
    if status >= _SERVER_ERROR and (not text or text.startswith(b"<html>")):
        code, message = str(status), http.client.responses.get(status, "")
    else:
        code, message = _told(status, headers, body)
    metadata = {"HTTPStatusCode": status, "RequestId": headers.get("x-amzn-requestid", "")}
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return ClientError(answer, action)


def _told(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    try:
        told = json.loads(body.decode() or "{}")
    except UnicodeDecodeError:
        raise GarbageError from None
    except (ValueError, RecursionError):
        return str(status), body.decode()
    if not isinstance(told, dict):
        raise GarbageError
    # `com.amazonaws.sqs#QueueDoesNotExist`, or with something after a colon.
    code = str(told.get("__type", status)).partition(":")[0].rpartition("#")[2]
    queried, found, sender = headers.get(_QUERY_ERROR, "").partition(";")
    if queried and found and ";" not in sender:
        code = queried
    return code, str(told.get("message", told.get("Message", "")))
