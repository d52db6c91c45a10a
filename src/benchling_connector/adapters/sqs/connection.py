"""The connection to one queue: calls with their errors translated, credentials looked up anew.

botocore looks for credentials once, and never again if it found none or found a static key. So
what asks with an identity that is refused is retired, and the next call makes another: a role
attached, a profile mended or a key rotated is noticed without a restart.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
from botocore import exceptions

from benchling_connector.adapters.aws import (
    FOREIGN,
    IDENTITY_PROBLEMS,
    code_of,
    identity_error,
    new_session,
)
from benchling_connector.adapters.sqs.answers import RECEIVE, Action, read
from benchling_connector.adapters.sqs.endpoint import endpoint_of
from benchling_connector.adapters.sqs.errors import NOT_FOUND, translate
from benchling_connector.adapters.sqs.protocol import body_of, error_of, signed_headers
from benchling_connector.adapters.sqs.wire import Wire, open_wire
from benchling_connector.domain.errors import ConfigurationError
from benchling_connector.domain.queue_url import QueueAddress

if TYPE_CHECKING:
    from aiobotocore.credentials import AioCredentials
    from botocore.credentials import ReadOnlyCredentials

__all__ = ["CALL_S", "LONG_POLL_S", "SqsConnection"]

Answer = TypeVar("Answer", bound=msgspec.Struct)

LONG_POLL_S = 20
"""The longest poll that SQS allows."""

CALL_S = 15.0
"""How long a call may take that does not poll, with all its tries."""

# The engine tries again by itself; these only cover a connection that broke.
_TRIES = 3
_PAUSE_S = 0.05
_THROTTLED_PAUSE_S = 1.0
"""Before the second try at the most; before the third it is twice that."""

_REDIRECTION = 300
_LOST = frozenset({500, 502, 503, 504})
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class _Client:
    """A wire, who asks through it, and how many calls are under way."""

    def __init__(self, wire: Wire, credentials: "AioCredentials | None") -> None:
        self.wire = wire
        self.credentials = credentials
        self.calls = 0
        self.proven = False

    async def who(self) -> "ReadOnlyCredentials":
        """Credentials that are valid now. Raises botocore's errors when there are none."""
        if self.credentials is None:
            raise exceptions.NoCredentialsError
        return await self.credentials.get_frozen_credentials()


class SqsConnection:
    """Calls to one queue. Close it when done. `ca_bundle`: authorities to trust as well.

    With `tell_lost_receives` a ReceiveMessage whose answer was lost fails. Otherwise it is asked
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
        self._max_connections = max_connections
        self._lock = asyncio.Lock()
        self._client: _Client | None = None

    async def call(
        self, action: Action[Answer], parameters: Mapping[str, object], within_s: float = CALL_S
    ) -> Answer:
        """SQS's answer to one action on the queue. Raises `ConnectorError`."""
        try:
            return await self.attempt(action, parameters, within_s)
        except FOREIGN as error:
            # Not chained: AWS's message about a signature repeats the signed headers.
            raise translate(error, action.name) from None

    async def attempt(
        self, action: Action[Answer], parameters: Mapping[str, object], within_s: float = CALL_S
    ) -> Answer:
        """The same, with the errors as they come: one of `FOREIGN`."""
        if action.of_a_queue:
            parameters = {"QueueUrl": self.address.queue_url, **parameters}
        body = body_of(parameters)
        while True:
            async with self._borrowed() as client:
                proven = client.proven
                try:
                    async with asyncio.timeout(within_s):
                        who = await client.who()
                        answer = await self._tried(client.wire, who, action, body)
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
            await client.wire.close()

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[_Client]:
        client = await self._current()
        client.calls += 1
        try:
            yield client
        finally:
            client.calls -= 1
            if not client.calls and client is not self._client:
                await client.wire.close()

    async def _current(self) -> _Client:
        async with self._lock:
            if self._client is None:
                # In a thread: at the start this imports much, and Benchling is asked meanwhile.
                session = await asyncio.to_thread(new_session, self._ca_bundle)
                endpoint = endpoint_of(self.address, self.region, session)
                credentials = await session.get_credentials()
                wire = await open_wire(session, endpoint, max_connections=self._max_connections)
                self._client = _Client(wire, credentials)
            return self._client

    def _retire(self, client: _Client) -> None:
        if self._client is client:
            self._client = None

    async def _tried(
        self, wire: Wire, who: "ReadOnlyCredentials", action: Action[Answer], body: bytes
    ) -> Answer:
        for pauses in range(1, _TRIES):
            try:
                return await self._asked(wire, who, action, body)
            except (exceptions.BotoCoreError, exceptions.ClientError) as error:
                if not self._may_try_again(error, action):
                    raise
                throttled = code_of(error) in _THROTTLED
            longest = (_THROTTLED_PAUSE_S if throttled else _PAUSE_S) * pauses
            await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 - no secret
        return await self._asked(wire, who, action, body)

    def _may_try_again(self, error: Exception, action: Action[Answer]) -> bool:
        lost = isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError)
        if isinstance(error, exceptions.ClientError):
            lost = error.response["ResponseMetadata"]["HTTPStatusCode"] in _LOST
        if lost and self._tell_lost_receives and action is RECEIVE:
            return False
        return lost or code_of(error) in _THROTTLED

    async def _asked(
        self, wire: Wire, who: "ReadOnlyCredentials", action: Action[Answer], body: bytes
    ) -> Answer:
        headers = signed_headers(wire.url, self.region, action.name, body, who)
        reply = await wire.post(headers, body)
        if reply.status >= _REDIRECTION:
            raise error_of(action.name, reply.status, reply.headers, reply.body)
        return read(action, reply.body)
