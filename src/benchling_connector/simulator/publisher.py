"""Puts events where a connector finds them: on an EventBridge bus, or straight on an SQS queue."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from benchling_connector.simulator.events import BenchlingEvent

MAX_ENTRIES: Final = 10
MAX_BYTES: Final = 256 * 1024
_ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = 0.05
# What PutEvents counts for the time stamp of an entry.
_TIME_BYTES: Final = 14

Item = BenchlingEvent | str
Entry = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue: gets whole envelopes, and text that is no event at all."""

    url: str


@dataclass(frozen=True, slots=True)
class Bus:
    """An EventBridge bus. `partner`: the bus of a partner source, which takes PutPartnerEvents.

    A bus of one's own takes PutEvents, and no source that begins with `aws.`: give the tenant
    another `source` then.
    """

    name: str
    partner: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What was accepted, in events, API calls and entries sent again."""

    events: int
    calls: int
    retried: int


class PublishError(Exception):
    """Entries that the service went on refusing; the message has its reasons."""


class Publisher:
    """Sends events to one target; open for as long as the `async with` block.

    Without `credentials` (key ID, secret) those of the environment are taken.
    """

    def __init__(
        self,
        target: Queue | Bus,
        *,
        endpoint_url: str | None = None,
        region: str = "us-east-1",
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self._target = target
        self._endpoint_url, self._region, self._credentials = endpoint_url, region, credentials
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def __aenter__(self) -> Self:
        key_id, secret = self._credentials or (None, None)
        self._client = await self._stack.enter_async_context(
            get_session().create_client(
                "sqs" if isinstance(self._target, Queue) else "events",
                region_name=self._region,
                endpoint_url=self._endpoint_url,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret,
                config=AioConfig(max_pool_connections=32, retries={"max_attempts": 5}),
            )
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def publish(
        self, items: Iterable[Item], *, rate: float | None = None, parallel: int = 4
    ) -> Published:
        """Sends all items, in calls of at most 10 entries and 256 KB, `parallel` at a time.

        Items are taken when they are due, so they may be made as they are taken.

        `rate`: events per second, at most; the first call goes out at once. Raises `PublishError`
        when an entry is refused six times, and what the AWS client raises.
        """
        # About ten calls a second at most where a slow stream is wanted, so that it is a stream.
        together = MAX_ENTRIES if rate is None else max(1, min(MAX_ENTRIES, round(rate / 10)))
        packed = batches(map(self._entry, items), _size, together)
        started = asyncio.get_running_loop().time()
        counts = [0, 0, 0]
        turn = asyncio.Lock()

        async def next_batch() -> list[Entry] | None:
            # Waits before it takes from `items`, so that an event made by them is sent at once.
            async with turn:
                due = started + counts[0] / rate if rate else 0.0
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                batch = next(packed, None)
                counts[0] += len(batch or ())
                return batch

        async def work() -> None:
            while batch := await next_batch():
                calls, retried = await self._send(batch)
                counts[1] += calls
                counts[2] += retried

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(parallel):
                    group.create_task(work())
        except BaseExceptionGroup as failed:
            # The others were cancelled because of the first; one error says it all.
            raise failed.exceptions[0] from None
        return Published(*counts)

    async def _send(self, entries: list[Entry]) -> tuple[int, int]:
        retried = 0
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
            refused, reasons = await self._put(entries)
            if not refused:
                return attempt + 1, retried
            entries = refused
            retried += len(refused)
        raise PublishError(f"{len(entries)} entries refused: {', '.join(sorted(set(reasons)))}")

    async def _put(self, entries: list[Entry]) -> tuple[list[Entry], list[str]]:
        if isinstance(self._target, Queue):
            numbered = [{"Id": str(n), **entry} for n, entry in enumerate(entries)]
            answer = await self._client.send_message_batch(
                QueueUrl=self._target.url, Entries=numbered
            )
            failed = {int(one["Id"]): one.get("Code", "") for one in answer.get("Failed", [])}
        else:
            put = self._client.put_partner_events if self._target.partner else None
            answer = await (put or self._client.put_events)(Entries=entries)
            failed = {
                n: one["ErrorCode"]
                for n, one in enumerate(answer["Entries"])
                if one.get("ErrorCode")
            }
        return [entries[n] for n in failed], list(failed.values())

    def _entry(self, item: Item) -> Entry:
        if isinstance(self._target, Queue):
            body = item if isinstance(item, str) else item.envelope().decode()
            return {"MessageBody": body}
        if isinstance(item, str):
            raise TypeError("a bus takes events only; what is no event goes on a queue")
        entry: Entry = {
            "Source": item.writer.source,
            "DetailType": item.type,
            "Detail": item.detail().decode(),
            "Time": datetime.fromtimestamp(item.created // 1_000_000, UTC),
        }
        return entry if self._target.partner else {**entry, "EventBusName": self._target.name}


def _size(entry: Entry) -> int:
    texts = (text for key, text in entry.items() if key not in {"Time", "EventBusName"})
    return sum(len(text.encode()) for text in texts) + _TIME_BYTES


def batches(
    items: Iterable[T],
    size_of: Callable[[T], int],
    max_entries: int = MAX_ENTRIES,
    max_bytes: int = MAX_BYTES,
) -> Iterator[list[T]]:
    """The items in their order, in groups within both limits; one too large stands alone."""
    batch: list[T] = []
    total = 0
    for item in items:
        size = size_of(item)
        if batch and total + size > max_bytes:
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
        if len(batch) == max_entries:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
