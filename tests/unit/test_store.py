"""PENDING, object, SUCCESS: in this order, once, and only for as long as the file is ours."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from benchling_connector.adapters.memory.clock import START
from benchling_connector.domain.answer import Fetched, unread
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.event import Event
from benchling_connector.domain.rawfile import Enriched
from benchling_connector.domain.records import EventState, FileRecord, FileState
from benchling_connector.engine.gate import Dependency
from benchling_connector.engine.store import TRUST_S, Outcome
from benchling_connector.ports import Candidate, Verdict
from tests.unit.desk import Desk
from tests.unit.samples import NOON, event

LAKE = TransientError("lake-failing")
DATABASE = TransientError("database-failing")


def read(of: Event) -> Enriched:
    return Enriched(of, Fetched("fetched", 200, "/api/v2/entries/x", NOON, b'{"id":"x"}', None))


def entries(*names: str) -> list[Enriched]:
    return [read(event(name, resource={"id": f"etr_{name}"})) for name in names]


async def stored(desk: Desk, items: list[Enriched], events_per_file: int = 10) -> list[list[str]]:
    """Claims and stores; gives the events that `done` was told of, file by file, and the lost."""
    told: list[list[str]] = []
    await desk.claim(*(item.event for item in items))
    lost = await desk.clock.run(
        desk.store(events_per_file).store(
            items, lambda part: told.append([item.event.id for item in part])
        )
    )
    return [*told, [item.event.id for item in lost.lost]]


async def test_events_are_in_the_lake_and_in_the_ledger_before_they_are_told_done() -> None:
    desk = Desk()
    items = entries("e1", "e2")
    await desk.claim(*(item.event for item in items))
    await desk.clock.advance(60)
    seen = []

    def done(part) -> None:
        seen.append([item.event.id for item in part])
        assert desk.written() == ["e1", "e2"]
        assert desk.event("e1").state is EventState.STORED

    assert await desk.clock.run(desk.store().store(items, done)) == Outcome()
    assert seen == [["e1", "e2"]]
    (record,) = desk.files().values()
    assert (record.state, record.file_id) == (FileState.SUCCESS, "file-1")
    assert record.created_at == record.stored_at == START + timedelta(seconds=60)
    ((path, text),) = desk.lake.objects.items()
    assert path == record.path
    document = json.loads(text)
    assert document["fileId"] == "file-1"
    assert document["connector"] == {"id": "con-1", "name": "benchling", "version": "0.1.0"}


async def test_files_hold_as_many_events_as_asked_and_each_is_told_of() -> None:
    desk = Desk()
    told = await stored(desk, entries(*(f"e{n}" for n in range(5))), events_per_file=2)
    assert sorted(told) == [[], ["e0", "e1"], ["e2", "e3"], ["e4"]]
    assert len(desk.lake.objects) == 3


async def test_what_was_stored_is_counted_and_logged() -> None:
    desk = Desk()
    entry, odd = entries("e1")[0], event("e2", "v2.teleport.started", "teleport", {"id": "t"})
    refused = replace(entry.fetched, status="unavailable", http_status=404, resource=None)
    items = [
        *entries("e1", "e3", "e7"),
        Enriched(odd, unread(odd.resource)),
        Enriched(replace(odd, id="e6"), unread(odd.resource)),
        Enriched(event("e4"), refused),
        Enriched(event("e5"), refused),
    ]
    with capture_logs() as logs:
        await stored(desk, items)
    sizes = {path: len(text) for path, text in desk.lake.objects.items()}
    assert (desk.stats.files, desk.stats.bytes) == (2, sum(sizes.values()))
    assert desk.stats.stored == 7
    assert desk.stats.by_type == {"v2.entry.created": 5, "v2.teleport.started": 2}
    assert (desk.stats.unavailable, desk.stats.unsupported) == (2, 2)
    assert sorted(logs, key=lambda line: line["file_id"]) == [
        {
            "event": "file.stored",
            "log_level": "info",
            "file_id": record.file_id,
            "path": path,
            "events": record.event_count,
            "bytes": sizes[path],
        }
        for path, record in desk.files().items()
    ]


async def test_a_file_whose_claim_was_lost_is_not_written_and_the_others_are() -> None:
    desk = Desk()
    mine, lost = entries("e1"), entries("e2")
    other = [replace(lost[0], event=replace(lost[0].event, resource_type="project"))]
    await desk.claim(mine[0].event)  # nobody here has claimed e2
    told: list[Sequence[Enriched]] = []
    answer = await desk.clock.run(desk.store().store([*other, *mine], told.append))
    assert answer == Outcome(lost=tuple(other))
    assert [[item.event.id for item in part] for part in told] == [["e1"]]
    assert desk.written() == ["e1"]
    assert desk.stats.stored == 1


@pytest.mark.parametrize(("waited", "asked"), [(TRUST_S, 1), (TRUST_S + 0.5, 2)])
async def test_the_ledger_is_asked_again_when_its_word_is_old(waited, asked) -> None:
    desk = Desk()
    begin, put = desk.ledger.begin_files, desk.lake.put
    asks: list[list[str]] = []
    failed: list[str] = []

    async def counted(files, now=None):
        asks.append([file.file_id for file in files])
        return await begin(files, now)

    async def slow_once(path, body):
        if not failed:
            failed.append(path)
            # The pause after the first failure is 0.625 times a second of the gate's.
            await desk.clock.sleep(waited - 0.625)
            raise LAKE
        await put(path, body)

    desk.ledger.begin_files = counted  # type: ignore[method-assign]
    desk.lake.put = slow_once  # type: ignore[method-assign]
    assert await stored(desk, entries("e1")) == [["e1"], []]
    assert desk.clock.monotonic() == waited
    assert asks == [["file-1"]] * asked


async def test_the_word_of_the_ledger_counts_from_before_it_was_asked() -> None:
    desk = Desk()
    begin, asks = desk.ledger.begin_files, []

    async def slow(files, now=None):
        asks.append(desk.clock.monotonic())
        if len(asks) == 1:
            await desk.clock.sleep(TRUST_S + 1)
        return await begin(files, now)

    desk.ledger.begin_files = slow  # type: ignore[method-assign]
    await stored(desk, entries("e1"))
    assert asks == [0, TRUST_S + 1]


async def test_a_fresh_word_of_the_ledger_is_not_asked_for_again() -> None:
    desk = Desk()
    begin, asks = desk.ledger.begin_files, []

    async def counted(files, now=None):
        asks.append(desk.clock.monotonic())
        return await begin(files, now)

    desk.ledger.begin_files = counted  # type: ignore[method-assign]
    desk.lake.faults.before("put", LAKE, 12)
    assert await stored(desk, entries("e1")) == [["e1"], []]
    assert len(asks) > 3
    assert all(later - sooner > TRUST_S for sooner, later in pairwise(asks))
    assert desk.lake.puts == 1


async def left_behind(desk: Desk) -> FileRecord:
    """What another worker finds when this one seems dead, as one does that is suspended."""
    await desk.clock.sleep(31)
    await desk.ledger.sign_off(desk.clock.now())
    (orphaned,) = await desk.other.orphans(desk.clock.now())
    return orphaned


async def taken_over(desk: Desk) -> None:
    """Another worker finds this one's lease run out, and claims the event for itself."""
    orphaned, now = await left_behind(desk), desk.clock.now()
    await desk.other.discard_files([orphaned.file_id], now)
    (claim,) = await desk.other.claim([Candidate(event("e1"), "m", now, now)], now)
    assert claim.verdict is Verdict.CLAIMED


