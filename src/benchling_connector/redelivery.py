"""What a person does about messages that went aside: out of the quarantine, and out of the
dead-letter queue, back onto the queue; or discarded.

A message is sent first, and only then recorded or deleted. Whatever ends this in the middle leaves
a message in both places, never in none; what the queue brings twice is stored once.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchling_connector.adapters.sqs import (
    DeadLetters,
    Letter,
    Outgoing,
    Outlet,
    text_to_send,
    unbroken,
)
from benchling_connector.domain.errors import ConnectorError, PermanentError
from benchling_connector.domain.records import (
    Decision,
    QuarantineFilter,
    QuarantineRecord,
    Resolution,
)
from benchling_connector.ports import Clock, Quarantine

__all__ = ["Outcome", "Selection", "Tell", "What", "discard", "redrive", "retry"]

AT_ONCE = 10
"""Messages sent together. So many may be in both places when the process is killed."""

DECIDED_AT_ONCE = 200
"""Messages discarded in one transaction."""


class What(StrEnum):
    """What became of a message. `planned`: nothing yet, since this is a dry run."""

    RETRIED = "retried"
    DISCARDED = "discarded"
    MOVED = "moved"
    PLANNED = "planned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one message. `code` is why it was in quarantine, `sentence` why it failed."""

    message_id: str
    what: What
    code: str | None = None
    successor: str | None = None
    sentence: str | None = None


Tell = Callable[[Outcome], None]
Selection = Sequence[str] | QuarantineFilter
"""Messages by their IDs, or by what they have in common."""


async def retry(
    quarantine: Quarantine,
    outlet: Outlet,
    selection: Selection,
    *,
    who: str,
    clock: Clock,
    tell: Tell,
    dry_run: bool = False,
) -> None:
    """Sends messages in quarantine to the queue again, ten at a time, and records that.

    Raises `ConnectorError` when queue or database refuse; what was done by then has been told.
    """
    async for batch in _selected(quarantine, selection, tell):
        bodies = batch
        if isinstance(selection, QuarantineFilter):  # listings leave the bodies out
            bodies = await _named(quarantine, [one.message_id for one in batch], tell)
        ready = _sendable(bodies, tell)
        if dry_run:
            _plan(((record.message_id, record.code) for record, _ in ready), tell)
        elif ready:
            await unbroken(_retry(quarantine, outlet, ready, who, clock, tell))


async def discard(
    quarantine: Quarantine,
    selection: Selection,
    *,
    because: str,
    who: str,
    clock: Clock,
    tell: Tell,
    dry_run: bool = False,
) -> None:
    """Records that messages in quarantine are not needed; their bytes stay. Raises as `retry`."""
    async for batch in _selected(quarantine, selection, tell, DECIDED_AT_ONCE):
        if dry_run:
            _plan(((record.message_id, record.code) for record in batch), tell)
            continue
        decisions = {
            Decision(one.message_id, one.connector_id, Resolution.DISCARDED, who, because): one
            for one in batch
        }
        refused = await unbroken(quarantine.resolve(list(decisions), clock.now()))
        for decision, record in decisions.items():
            late = decision in refused
            what = What.FAILED if late else What.DISCARDED
            sentence = "Somebody else decided about it meanwhile." if late else None
            tell(Outcome(record.message_id, what, record.code, sentence=sentence))


async def redrive(
    letters: DeadLetters,
    outlet: Outlet,
    wanted: Collection[str] | None,
    *,
    tell: Tell,
    limit: int | None = None,
    dry_run: bool = False,
) -> None:
    """Moves messages of the dead-letter queue to the queue: the wanted ones, or all with None.

    At most `limit`. What comes back meanwhile is not moved a second time. Those that are not moved
    stay held; `letters` releases them when it is closed.
    Raises `ConnectorError` when a queue refuses; what was done by then has been told.
    """
    missing = set(wanted or ())
    moved: set[str] = set()
    room = limit
    while room != 0 and (wanted is None or missing):
        found = await letters.receive(AT_ONCE if wanted or room is None else min(AT_ONCE, room))
        if not found:
            break
        new = [one for one in found if one.message_id not in moved]
        chosen = [one for one in new if wanted is None or one.message_id in missing][:room]
        missing -= {one.message_id for one in chosen}
        room = None if room is None else room - len(chosen)
        if dry_run:
            _plan(((one.message_id, None) for one in chosen), tell)
        elif chosen:
            moved |= await unbroken(_move(letters, outlet, chosen, tell))
    if room != 0:
        sentence = "It is not in the dead-letter queue, or somebody else is looking at it."
        for message_id in sorted(missing):
            tell(Outcome(message_id, What.FAILED, sentence=sentence))


