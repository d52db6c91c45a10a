"""The connection to one queue: calls with their errors translated, credentials looked up anew.

botocore looks for credentials when a client is made, and never again if it found none or found
a static key. So a client whose identity is refused is retired, and the next call makes another:
a role attached, a profile mended or a key rotated is noticed without a restart.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from benchling_connector import __version__
from benchling_connector.adapters.aws import FOREIGN, IDENTITY_PROBLEMS, identity_error, new_session
from benchling_connector.adapters.sqs.errors import NOT_FOUND, GarbageError, translate
from benchling_connector.adapters.sqs.url import QueueAddress
from benchling_connector.domain.errors import ConfigurationError

__all__ = ["CALL_S", "LONG_POLL_S", "SqsConnection"]

LONG_POLL_S = 20
"""The longest poll that SQS allows."""

CALL_S = 15.0
"""How long a call may take that does not poll, with botocore's own tries."""

# The engine tries again by itself; botocore only covers a connection that broke.
_ATTEMPTS = 3
_METHODS = {
    "ChangeMessageVisibility": "change_message_visibility",
    "ChangeMessageVisibilityBatch": "change_message_visibility_batch",
    "DeleteMessage": "delete_message",
    "DeleteMessageBatch": "delete_message_batch",
    "GetQueueAttributes": "get_queue_attributes",
    "GetQueueUrl": "get_queue_url",
    "ReceiveMessage": "receive_message",
    "SendMessage": "send_message",
}
_OF_NO_QUEUE = frozenset({"GetQueueUrl"})
_RECEIVE_FAILED = "needs-retry.sqs.ReceiveMessage"
_REDIRECTION = 300
_SERVER_ERROR = 500
_UNREADABLE = (ResponseParserError, ValueError, TypeError, AttributeError, KeyError)
"""What botocore raises for an answer in which nothing is where it should be."""

_ANSWER = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Client:
    """One botocore client, and how many calls are under way on it."""

    def __init__(self, context: AbstractAsyncContextManager[Any], api: Any) -> None:  # noqa: ANN401
        self.context = context
        self.api = api
        self.calls = 0
        self.proven = False


class SqsConnection:
    """Calls to one queue. Close it when done. `ca_bundle`: authorities to trust as well.

    With `tell_lost_receives` a ReceiveMessage whose answer was lost fails. Otherwise botocore asks
    again, and nobody hears of the messages in the first answer, which are hidden.

    Raises `ConfigurationError` (`queue-not-found`) when the URL names another Region.
    """

    def __init__(
        self,
        address: QueueAddress,
        region: str,
        *,
        ca_bundle: Path | None = None,
        max_connections: int = 64,
        tell_lost_receives: bool = False,
    ) -> None:
        if address.region not in {None, region}:
            raise ConfigurationError(
                NOT_FOUND,
                f"aws_region is {region}, but the queue's URL is of {address.region}.",
            )
        self.address = address
        self.region = region
        self._ca_bundle = ca_bundle
        self._tell_lost_receives = tell_lost_receives
        self._config = AioConfig(
            connect_timeout=5,
            read_timeout=LONG_POLL_S + 10,
            max_pool_connections=max_connections,
            parameter_validation=False,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            user_agent_extra=f"benchling-connector/{__version__}",
        )
        self._lock = asyncio.Lock()
        self._client: _Client | None = None

    async def call(
        self, action: str, parameters: Mapping[str, object], within_s: float = CALL_S
    ) -> Mapping[str, Any]:
        """SQS's answer to one action on the queue. Raises `ConnectorError`."""
        try:
            return await self.attempt(action, parameters, within_s)
        except FOREIGN as error:
            # Not chained: botocore's message about a signature repeats the signed headers.
            raise translate(error, action) from None

    async def attempt(
        self, action: str, parameters: Mapping[str, object], within_s: float = CALL_S
    ) -> Mapping[str, Any]:
        """The same, with the errors as they come: one of `FOREIGN`."""
        if action not in _OF_NO_QUEUE:
            parameters = {"QueueUrl": self.address.queue_url, **parameters}
        while True:
            async with self._borrowed() as client:
                method = getattr(client.api, _METHODS[action])
                proven = client.proven
                try:
                    async with asyncio.timeout(within_s):
                        answer: Mapping[str, Any] = await method(**parameters)
                except _UNREADABLE:
                    raise GarbageError from None
                except FOREIGN as error:
                    problem = identity_error(error)
                    if problem is None or problem.code not in IDENTITY_PROBLEMS:
                        raise
                    self._retire(client)
                    if not proven:
                        raise
                    # It worked before, so the key was rotated: ask once more as who we are now.
                else:
                    client.proven = True
                    return answer

    async def close(self) -> None:
        """Closes the connections, when the calls under way have ended."""
        client, self._client = self._client, None
        if client is not None and not client.calls:
            await client.context.__aexit__(None, None, None)

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[_Client]:
        client = await self._current()
        client.calls += 1
        try:
            yield client
        finally:
            client.calls -= 1
            if not client.calls and client is not self._client:
                await client.context.__aexit__(None, None, None)

    async def _current(self) -> _Client:
        async with self._lock:
            if self._client is None:
                context = new_session(self._ca_bundle).create_client(
                    "sqs",
                    region_name=self.region,
                    endpoint_url=self.address.endpoint_url,
                    config=self._config,
                )
                try:
                    api = await context.__aenter__()
                    api.meta.events.register("after-call.sqs", _refuse_garbage)
                    if self._tell_lost_receives:
                        api.meta.events.register(_RECEIVE_FAILED, _fail_if_lost)
                    self._client = _Client(context, api)
                except FOREIGN:
                    raise
                except ValueError:  # botocore takes no host with an underscore, for one
                    raise ConfigurationError(
                        NOT_FOUND, f"{self.address.endpoint_url} cannot be an endpoint of SQS."
                    ) from None
            return self._client

    def _retire(self, client: _Client) -> None:
        if self._client is client:
            self._client = None


async def _refuse_garbage(http_response: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
    """Told by botocore of every answer. To it, text that is not JSON is one that holds nothing."""
    body = await http_response.content
    if http_response.status_code >= _REDIRECTION or not body:
        return  # an error by its status, or an action that gives nothing back
    try:
        _ANSWER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        if not _is_object(body):
            raise GarbageError from None


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _fail_if_lost(
    response: tuple[Any, Mapping[str, Any]] | None,
    caught_exception: Exception | None,
    operation: Any,  # noqa: ANN401 - botocore has no types
    **_: object,
) -> None:
    """Asked by botocore before its own rules: what it raises ends the call."""
    if caught_exception is not None:
        raise caught_exception
    if response is not None and response[0].status_code >= _SERVER_ERROR:
        raise ClientError(response[1], operation.name)