async def test_a_file_that_was_taken_over_before_any_try_is_left_alone() -> None:
    desk = Desk()
    items = [read(event("e1"))]
    await desk.claim(items[0].event)
    told: list[Sequence[Enriched]] = []
    begin, asks = desk.ledger.begin_files, []

    async def slow_to_answer(files, now=None):
        asks.append(files)
        refused = await begin(files, now)
        if len(asks) == 1:
            await taken_over(desk)
        return refused

    desk.ledger.begin_files = slow_to_answer  # type: ignore[method-assign]
    desk.ledger.faults.before("commit_files", DATABASE)
    with capture_logs() as logs:
        assert await desk.clock.run(desk.store().store(items, told.append)) == Outcome(tuple(items))
    assert len(asks) == 2
    assert (told, desk.lake.puts, desk.stats.stored) == ([], 0, 0)
    assert logs == []


@pytest.mark.parametrize("written", [True, False])
async def test_a_file_that_was_taken_over_after_a_try_leaves_no_object(written) -> None:
    desk = Desk()
    fault = desk.lake.faults.after if written else desk.lake.faults.before
    fault("put", LAKE, None)
    items = [read(event("e1"))]
    await desk.claim(items[0].event)
    told: list[Sequence[Enriched]] = []

    async def job() -> Outcome:
        storing = asyncio.create_task(desk.store().store(items, told.append))
        await taken_over(desk)
        assert len(desk.lake.objects) == written
        desk.lake.faults.clear()
        return await storing

    with capture_logs() as logs:
        assert await desk.clock.run(job()) == Outcome(tuple(items))
    assert desk.lake.objects == {}
    assert (told, desk.stats.stored) == ([], 0)
    assert {"event": "file.taken_over", "log_level": "warning", "file_id": "file-1"} in logs


