"""The queue as the engine speaks to it: receive, acknowledge, release, extend.

What AWS and its stand-ins do with receipt handles, and what follows from it:

- AWS deletes by the newest handle; an older one is accepted, and the message may stay. A message
  deleted already is deleted again without an error. Only a handle that AWS never gave is invalid.
- ministack calls a handle invalid that is old or whose message is gone, moto only one it never
  gave, fauxqs none.

So a failed entry does not tell whether the message is still there. It comes back to the caller as
failed, who tries again a few times; a message that really is still there is handed out anew.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from benchling_connector.adapters.ahead import Ahead
from benchling_connector.adapters.sqs.answers import (
    CHANGE_VISIBILITY_BATCH,
    DELETE_BATCH,
    GET_ATTRIBUTES,
    RECEIVE,
    Action,
    BatchResult,
    Message,
)
from benchling_connector.adapters.sqs.attributes import parse_attributes, whole
from benchling_connector.adapters.sqs.connection import SqsConnection
from benchling_connector.adapters.sqs.depths import QueueDepths
from benchling_connector.adapters.sqs.errors import DENIED
from benchling_connector.domain.errors import ConfigurationError, ConnectorError
from benchling_connector.domain.queue_url import parse_queue_url
from benchling_connector.ports import Clock, Delivery, QueueFacts

__all__ = [
    "BATCH",
    "LONGEST_VISIBILITY_S",
    "POLL_GRACE_S",
    "SqsSource",
    "delivery_of",
    "open_queue",
]

log = structlog.get_logger()

BATCH = 10
"""Entries in one batch call, SQS's maximum."""

LONGEST_VISIBILITY_S = 43_200
"""SQS's maximum: 12 hours."""

_BATCHES_AT_ONCE = 16
POLL_GRACE_S = 8.0
"""How long after its end a poll is still waited for. With the longest poll it is less than the
half minute within which an outage has to be noticed (`domain/health.py`)."""

_CANCEL_GRACE_S = 0.25
_SETTLE_S = 2.0
_ASK_AGAIN_S = 300.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Entry = tuple[Delivery, Mapping[str, object]]


@asynccontextmanager
async def open_queue(
    sqs_url: str, region: str, clock: Clock, *, ca_bundle: Path | None = None
) -> AsyncIterator["SqsSource"]:
    """The queue behind a URL. Nothing is asked of it yet.

    `ca_bundle`: a PEM file of authorities to trust as well.

    Raises `ConfigurationError` (`queue-not-found`) when this is no queue's URL, or one of another
    Region.
    """
    connection = SqsConnection(
        parse_queue_url(sqs_url), region, ca_bundle=ca_bundle, tell_lost_receives=True
    )
    source = SqsSource(connection, clock)
    try:
        yield source
    finally:
        try:
            await source.settle()
        finally:
            await connection.close()


