"""What must be true when everything is over: every event once, and lake and ledger of one mind."""

import json
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from benchling_connector.simulator.events import BenchlingEvent
from tests.acceptance.book import Book
from tests.acceptance.world import World, events_of, valid

__all__ = ["check"]

SAMPLE = 20
"""Every so many files one is held against the schema, which takes its time."""


async def check(world: World, book: Book, sent: Mapping[str, BenchlingEvent]) -> int:
    """Raises `AssertionError` unless every event that was sent stands in the lake exactly once.

    Ledger, queue and dead-letter queue must agree. Gives the number of files.
    """
    paths = [path.relative_to(world.lake) for path in world.lake.rglob("*") if path.is_file()]
    # Staging of the killed, which no reader of the lake looks at.
    paths = sorted(path for path in paths if not path.parts[0].startswith("_"))
    places: dict[str, str] = {}
    checksums: dict[str, str] = {}
    twice: Counter[str] = Counter()
    for number, path in enumerate(paths):
        body = (world.lake / path).read_bytes()
        checksums[str(path)] = sha256(body).hexdigest()
        for name in _events_in(path, body, sent, closely=number % SAMPLE == 0):
            twice[name] += name in places
            places[name] = path.stem
    doubled = sorted(name for name, times in twice.items() if times)
    lost = sorted(set(sent) - set(places))
    assert not doubled, f"{len(doubled)} stored twice: {doubled[:10]}"
    assert not lost, f"{len(lost)} lost: {lost[:10]}"
    assert set(places) == set(sent)

    rows = await book.rows("SELECT path, sha256, state FROM files")
    assert {state for _, _, state in rows} == {"SUCCESS"}
    assert {path: checksum for path, checksum, _ in rows} == checksums
    events = await book.rows("SELECT event_id, file_id, state FROM events")
    assert Counter(state for _, _, state in events) == {"stored": len(sent)}
    assert {name: file_id for name, file_id, _ in events} == places
    assert await book.rows("SELECT message_id FROM quarantine") == []
    assert await world.queue.counts() == (0, 0, 0)
    assert await world.queue.counts(world.queue.dlq_url) == (0, 0, 0)
    return len(paths)


def _events_in(
    path: Path, body: bytes, sent: Mapping[str, BenchlingEvent], *, closely: bool
) -> list[str]:
    """The IDs of the events in a file."""
    document = valid(path, body) if closely else json.loads(body)
    names = [event["detail"]["id"] for event in events_of([document])]
    if closely:
        for name in names:
            assert sent[name].envelope() in body, f"{name} was changed"
    return names