async def test_a_file_that_another_worker_found_and_committed_is_done() -> None:
    desk = Desk()
    desk.lake.faults.after("put", LAKE, None)
    items = [read(event("e1"))]
    await desk.claim(items[0].event)
    told: list[Sequence[Enriched]] = []

    async def job() -> Outcome:
        storing = asyncio.create_task(desk.store().store(items, told.append))
        orphaned = await left_behind(desk)
        await desk.other.commit_files([orphaned.file_id], desk.clock.now())
        desk.lake.faults.clear()
        return await storing

    assert await desk.clock.run(job()) == Outcome()
    assert [[item.event.id for item in part] for part in told] == [["e1"]]
    assert desk.written() == ["e1"]
    assert desk.stats.stored == 1


async def test_an_object_that_came_too_late_is_taken_away_again() -> None:
    desk = Desk()
    put = desk.lake.put

    async def late(path, body):
        await desk.other.discard_files(["file-1"])
        await put(path, body)

    desk.lake.put = late  # type: ignore[method-assign]
    desk.lake.faults.before("remove", LAKE)
    with capture_logs() as logs:
        assert await stored(desk, entries("e1")) == [["e1"]]
    assert desk.lake.objects == {}
    assert desk.lake.puts == 1
    assert desk.stats.files == 0
    assert desk.stats.errors == {"lake-failing": 1}
    assert {"event": "file.taken_over", "log_level": "warning", "file_id": "file-1"} in logs


async def test_sixteen_files_are_written_at_once_and_no_more() -> None:
    desk = Desk()
    put = desk.lake.put
    under_way, most = 0, 0

    async def slow(path, body):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await desk.clock.sleep(1)
        under_way -= 1
        await put(path, body)

    desk.lake.put = slow  # type: ignore[method-assign]
    await stored(desk, entries(*(f"e{n:02}" for n in range(40))), events_per_file=1)
    assert most == 16
    assert len(desk.lake.objects) == 40


@pytest.mark.parametrize(
    ("port", "method", "dependency"),
    [
        ("lake", "put", Dependency.LAKE),
        ("ledger", "begin_files", Dependency.DATABASE),
        ("ledger", "commit_files", Dependency.DATABASE),
    ],
)
async def test_what_fails_is_insisted_on_and_known_by_its_name(port, method, dependency) -> None:
    desk = Desk()
    error = LAKE if port == "lake" else DATABASE
    getattr(desk, port).faults.before(method, error, None)
    items = entries("e1")
    await desk.claim(items[0].event)

    async def job() -> None:
        storing = asyncio.create_task(desk.store().store(items, lambda _: None))
        await desk.clock.sleep(8)
        assert set(desk.gate.troubles) == {dependency}
        assert not storing.done()
        getattr(desk, port).faults.clear()
        assert await storing == Outcome()

    await desk.clock.run(job())
    assert desk.written() == ["e1"]
    assert desk.gate.troubles == {}