class SqsSource:
    """An SQS queue, standard or FIFO.

    `may_change_visibility` turns False when the queue's policy denies ChangeMessageVisibility:
    `release` and `extend` then give everything back as failed, and ask again every five minutes.
    """

    def __init__(self, connection: SqsConnection, clock: Clock) -> None:
        self.may_change_visibility = True
        self._connection = connection
        self._clock = clock
        self._places = asyncio.Semaphore(_BATCHES_AT_ONCE)
        self._ask_again_at = 0.0
        self._left: set[asyncio.Task[None]] = set()
        self._facts = Ahead(self._ask_for_facts)
        self._depths = QueueDepths(connection, clock)

    async def receive(
        self, max_messages: int, wait_s: int, visibility_s: int | None = None
    ) -> Sequence[Delivery]:
        """At most `max_messages` (1 to 10), after at most `wait_s` seconds (0 to 20), hidden for
        `visibility_s` seconds, or as long as the queue's own setting says.

        When it is cancelled, the answer may be on its way: for a quarter of a second it is still
        awaited, and what it brings is released at once. What SQS hands out after that stays
        hidden for the queue's visibility timeout, and has been received once.
        """
        poll = asyncio.create_task(self._receive(max_messages, wait_s, visibility_s))
        try:
            return await asyncio.shield(poll)
        except asyncio.CancelledError:
            if not poll.cancelled():
                left = asyncio.create_task(self._hand_back(poll))
                self._left.add(left)
                left.add_done_callback(self._left.discard)
            raise

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Deletes; gives back those whose deletion SQS did not confirm. Any number."""
        return await self._batches(DELETE_BATCH, [(one, {}) for one in deliveries])

    async def release(self, deliveries: Sequence[tuple[Delivery, float]]) -> Sequence[Delivery]:
        """Makes visible again after seconds, rounded up; gives back those that failed."""
        return await self._change_visibility(deliveries)

    async def extend(self, deliveries: Sequence[Delivery], seconds: int) -> Sequence[Delivery]:
        """Keeps hidden for `seconds` from now; gives back those that failed."""
        return await self._change_visibility([(one, seconds) for one in deliveries])

    def begin(self) -> None:
        """Asks for the facts ahead of time: the next `facts` tells what came of it."""
        self._facts.begin()

    async def facts(self) -> QueueFacts:
        """Asks the queue about itself; Nones when its policy does not allow that.

        Raises `ConfigurationError` (`queue-not-found`) when it does not exist.
        """
        return await self._facts.answer()

    async def _ask_for_facts(self) -> QueueFacts:
        try:
            answer = await self._connection.call(GET_ATTRIBUTES, {"AttributeNames": ["All"]})
        except ConfigurationError as error:
            if error.code == DENIED:
                return QueueFacts(None, None, None)
            raise
        attributes = parse_attributes(answer.attributes or {})
        return QueueFacts(
            visibility_timeout=attributes.visibility_timeout,
            max_receive_count=attributes.max_receive_count,
            messages=attributes.messages,
            in_flight=attributes.in_flight,
        )

    async def depths(self) -> dict[str, float]:
        """What waits, as numbers by name, at most half a minute old; see `QueueDepths`."""
        return await self._depths.values()

    async def settle(self) -> None:
        """Waits for what cancelled receives left behind, two seconds at the most."""
        await self._facts.close()
        if self._left:
            _, unfinished = await asyncio.wait(self._left, timeout=_SETTLE_S)
            for left in unfinished:
                left.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    async def _receive(
        self, max_messages: int, wait_s: int, visibility_s: int | None
    ) -> tuple[Delivery, ...]:
        hidden = {} if visibility_s is None else {"VisibilityTimeout": visibility_s}
        answer = await self._connection.call(
            RECEIVE,
            {
                "MaxNumberOfMessages": max_messages,
                "WaitTimeSeconds": wait_s,
                "MessageSystemAttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
                **hidden,
            },
            within_s=wait_s + POLL_GRACE_S,
        )
        now = self._clock.now()
        return tuple(delivery_of(message, now) for message in answer.messages or ())

    async def _hand_back(self, poll: asyncio.Task[tuple[Delivery, ...]]) -> None:
        await asyncio.wait({poll}, timeout=_CANCEL_GRACE_S)
        if not poll.done():
            poll.cancel()
            await asyncio.wait({poll})
        if poll.cancelled() or poll.exception() is not None or not poll.result():
            return
        try:
            await self.release([(one, 0.0) for one in poll.result()])
        except ConnectorError as error:
            log.warning("message.not_released", code=error.code, count=len(poll.result()))

    async def _change_visibility(
        self, timeouts: Sequence[tuple[Delivery, float]]
    ) -> Sequence[Delivery]:
        if not timeouts:
            return ()
        everything = [one for one, _ in timeouts]
        if not self.may_change_visibility and self._clock.monotonic() < self._ask_again_at:
            return everything
        try:
            failed = await self._batches(
                CHANGE_VISIBILITY_BATCH,
                [(one, {"VisibilityTimeout": _timeout(seconds)}) for one, seconds in timeouts],
            )
        except ConfigurationError as error:
            if error.code != DENIED:
                raise
            if self.may_change_visibility:
                log.warning("visibility.denied", code=error.code, sentence=error.sentence)
            self.may_change_visibility = False
            self._ask_again_at = self._clock.monotonic() + _ASK_AGAIN_S
            return everything
        self.may_change_visibility = True
        return failed

    async def _batches(
        self, action: Action[BatchResult], entries: Sequence[Entry]
    ) -> Sequence[Delivery]:
        """The deliveries that failed. Raises only when every batch failed as a whole."""
        batches = [entries[start : start + BATCH] for start in range(0, len(entries), BATCH)]
        outcomes = await asyncio.gather(
            *(self._batch(action, batch) for batch in batches), return_exceptions=True
        )
        failed: list[Delivery] = []
        errors: list[ConnectorError] = []
        for batch, outcome in zip(batches, outcomes, strict=True):
            if isinstance(outcome, ConnectorError):
                errors.append(outcome)
                failed += [delivery for delivery, _ in batch]
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                failed += outcome
        if errors and len(errors) == len(batches):
            raise next((e for e in errors if isinstance(e, ConfigurationError)), errors[0])
        return failed

    async def _batch(self, action: Action[BatchResult], batch: Sequence[Entry]) -> list[Delivery]:
        async with self._places:
            entries = [
                {"Id": str(at), "ReceiptHandle": delivery.receipt_handle, **more}
                for at, (delivery, more) in enumerate(batch)
            ]
            answer = await self._connection.call(action, {"Entries": entries})
        # Only what is confirmed has happened: an answer that names neither side is no answer.
        confirmed = {entry.id for entry in answer.successful or ()}
        return [delivery for at, (delivery, _) in enumerate(batch) if str(at) not in confirmed]


def _timeout(seconds: float) -> int:
    return min(max(math.ceil(seconds), 0), LONGEST_VISIBILITY_S)


def delivery_of(message: Message, now: datetime) -> Delivery:
    """A message as SQS hands it out."""
    attributes = message.attributes or {}
    sent = whole(attributes.get("SentTimestamp"))
    return Delivery(
        message_id=message.message_id,
        receipt_handle=message.receipt_handle,
        body=message.body or "",
        receive_count=whole(attributes.get("ApproximateReceiveCount")) or 1,
        sent_at=None if sent is None else _EPOCH + timedelta(milliseconds=sent),
        received_at=now,
    )
