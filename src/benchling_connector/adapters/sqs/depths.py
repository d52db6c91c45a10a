"""How many messages wait in a queue and in its dead-letter queue, asked now and then.

SQS tells numbers that are about right. The age of its oldest message it tells to CloudWatch only.
"""

from dataclasses import dataclass

from benchling_connector.adapters.sqs.answers import GET_ATTRIBUTES
from benchling_connector.adapters.sqs.arns import MISSING, address_of
from benchling_connector.adapters.sqs.attributes import QueueAttributes, parse_attributes
from benchling_connector.adapters.sqs.connection import SqsConnection
from benchling_connector.domain.errors import ConfigurationError, ConnectorError
from benchling_connector.ports import Clock

__all__ = ["ASK_EVERY_S", "QueueDepths"]

ASK_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class _Letters:
    """Where the dead-letter queue of an ARN is; None where nobody tells us."""

    arn: str
    url: str | None


class QueueDepths:
    """Numbers of a queue, at most half a minute old. The connection stays the caller's to close."""

    def __init__(self, connection: SqsConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._asked_at: float | None = None
        self._values: dict[str, float] = {}
        self._letters: _Letters | None = None

    async def values(self) -> dict[str, float]:
        """By name, see `domain/samples.py`; what the queues' policies deny, or nobody answers,
        is left out. Raises nothing of the world.
        """
        now = self._clock.monotonic()
        if self._asked_at is None or now - self._asked_at >= ASK_EVERY_S:
            self._asked_at = now
            try:
                self._values = await self._ask()
            except ConnectorError:
                self._values = {}  # who receives from it says what is wrong
        return dict(self._values)

    async def _ask(self) -> dict[str, float]:
        queue = await self._attributes(None)
        values = _told(
            queue_messages=queue.messages,
            queue_messages_in_flight=queue.in_flight,
            queue_retention_seconds=queue.retention,
        )
        if queue.dead_letter_arn is None:
            return values
        try:
            url = await self._url_of(queue.dead_letter_arn)
            letters = await self._attributes(url) if url else None
        except ConnectorError:
            return values
        return values | (_told(dead_letter_messages=letters.messages) if letters else {})

    async def _attributes(self, url: str | None) -> QueueAttributes:
        of = {} if url is None else {"QueueUrl": url}
        answer = await self._connection.call(GET_ATTRIBUTES, {**of, "AttributeNames": ["All"]})
        return parse_attributes(answer.attributes or {})

    async def _url_of(self, arn: str) -> str | None:
        """Asked once for each ARN: it does not change."""
        if self._letters is None or self._letters.arn != arn:
            try:
                url: str | None = (await address_of(self._connection, arn)).queue_url
            except ConfigurationError as error:
                if error.code != MISSING:
                    raise
                url = None
            self._letters = _Letters(arn, url)
        return self._letters.url


def _told(**numbers: int | None) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if value is not None}