async def _selected(
    quarantine: Quarantine, selection: Selection, tell: Tell, at_once: int = AT_ONCE
) -> AsyncIterator[Sequence[QuarantineRecord]]:
    """Unresolved messages, some at a time; tells of those that are not."""
    if not isinstance(selection, QuarantineFilter):
        unique = list(dict.fromkeys(selection))
        for start in range(0, len(unique), at_once):
            yield await _named(quarantine, unique[start : start + at_once], tell)
        return
    cursor = None
    while True:
        page = await quarantine.messages(selection, at_once, cursor)
        yield page.rows
        cursor = page.next
        if cursor is None:
            return


async def _named(
    quarantine: Quarantine, message_ids: Sequence[str], tell: Tell
) -> Sequence[QuarantineRecord]:
    records = []
    for message_id in message_ids:
        record = await quarantine.message(message_id)
        if record is None:
            sentence = "There is no such message in quarantine."
            tell(Outcome(message_id, What.FAILED, sentence=sentence))
        elif record.resolution is not None:
            tell(Outcome(message_id, What.FAILED, record.code, sentence=_resolved(record)))
        else:
            records.append(record)
    return records


def _resolved(record: QuarantineRecord) -> str:
    when = f"{record.resolved_at:%Y-%m-%d %H:%M:%S} UTC" if record.resolved_at else "before"
    now = f", and is message {record.successor} since" if record.successor else ""
    return f"It was {record.resolution} {when} by {record.resolved_by}{now}."


def _plan(messages: Iterable[tuple[str, str | None]], tell: Tell) -> None:
    for message_id, code in messages:
        tell(Outcome(message_id, What.PLANNED, code))


Ready = Sequence[tuple[QuarantineRecord, Outgoing]]


def _sendable(records: Sequence[QuarantineRecord], tell: Tell) -> Ready:
    ready = []
    for record in records:
        try:
            text = text_to_send(record.body or b"")
        except PermanentError as error:
            tell(Outcome(record.message_id, What.FAILED, record.code, sentence=error.sentence))
        else:
            ready.append((record, Outgoing(text, deduplication_id=f"retry-{record.message_id}")))
    return ready


async def _retry(
    quarantine: Quarantine, outlet: Outlet, ready: Ready, who: str, clock: Clock, tell: Tell
) -> None:
    answers = await outlet.send([outgoing for _, outgoing in ready])
    sent = {
        Decision(
            record.message_id,
            record.connector_id,
            Resolution.RETRIED,
            who,
            successor=answer,
        ): record
        for (record, _), answer in zip(ready, answers, strict=True)
        if isinstance(answer, str)
    }
    try:
        refused = await quarantine.resolve(list(sent), clock.now())
    except ConnectorError as error:
        for decision, record in sent.items():
            why = f"It was sent again, but that is not recorded: {error.sentence}"
            tell(_failed(record.message_id, record.code, why, decision.successor))
        raise
    for decision, record in sent.items():
        if decision in refused:
            why = "It was sent again, but somebody else decided about it meanwhile."
            tell(_failed(record.message_id, record.code, why, decision.successor))
        else:
            tell(Outcome(record.message_id, What.RETRIED, record.code, decision.successor))
    _tell_refusals([(one.message_id, one.code) for one, _ in ready], answers, tell)


async def _move(
    letters: DeadLetters, outlet: Outlet, chosen: Sequence[Letter], tell: Tell
) -> set[str]:
    """Sends and deletes; gives the message IDs under which they are on the queue."""
    answers = await outlet.send([one.outgoing for one in chosen])
    sent = [
        (one, answer)
        for one, answer in zip(chosen, answers, strict=True)
        if isinstance(answer, str)
    ]
    left = [one for one, _ in sent]
    stopped: ConnectorError | None = None
    for _ in range(2):
        if left and stopped is None:
            try:
                left = list(await letters.delete(left))
            except ConnectorError as error:
                stopped = error
    for one, successor in sent:
        if one in left:
            why = "It was sent to the queue, but is still in the dead-letter queue, too."
            tell(_failed(one.message_id, None, why, successor))
        else:
            tell(Outcome(one.message_id, What.MOVED, successor=successor))
    if stopped is not None:
        raise stopped
    _tell_refusals([(one.message_id, None) for one in chosen], answers, tell)
    return {successor for _, successor in sent}


def _tell_refusals(
    names: Sequence[tuple[str, str | None]], answers: Sequence[str | ConnectorError], tell: Tell
) -> None:
    """Tells of messages that SQS does not take. Raises what would keep any other back, too."""
    for (message_id, code), answer in zip(names, answers, strict=True):
        if isinstance(answer, PermanentError):
            tell(_failed(message_id, code, answer.sentence))
    for answer in answers:
        if isinstance(answer, ConnectorError) and not isinstance(answer, PermanentError):
            raise answer


def _failed(
    message_id: str, code: str | None, sentence: str, successor: str | None = None
) -> Outcome:
    return Outcome(message_id, What.FAILED, code, successor, sentence)
