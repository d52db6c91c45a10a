"""Files that the lake refuses, in the ledger: counted, stopped, and taken over like others."""

from benchling_connector.domain.rawfile import RawFile
from benchling_connector.domain.records import (
    EventRecord,
    EventState,
    FileFilter,
    FileRecord,
    FileState,
)
from benchling_connector.ports import Claim, Ledger, Verdict
from tests.ledger_homes import Home
from tests.ledgers import a_candidate, a_file, at


async def claim(ledger: Ledger, event_id: str, seconds: float) -> Claim:
    (answer,) = await ledger.claim([a_candidate(event_id)], at(seconds))
    return answer


async def the_event(home: Home, event_id: str) -> EventRecord:
    record = await home.reader().event(event_id)
    assert record is not None
    return record


async def refused(
    ledger: Ledger, file: RawFile, state: FileState = FileState.PENDING, errors: int = 1
) -> None:
    for number in range(1, errors):
        await ledger.note_refusal(file.file_id, number, "no", FileState.PENDING)
    await ledger.note_refusal(file.file_id, errors, "The lake says no.", state)


async def begun(ledger: Ledger, *event_ids: str) -> RawFile:
    """A file of claimed events, PENDING."""
    await ledger.claim([a_candidate(name) for name in event_ids], at(0))
    file = a_file(list(event_ids))
    await ledger.begin_files([file])
    return file


async def the_file(home: Home, file: RawFile) -> FileRecord:
    record = await home.reader().file(file.file_id)
    assert record is not None
    return record


async def test_a_refusal_of_the_lake_is_counted_with_what_it_said(home: Home) -> None:
    ledger = await home.ledger()
    file = await begun(ledger, "evt_1")
    assert (
        (await the_file(home, file)).error_count,
        (await the_file(home, file)).error_message,
    ) == (
        0,
        None,
    )

    await refused(ledger, file)

    record = await the_file(home, file)
    assert (record.state, record.error_count) == (FileState.PENDING, 1)
    assert record.error_message == "The lake says no."
    assert (await the_event(home, "evt_1")).state is EventState.WRITING


async def test_a_file_that_is_refused_too_often_is_stopped(home: Home) -> None:
    ledger = await home.ledger()
    file, other = await begun(ledger, "evt_1"), await begun(ledger, "evt_2")
    assert await ledger.stopped([file.file_id, other.file_id]) == frozenset()

    await refused(ledger, file, FileState.ERROR, errors=5)

    record = await the_file(home, file)
    assert (record.state, record.error_count) == (FileState.ERROR, 5)
    assert await ledger.stopped([file.file_id, other.file_id, "unknown"]) == {file.file_id}
    assert await ledger.stopped([]) == frozenset()
    page = await home.reader().files(FileFilter(state=FileState.ERROR))
    assert [one.file_id for one in page.rows] == [file.file_id]
    assert (await the_event(home, "evt_1")).state is EventState.WRITING


async def test_the_same_refusal_counts_once(home: Home) -> None:
    ledger = await home.ledger()
    file = await begun(ledger, "evt_1")
    await refused(ledger, file)

    await ledger.note_refusal(file.file_id, 1, "another word", FileState.ERROR)

    record = await the_file(home, file)
    assert (record.state, record.error_count) == (FileState.PENDING, 1)
    assert record.error_message == "The lake says no."


async def test_only_who_writes_a_file_notes_its_refusals(home: Home) -> None:
    mine, other = await home.ledger("w1"), await home.ledger("w2")
    file = await begun(mine, "evt_1")

    await refused(other, file)

    assert (await the_file(home, file)).error_count == 0


async def test_a_stopped_file_may_be_begun_again_by_who_holds_it(home: Home) -> None:
    ledger = await home.ledger()
    file = await begun(ledger, "evt_1")
    await refused(ledger, file, FileState.ERROR)

    assert await ledger.begin_files([file], at(3)) == frozenset()
    assert (await the_file(home, file)).state is FileState.ERROR


async def test_the_event_of_a_stopped_file_is_busy_and_said_to_be_stopped(home: Home) -> None:
    mine, other = await home.ledger("w1"), await home.ledger("w2")
    file = await begun(mine, "evt_1")

    assert await claim(other, "evt_1", 1) == Claim(Verdict.BUSY, 1)
    await refused(mine, file, FileState.ERROR)
    assert await claim(other, "evt_1", 2) == Claim(Verdict.BUSY, 1, stopped=True)
    assert await claim(mine, "evt_1", 2) == Claim(Verdict.BUSY, 1, stopped=True)


async def test_a_dead_workers_stopped_file_is_an_orphan_beside_its_pending_ones(
    home: Home,
) -> None:
    mine, other = await home.ledger("w1"), await home.ledger("w2")
    stopped, pending = await begun(mine, "evt_1"), await begun(mine, "evt_2")
    await refused(mine, stopped, FileState.ERROR)
    assert list(await other.orphans(at(1))) == []

    orphans = await other.orphans(at(31))

    assert [one.file_id for one in orphans] == [stopped.file_id, pending.file_id]
    assert [one.error_count for one in orphans] == [1, 0]
    found = await claim(other, "evt_1", 31)
    assert found.verdict is Verdict.ORPHANED
    assert found.file == orphans[0]


async def test_a_stopped_file_that_is_discarded_goes_and_its_events_are_to_be_had(
    home: Home,
) -> None:
    mine, other = await home.ledger("w1"), await home.ledger("w2")
    file = await begun(mine, "evt_1")
    await refused(mine, file, FileState.ERROR)

    await other.discard_files([file.file_id], at(31))

    assert await home.reader().file(file.file_id) is None
    assert (await claim(other, "evt_1", 31)).verdict is Verdict.CLAIMED


async def test_a_stopped_file_of_a_living_worker_is_not_discarded(home: Home) -> None:
    mine, other = await home.ledger("w1"), await home.ledger("w2")
    file = await begun(mine, "evt_1")
    await refused(mine, file, FileState.ERROR)

    await other.discard_files([file.file_id], at(1))

    assert (await the_file(home, file)).state is FileState.ERROR


async def test_a_stopped_file_that_stands_in_the_lake_is_committed(home: Home) -> None:
    ledger = await home.ledger()
    file = await begun(ledger, "evt_1")
    await refused(ledger, file, FileState.ERROR)

    assert await ledger.commit_files([file.file_id], at(4)) == frozenset()

    assert (await the_file(home, file)).state is FileState.SUCCESS
    assert (await the_event(home, "evt_1")).state is EventState.STORED


async def test_a_stopped_file_and_its_events_are_never_too_old(home: Home) -> None:
    ledger = await home.ledger()
    file = await begun(ledger, "evt_1")
    await refused(ledger, file, FileState.ERROR)

    assert (await ledger.prune(at(10**8), 100)).events == 0

    assert (await the_file(home, file)).event_ids == ("evt_1",)
