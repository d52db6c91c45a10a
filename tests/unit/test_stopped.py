"""A file that the lake alone refuses: tried five times, stopped, tried again; by the store."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from benchling_connector.domain.errors import ConfigurationError, PermanentError, TransientError
from benchling_connector.domain.rawfile import Enriched
from benchling_connector.domain.records import EventState, FileRecord, FileState
from benchling_connector.engine.gate import Dependency
from benchling_connector.engine.stopped import MOST_ERRORS
from benchling_connector.engine.store import Outcome, StoppedFile
from tests.unit.desk import Desk
from tests.unit.samples import event
from tests.unit.test_store import DATABASE, LAKE, entries, read

REFUSED = ConfigurationError("lake-access-denied", "The lake says no.")


def refusing(error: ConfigurationError | PermanentError = REFUSED) -> Desk:
    """Entries are refused, all else is taken."""
    desk = Desk()
    desk.lake.refused["resource_type=entry/"] = error
    return desk


async def stopped(
    desk: Desk, *names: str, told: list[Sequence[Enriched]] | None = None
) -> StoppedFile:
    """Claims and stores entries until their file is stopped."""
    items = entries(*(names or ("e1",)))
    await desk.claim(*(item.event for item in items))
    notes: list[Sequence[Enriched]] = [] if told is None else told
    outcome = await desk.clock.run(desk.store().store(items, notes.append))
    (one,) = outcome.stopped
    assert outcome == Outcome(stopped=(one,))
    return one


def record(desk: Desk) -> FileRecord:
    (one,) = desk.files().values()
    return one


def retry(desk: Desk) -> None:
    """What the platform does with ERROR files."""
    for file in desk.database.files.values():
        fresh = replace(file.record, state=FileState.PENDING, error_count=0, error_message=None)
        file.record = fresh


async def resumed(desk: Desk, one: StoppedFile, job=None) -> tuple[Outcome, list[list[str]]]:
    """What comes of a stopped file when `job` has been done; and what `done` was told."""
    told: list[list[str]] = []

    async def work() -> Outcome:
        watching = asyncio.create_task(desk.stopped.watching())
        resuming = asyncio.create_task(
            desk.store().resume(one, lambda part: told.append([i.event.id for i in part]))
        )
        await desk.clock.sleep(0.5)
        if job is not None:
            await job()
        outcome = await resuming
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        return outcome

    return await desk.clock.run(work()), told


@pytest.mark.parametrize("error", [REFUSED, PermanentError("event-not-text", "Never.")])
async def test_each_refusal_is_counted_and_logged_until_the_fifth_stops_it(error) -> None:
    desk = refusing(error)
    told: list[Sequence[Enriched]] = []
    with capture_logs() as logs:
        one = await stopped(desk, told=told)
    assert (one.file.file_id, one.refusal) == ("file-1", error)
    assert (record(desk).state, record(desk).error_count) == (FileState.ERROR, MOST_ERRORS)
    assert record(desk).error_message == error.sentence
    assert desk.stats.errors == {"file-refused": 5}
    assert (desk.stats.pending, desk.stats.stored, told, desk.lake.objects) == (0, 0, [], {})
    assert desk.gate.troubles == {}
    path = one.file.path
    assert logs == [
        *(
            {
                "event": "file.refused",
                "log_level": "warning",
                "file_id": "file-1",
                "path": path,
                "errors": number,
                "code": error.code,
                "sentence": error.sentence,
            }
            for number in range(1, 6)
        ),
        {"event": "file.stopped", "log_level": "warning", "file_id": "file-1", "path": path},
    ]


async def test_it_is_tried_with_growing_pauses_and_is_pending_between_the_tries() -> None:
    desk = refusing()
    note, notes = desk.ledger.note_refusal, []

    async def noted(file_id, errors, message, state):
        notes.append((desk.clock.monotonic(), errors, state))
        await note(file_id, errors, message, state)

    desk.ledger.note_refusal = noted  # type: ignore[method-assign]
    await stopped(desk)
    # The pauses are 0.625 times 0.5, 1, 2 and 4 s.
    assert notes == [
        (0.0, 1, FileState.PENDING),
        (0.3125, 2, FileState.PENDING),
        (0.9375, 3, FileState.PENDING),
        (2.1875, 4, FileState.PENDING),
        (4.6875, 5, FileState.ERROR),
    ]


async def test_what_is_taken_before_the_fifth_refusal_is_stored() -> None:
    desk = Desk()
    desk.lake.faults.before("put", REFUSED, 1)
    items = entries("e1")
    await desk.claim(items[0].event)
    told: list[Sequence[Enriched]] = []
    assert await desk.clock.run(desk.store().store(items, told.append)) == Outcome()
    assert desk.written() == ["e1"]
    assert len(told) == 1
    assert (record(desk).state, record(desk).error_count) == (FileState.SUCCESS, 1)


async def test_a_lake_that_cannot_be_tried_out_is_in_trouble_and_no_file_is_to_blame() -> None:
    desk = refusing()
    desk.lake.faults.before("try_out", LAKE, 3)
    one = await stopped(desk)
    assert desk.stats.errors == {"lake-failing": 3, "file-refused": 5}
    assert one.refusal is REFUSED


async def test_the_other_files_are_stored_meanwhile_and_told_of() -> None:
    desk = refusing()
    mine, other = entries("e1")[0], read(event("e2", "v2.project.created", "project"))
    await desk.claim(mine.event, other.event)
    told: list[list[str]] = []
    outcome = await desk.clock.run(
        desk.store().store([mine, other], lambda part: told.append([i.event.id for i in part]))
    )
    assert [one.file.content[0].event.id for one in outcome.stopped] == ["e1"]
    assert outcome.lost == ()
    assert told == [["e2"]]


async def test_no_place_to_write_is_taken_between_the_tries() -> None:
    desk = refusing()
    names = [f"e{number}" for number in range(40)]
    items = entries(*names)
    await desk.claim(*(item.event for item in items))
    store = desk.store(events_per_file=1)
    outcome = await desk.clock.run(store.store(items, lambda _: None))
    assert len(outcome.stopped) == 40
    assert desk.clock.monotonic() == 4.6875


async def test_a_failing_ledger_is_asked_again_to_note_it() -> None:
    desk = refusing()
    desk.ledger.faults.after("note_refusal", DATABASE, 2)
    with capture_logs() as logs:
        await stopped(desk)
    assert record(desk).error_count == MOST_ERRORS
    failed = [line["dependency"] for line in logs if line["event"] == "dependency.failed"]
    assert failed == ["database"]


async def test_a_stopped_file_waits_and_is_counted_until_it_is_tried_again() -> None:
    desk = refusing()
    one = await stopped(desk)

    async def after_a_while() -> None:
        await desk.clock.sleep(60)
        assert (desk.stats.stopped, desk.stats.pending) == (1, 0)
        still = desk.stopped.standstill()
        assert still is not None
        assert (still.files, still.sentence) == (1, REFUSED.sentence)
        assert (desk.clock.now() - still.since).total_seconds() == 60.5
        desk.lake.refused.clear()
        retry(desk)

    with capture_logs() as logs:
        outcome, told = await resumed(desk, one, after_a_while)
    assert (outcome, told) == (Outcome(), [["e1"]])
    assert (desk.stats.stopped, desk.stats.pending, desk.stopped.standstill()) == (0, 0, None)
    assert desk.lake.objects == {one.file.path: one.file.body}
    assert record(desk).state is FileState.SUCCESS
    assert {"event": "file.retried", "log_level": "info", "file_id": "file-1"} in logs


async def test_it_is_looked_for_every_second_and_not_when_nothing_is_stopped() -> None:
    desk = refusing()
    one = await stopped(desk)
    ask, asked = desk.ledger.stopped, []

    async def counted(file_ids):
        asked.append((desk.clock.monotonic(), list(file_ids)))
        return await ask(file_ids)

    desk.ledger.stopped = counted  # type: ignore[method-assign]
    begun = desk.clock.monotonic()

    async def after_three_looks() -> None:
        await desk.clock.sleep(3)
        desk.lake.refused.clear()
        retry(desk)

    await resumed(desk, one, after_three_looks)
    watching = asyncio.create_task(desk.stopped.watching())
    await desk.clock.advance(100)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert asked == [(begun + number, ["file-1"]) for number in (1, 2, 3, 4)]


async def test_it_is_stopped_again_when_the_cause_is_not_mended() -> None:
    desk = refusing()
    one = await stopped(desk)

    async def twice() -> None:
        retry(desk)
        await desk.clock.sleep(30)
        assert (record(desk).state, record(desk).error_count) == (FileState.ERROR, 5)
        assert desk.stats.errors == {"file-refused": 10}
        desk.lake.refused.clear()
        retry(desk)

    assert await resumed(desk, one, twice) == (Outcome(), [["e1"]])


async def test_a_stopped_file_that_another_worker_has_taken_over_is_lost_and_not_written() -> None:
    desk = refusing()
    one = await stopped(desk)

    async def taken() -> None:
        await desk.clock.sleep(31)
        now = desk.clock.now()
        await desk.other.discard_files([one.file.file_id], now)
        desk.database.events["con-1", "e1"].worker_id = "worker-2"
        desk.lake.refused.clear()

    outcome, told = await resumed(desk, one, taken)
    assert (outcome, told) == (Outcome(lost=one.file.content), [])
    assert desk.lake.puts == 0


async def test_what_may_not_be_removed_after_it_was_refused_does_not_hold_up_the_lake() -> None:
    desk = refusing()
    one = await stopped(desk)
    desk.lake.faults.before("remove", REFUSED, None)

    async def taken() -> None:
        await desk.other.discard_files([one.file.file_id])
        desk.database.events["con-1", "e1"].worker_id = "worker-2"

    outcome, _ = await resumed(desk, one, taken)
    assert outcome == Outcome(lost=one.file.content)
    assert desk.gate.troubles == {}


async def test_what_may_not_be_removed_and_was_not_refused_is_the_lakes_trouble() -> None:
    desk = Desk()
    put = desk.lake.put

    async def late(path, body):
        await desk.other.discard_files(["file-1"])
        await put(path, body)

    desk.lake.put = late  # type: ignore[method-assign]
    desk.lake.faults.before("remove", REFUSED)
    items = entries("e1")
    await desk.claim(items[0].event)
    assert await desk.clock.run(desk.store().store(items, lambda _: None)) == Outcome(tuple(items))
    assert desk.stats.errors == {"lake-access-denied": 1}
    assert desk.lake.objects == {}


async def test_who_waits_is_let_go_when_the_engine_stops() -> None:
    desk = refusing()
    one = await stopped(desk)

    async def stop() -> None:
        desk.gate.close()

    begun = desk.clock.monotonic()
    assert await resumed(desk, one, stop) == (Outcome(), [])
    assert desk.clock.monotonic() - begun == 0.5
    assert record(desk).state is FileState.ERROR
    assert desk.event("e1").state is EventState.WRITING


async def test_between_two_tries_the_engine_may_stop_at_once() -> None:
    desk = refusing()
    items = entries("e1")
    await desk.claim(items[0].event)

    async def job() -> Outcome:
        storing = asyncio.create_task(desk.store().store(items, lambda _: None))
        await desk.clock.sleep(3)
        desk.gate.close()
        return await storing

    assert await desk.clock.run(job()) == Outcome()
    assert desk.clock.monotonic() == 3
    assert (record(desk).state, record(desk).error_count) == (FileState.PENDING, 4)


@pytest.mark.parametrize("in_lake", [True, False])
async def test_a_dead_workers_stopped_file_is_settled_by_what_stands_in_the_lake(in_lake) -> None:
    desk = refusing()
    one = await stopped(desk)
    if in_lake:
        desk.lake.objects[one.file.path] = one.file.body
    await desk.clock.run(desk.store().settle_orphan(record(desk)))
    assert [file.state for file in desk.files().values()] == [FileState.SUCCESS] * in_lake


async def test_what_was_refused_and_cannot_be_read_is_not_there() -> None:
    desk = refusing()
    await stopped(desk)
    desk.lake.faults.before("sha256", REFUSED, None)
    await desk.clock.run(desk.store().settle_orphan(record(desk)))
    assert desk.files() == {}
    assert desk.gate.troubles == {}


async def test_what_was_not_refused_and_cannot_be_read_is_the_lakes_trouble() -> None:
    desk = Desk()
    items = entries("e1")
    await desk.claim(items[0].event)
    desk.lake.faults.before("put", TransientError("lake-failing"), None)
    ended = asyncio.create_task(desk.store().store(items, lambda _: None))
    await desk.clock.advance(1)
    ended.cancel()
    await asyncio.gather(ended, return_exceptions=True)
    desk.gate.works(Dependency.LAKE)
    desk.lake.faults.clear()
    desk.lake.faults.before("sha256", REFUSED)
    with capture_logs() as logs:
        await desk.clock.run(desk.store().settle_orphan(record(desk)))
    failed = [line["code"] for line in logs if line["event"] == "dependency.failed"]
    assert failed == [REFUSED.code]