async def test_the_ledger_is_to_blame_when_it_fails_at_being_asked_again() -> None:
    desk = Desk()
    begin, put = desk.ledger.begin_files, desk.lake.put
    calls = []

    async def fails_later(files, now=None):
        calls.append(desk.clock.monotonic())
        if len(calls) == 2:
            raise DATABASE
        return await begin(files, now)

    async def slow_once(path, body):
        if len(calls) == 1:
            await desk.clock.sleep(TRUST_S + 1)
            raise LAKE
        assert set(desk.gate.troubles) == {Dependency.LAKE}
        await put(path, body)

    desk.ledger.begin_files = fails_later  # type: ignore[method-assign]
    desk.lake.put = slow_once  # type: ignore[method-assign]
    with capture_logs() as logs:
        await stored(desk, entries("e1"))
    assert len(calls) == 3
    failed = [line["dependency"] for line in logs if line["event"] == "dependency.failed"]
    assert failed == ["lake", "database"]
    assert desk.written() == ["e1"]


async def orphan(desk: Desk, *, in_lake: bool) -> None:
    """A worker begins a file and is gone before its end; the other one settles it."""
    items = entries("e1")
    await desk.claim(items[0].event)
    ended = asyncio.create_task(desk.store().store(items, lambda _: None))
    fault = desk.lake.faults.after if in_lake else desk.lake.faults.before
    fault("put", LAKE, None)
    await desk.clock.advance(1)
    ended.cancel()
    await asyncio.gather(ended, return_exceptions=True)
    desk.lake.faults.clear()
    desk.gate.works(Dependency.LAKE)


@pytest.mark.parametrize("in_lake", [True, False])
async def test_a_dead_workers_file_is_settled_by_what_stands_in_the_lake(in_lake) -> None:
    desk = Desk()
    await orphan(desk, in_lake=in_lake)
    (record,) = desk.files().values()
    assert record.state is FileState.PENDING
    desk.lake.faults.before("sha256", LAKE)
    desk.ledger.faults.before("commit_files" if in_lake else "discard_files", DATABASE)
    with capture_logs() as logs:
        await desk.clock.run(desk.store().settle_orphan(record))
    assert [file.state for file in desk.files().values()] == [FileState.SUCCESS] * in_lake
    assert desk.event("e1").state is (EventState.STORED if in_lake else EventState.WRITING)
    assert [line for line in logs if line["event"].startswith("file")] == [
        {
            "event": "file.orphan_settled",
            "log_level": "info",
            "file_id": "file-1",
            "in_lake": in_lake,
        }
    ]
    failed = [line["dependency"] for line in logs if line["event"] == "dependency.failed"]
    assert failed == ["lake", "database"]


async def test_an_object_with_other_bytes_does_not_settle_a_file() -> None:
    desk = Desk()
    await orphan(desk, in_lake=True)
    (record,) = desk.files().values()
    desk.lake.objects[record.path] += b" "
    await desk.clock.run(desk.store().settle_orphan(record))
    assert desk.files() == {}
    assert desk.event("e1").file_id is None


async def test_files_are_composed_when_they_begin_and_pending_until_they_are_written() -> None:
    desk = Desk()
    pending: list[int] = []
    put = desk.lake.put

    async def watched(path: str, body: bytes) -> None:
        pending.append(desk.stats.pending)
        await put(path, body)

    desk.lake.put = watched  # type: ignore[method-assign]
    await stored(desk, entries(*(f"e{n}" for n in range(5))), events_per_file=2)
    assert (desk.stats.composed, desk.stats.files, desk.stats.pending) == (3, 3, 0)
    assert max(pending) == 3


async def test_a_file_that_is_not_written_was_composed_and_is_not_pending() -> None:
    desk = Desk()
    items = entries("e1")
    await desk.clock.run(desk.store().store(items, lambda _: None))
    assert (desk.stats.composed, desk.stats.files, desk.stats.pending) == (1, 0, 0)
