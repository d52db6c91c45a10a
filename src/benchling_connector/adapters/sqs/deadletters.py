"""The dead-letter queue of a queue, looked at by people: nothing is lost by looking.

Whatever is received here is held, and can be received by others again as soon as it is released:
at the latest when this is closed, or, when the process is killed, after `hidden_s`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchling_connector.adapters.sqs.answers import GET_ATTRIBUTES, RECEIVE, Message
from benchling_connector.adapters.sqs.arns import MISSING, address_of
from benchling_connector.adapters.sqs.attributes import QueueAttributes, parse_attributes, text
from benchling_connector.adapters.sqs.connection import CALL_S, SqsConnection
from benchling_connector.adapters.sqs.errors import DENIED
from benchling_connector.adapters.sqs.outlet import Outgoing
from benchling_connector.adapters.sqs.source import BATCH, SqsSource, delivery_of
from benchling_connector.adapters.sqs.unbroken import unbroken
from benchling_connector.domain.errors import ConfigurationError, ConnectorError
from benchling_connector.domain.queue_url import QueueAddress, parse_queue_url
from benchling_connector.ports import Clock, Delivery

__all__ = ["DeadLetterQueue", "DeadLetters", "Letter", "open_dead_letters"]

NOT_ALLOWED = "dead-letter-access-denied"

_POLL_S = 1
"""With a long poll SQS asks all of its servers: nothing brought means nothing visible."""


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """Where it is, and what the queue's redrive policy says of it, as far as that may be read."""

    address: QueueAddress
    arn: str | None
    max_receive_count: int | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of the dead-letter queue, with all that it has to be sent with again."""

    delivery: Delivery
    outgoing: Outgoing

    @property
    def message_id(self) -> str:
        """SQS's."""
        return self.delivery.message_id


@asynccontextmanager
async def open_dead_letters(
    sqs_url: str, region: str, clock: Clock, *, dlq_url: str | None = None, hidden_s: int = 300
) -> AsyncIterator["DeadLetters"]:
    """The dead-letter queue of the queue behind `sqs_url`, or the one behind `dlq_url`.

    What is received is hidden from others for `hidden_s` seconds, or until it is released.
    Raises `ConfigurationError` when there is none, it may not be found, or it is the queue itself.
    """
    main = SqsConnection(parse_queue_url(sqs_url), region)
    try:
        found = await _find(main, dlq_url)
    finally:
        await main.close()
    connection = SqsConnection(found.address, region)
    letters = DeadLetters(found, connection, clock, hidden_s)
    try:
        yield letters
    finally:
        try:
            await unbroken(letters.release())
        finally:
            await connection.close()


class DeadLetters:
    """The messages of one dead-letter queue. `hidden_until` tells when what could not be released
    comes back by itself; None if nothing is hidden.
    """

    def __init__(
        self, queue: DeadLetterQueue, connection: SqsConnection, clock: Clock, hidden_s: int
    ) -> None:
        self.queue = queue
        self.hidden_until: datetime | None = None
        self._connection = connection
        self._source = SqsSource(connection, clock)
        self._clock = clock
        self._hidden_s = hidden_s
        self._held: dict[str, Letter] = {}
        self._deleted: set[str] = set()

    async def attributes(self) -> QueueAttributes | None:
        """What the queue tells of itself; None if it may not be asked."""
        try:
            answer = await self._connection.call(GET_ATTRIBUTES, {"AttributeNames": ["All"]})
        except ConfigurationError as error:
            if error.code == DENIED:
                return None
            raise
        return parse_attributes(answer.attributes or {})

    async def receive(self, at_most: int) -> Sequence[Letter]:
        """Up to ten that were not seen before, held from now on; none when there are no others."""
        return await unbroken(self._receive(min(at_most, BATCH)))

    async def delete(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Deletes; gives back those whose deletion SQS did not confirm, which stay held."""
        try:
            failed = await self._source.acknowledge([one.delivery for one in letters])
        except ConfigurationError as error:
            raise _of_dead_letters(error) from None
        left = {delivery.message_id for delivery in failed}
        for one in letters:
            if one.message_id not in left:
                self._held.pop(one.message_id, None)
                self._deleted.add(one.message_id)
        return [one for one in letters if one.message_id in left]

    async def release(self) -> None:
        """Makes all that is held visible to others again, at once."""
        held, self._held = [one.delivery for one in self._held.values()], {}
        for _ in range(2):
            if held:
                with suppress(ConnectorError):
                    held = list(await self._source.release([(one, 0.0) for one in held]))
        if held:
            latest = max(one.received_at for one in held)
            self.hidden_until = latest + timedelta(seconds=self._hidden_s)

    async def _receive(self, at_most: int) -> Sequence[Letter]:
        try:
            answer = await self._connection.call(
                RECEIVE,
                {
                    "MaxNumberOfMessages": at_most,
                    "WaitTimeSeconds": _POLL_S,
                    "VisibilityTimeout": self._hidden_s,
                    "MessageSystemAttributeNames": ["All"],
                    "MessageAttributeNames": ["All"],
                },
                within_s=_POLL_S + CALL_S,
            )
        except ConfigurationError as error:
            raise _of_dead_letters(error) from None
        now = self._clock.now()
        letters = [_letter(message, now) for message in answer.messages or ()]
        known = self._held.keys() | self._deleted
        # One that comes again is held by its newest receipt handle.
        self._held.update({one.message_id: one for one in letters})
        return [one for one in letters if one.message_id not in known]


async def _find(main: SqsConnection, dlq_url: str | None) -> DeadLetterQueue:
    attributes = None
    try:
        answer = await main.call(GET_ATTRIBUTES, {"AttributeNames": ["All"]})
        attributes = parse_attributes(answer.attributes or {})
    except ConfigurationError as error:
        if error.code != DENIED or dlq_url is None:
            raise _of_dead_letters(error) from None
    arn = attributes.dead_letter_arn if attributes else None
    most = attributes.max_receive_count if attributes else None
    if dlq_url is not None:
        address = parse_queue_url(dlq_url)
        if _is_same(address, main.address):
            raise ConfigurationError(MISSING, "--dlq-url names the queue itself.")
        of_another = arn is None or arn.rpartition(":")[2] != address.name
        return DeadLetterQueue(address, None if of_another else arn, None if of_another else most)
    if arn is None:
        raise ConfigurationError(MISSING)
    return DeadLetterQueue(await address_of(main, arn), arn, most)


def _is_same(one: QueueAddress, other: QueueAddress) -> bool:
    """Whether both name one queue, whatever endpoint it is asked by."""
    same = (one.account_id, one.name) == (other.account_id, other.name)
    return same and (one.region is None or other.region is None or one.region == other.region)


def _of_dead_letters(error: ConfigurationError) -> ConfigurationError:
    return ConfigurationError(NOT_ALLOWED, error.sentence) if error.code == DENIED else error


def _letter(message: Message, now: datetime) -> Letter:
    delivery = delivery_of(message, now)
    system = message.attributes or {}
    outgoing = Outgoing(
        body=delivery.body,
        deduplication_id=f"redrive-{delivery.message_id}",
        group_id=text(system.get("MessageGroupId")),
        trace_header=text(system.get("AWSTraceHeader")),
        attributes=message.message_attributes or {},
    )
    return Letter(delivery, outgoing)
