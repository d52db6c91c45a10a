"""The ledger's promises, kept in memory, in SQLite and in PostgreSQL alike."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.adapters.ledger import ledger as sql_ledger
from benchling_connector.adapters.memory.ledger import MemoryLedger
from benchling_connector.database.connection import writing
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.rawfile import RawFile
from benchling_connector.domain.records import (
    BadCursorError,
    Decision,
    EventFilter,
    EventRecord,
    EventState,
    FileFilter,
    FileRecord,
    FileState,
    Resolution,
)
from benchling_connector.ports import (
    Candidate,
    Claim,
    GivenBack,
    Ledger,
    Pruned,
    StrayMessage,
    Verdict,
)
from tests.ledger_homes import Home, MemoryHome
from tests.ledgers import a_candidate, a_file, a_stray, an_event, at


async def claim(ledger: Ledger, event: str | Candidate, seconds: float = 0) -> Claim:
    candidate = a_candidate(event) if isinstance(event, str) else event
    (answer,) = await ledger.claim([candidate], at(seconds))
    return answer


async def verdict(ledger: Ledger, event: str | Candidate, seconds: float = 0) -> Verdict:
    return (await claim(ledger, event, seconds)).verdict


async def store(ledger: Ledger, *event_ids: str, seconds: float = 0) -> str:
    """Claims events and stores them in one file; gives its ID."""
    await ledger.claim([a_candidate(event_id) for event_id in event_ids], at(seconds))
    file = a_file(event_ids, created=seconds + 2)
    assert await ledger.begin_files([file]) == frozenset()
    await ledger.commit_files([file.file_id], at(seconds + 3))
    return file.file_id


async def the_event(home: Home, event_id: str) -> EventRecord:
    record = await home.reader().event(event_id)
    assert record is not None
    return record


# Claims


async def test_an_unknown_event_is_claimed_and_recorded_as_writing(home: Home) -> None:
    ledger = await home.ledger()
    event = an_event("evt_1", type="v2.entry.updated.fields", schema_id="ts_9", resource_id="etr_7")

    answer = await claim(ledger, a_candidate(event, message_id="m-1", received=0.000001))

    assert answer == Claim(Verdict.CLAIMED, 1)
    assert await home.reader().event("evt_1") == EventRecord(
        event_id="evt_1",
        message_id="m-1",
        event_type="v2.entry.updated.fields",
        resource_type="entry",
        resource_id="etr_7",
        schema_id="ts_9",
        state=EventState.WRITING,
        reason=None,
        file_id=None,
        attempts=1,
        created_at=at(-20.000001),
        bridged_at=at(-15),
        sent_at=at(-10),
        received_at=at(0.000001),
        fetched_at=None,
        stored_at=None,
        next_at=None,
    )


async def test_an_unwanted_event_is_settled_and_recorded_as_skipped_with_the_reason(
    home: Home,
) -> None:
    ledger = await home.ledger()

    answer = await claim(ledger, a_candidate("evt_1", skip_reason="skipped: not wanted"))

    assert answer.verdict is Verdict.SETTLED
    record = await the_event(home, "evt_1")
    assert (record.state, record.reason) == (EventState.SKIPPED, "skipped: not wanted")


async def test_every_candidate_gets_its_answer_in_order(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await store(ledger, "evt_b")
    await claim(other, "evt_d")

    answers = await ledger.claim(
        [
            a_candidate("evt_z"),
            a_candidate("evt_b"),
            a_candidate(an_event("evt_d", content="other")),
            a_candidate("evt_a", skip_reason="not wanted"),
            a_candidate("evt_d2"),
        ],
        at(5),
    )

    assert [answer.verdict for answer in answers] == [
        Verdict.CLAIMED,
        Verdict.SETTLED,
        Verdict.REUSED,
        Verdict.SETTLED,
        Verdict.CLAIMED,
    ]


async def test_no_candidates_are_no_answers(home: Home) -> None:
    assert list(await (await home.ledger()).claim([], at(0))) == []


async def test_a_stored_event_is_settled_whoever_asks(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await store(ledger, "evt_1")

    assert await claim(ledger, "evt_1", 9) == Claim(Verdict.SETTLED, 1)
    assert await claim(other, "evt_1", 9999) == Claim(Verdict.SETTLED, 1)


async def test_a_skipped_event_stays_settled_even_if_it_would_be_wanted_now(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, a_candidate("evt_1", skip_reason="not wanted"))

    assert await verdict(ledger, "evt_1", 1) is Verdict.SETTLED
    assert (await the_event(home, "evt_1")).state is EventState.SKIPPED


@pytest.mark.parametrize("state", ["writing", "stored", "skipped", "retrying"])
async def test_a_known_id_with_other_content_is_reused_and_changes_nothing(
    home: Home, state: str
) -> None:
    ledger = await home.ledger()
    if state == "stored":
        await store(ledger, "evt_1")
    else:
        skip_reason = "not wanted" if state == "skipped" else None
        await claim(ledger, a_candidate("evt_1", skip_reason=skip_reason))
    if state == "retrying":
        await ledger.give_back([GivenBack("evt_1", "why", at(9))])
    before = await the_event(home, "evt_1")

    other = a_candidate(an_event("evt_1", content="other"), message_id="m-other")

    assert await verdict(ledger, other, 9999) is Verdict.REUSED
    assert await the_event(home, "evt_1") == before
    assert before.state == state


async def test_what_another_living_worker_writes_is_busy(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await claim(ledger, "evt_1", 0)

    assert await claim(other, "evt_1", 29.9) == Claim(Verdict.BUSY, 1)


async def test_what_this_worker_writes_itself_is_busy(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1", 0)

    assert await verdict(ledger, "evt_1", 1) is Verdict.BUSY
    assert await verdict(ledger, "evt_1", 9999) is Verdict.BUSY


async def test_a_dead_workers_claim_is_taken_over(home: Home) -> None:
    dead, ledger = await home.ledger("w1"), await home.ledger("w2")
    await claim(dead, "evt_1", 0)

    assert await claim(ledger, "evt_1", 30) == Claim(Verdict.CLAIMED, 2)
    assert await verdict(await home.ledger("w3"), "evt_1", 31) is Verdict.BUSY


async def test_a_dead_workers_claim_with_a_pending_file_is_orphaned(home: Home) -> None:
    dead, ledger = await home.ledger("w1"), await home.ledger("w2")
    await claim(dead, "evt_1", 0)
    file = a_file(["evt_1"])
    await dead.begin_files([file])

    answer = await claim(ledger, "evt_1", 31)

    assert answer == Claim(
        Verdict.ORPHANED,
        1,
        FileRecord(
            file_id=file.file_id,
            path=file.path,
            sha256=file.sha256,
            size=len(file.body),
            resource_type="entry",
            schema_id="ts_1",
            event_count=1,
            state=FileState.PENDING,
            created_at=file.created_at,
            stored_at=None,
        ),
    )


async def test_an_orphan_that_is_committed_settles_its_events(home: Home) -> None:
    dead, ledger = await home.ledger("w1"), await home.ledger("w2")
    await claim(dead, "evt_1", 0)
    file = a_file(["evt_1"])
    await dead.begin_files([file])

    await ledger.commit_files([file.file_id], at(40))

    assert await verdict(ledger, "evt_1", 41) is Verdict.SETTLED
    record = await the_event(home, "evt_1")
    assert (record.state, record.stored_at) == (EventState.STORED, at(40))


async def test_an_orphan_that_is_discarded_makes_its_events_claimable(home: Home) -> None:
    dead, ledger = await home.ledger("w1"), await home.ledger("w2")
    await claim(dead, "evt_1", 0)
    file = a_file(["evt_1"])
    await dead.begin_files([file])

    await ledger.discard_files([file.file_id])

    assert await claim(ledger, "evt_1", 41) == Claim(Verdict.CLAIMED, 2)


async def test_beginning_files_prolongs_the_lease(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await claim(ledger, "evt_1", 0)
    file = a_file(["evt_1"])
    assert await ledger.begin_files([file], at(1)) == frozenset()
    assert await ledger.begin_files([file], at(25)) == frozenset()

    assert await verdict(other, "evt_1", 54.9) is Verdict.BUSY
    assert list(await other.orphans(at(54.9))) == []
    assert await verdict(other, "evt_1", 55) is Verdict.ORPHANED
    assert len(await other.orphans(at(55))) == 1


async def test_a_heartbeat_that_comes_late_does_not_shorten_the_lease(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await claim(ledger, "evt_1", 0)
    await ledger.begin_files([a_file(["evt_1"])], at(25))
    await ledger.heartbeat(at(10))

    assert await verdict(other, "evt_1", 54.9) is Verdict.BUSY


async def test_a_lease_of_a_clock_that_was_wrong_is_mended_by_the_next_heartbeat(
    home: Home,
) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await claim(ledger, "evt_1", 9_000)
    await ledger.heartbeat(at(10))

    assert await verdict(other, "evt_1", 39.9) is Verdict.BUSY
    assert await verdict(other, "evt_1", 40) is Verdict.CLAIMED


async def test_files_are_not_discarded_while_another_is_at_work_on_them(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await claim(ledger, "evt_1", 0)
    file = a_file(["evt_1"])
    await ledger.begin_files([file], at(1))
    assert len(await other.orphans(at(31))) == 1
    await ledger.begin_files([file], at(31))  # it was only slow

    await other.discard_files([file.file_id], at(32))
    assert await ledger.begin_files([file], at(33)) == frozenset()
    assert await ledger.commit_files([file.file_id], at(34)) == frozenset()
    assert (await the_event(home, "evt_1")).state is EventState.STORED


async def test_files_of_the_dead_and_ones_own_are_discarded(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await ledger.claim([a_candidate("evt_1"), a_candidate("evt_2")], at(0))
    own, left = a_file(["evt_1"]), a_file(["evt_2"])
    await ledger.begin_files([own, left], at(1))

    await ledger.discard_files([own.file_id], at(2))
    await other.discard_files([left.file_id], at(31))
    assert await other.commit_files([own.file_id, left.file_id], at(32)) == {
        own.file_id,
        left.file_id,
    }


async def test_a_file_whose_events_were_given_back_is_discarded_though_its_worker_lives(
    home: Home,
) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await claim(ledger, "evt_1", 0)
    file = a_file(["evt_1"])
    await ledger.begin_files([file], at(1))
    await ledger.give_back([GivenBack("evt_1", "why", at(5))])

    await other.discard_files([file.file_id], at(6))
    assert await claim(other, "evt_1", 7) == Claim(Verdict.CLAIMED, 2)


async def test_what_was_given_back_is_claimed_by_whoever_gets_it(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await ledger.claim([a_candidate("evt_1"), a_candidate("evt_2")], at(0))
    await ledger.give_back([GivenBack(name, "why", at(5)) for name in ("evt_1", "evt_2")])

    assert await claim(ledger, "evt_1", 6) == Claim(Verdict.CLAIMED, 2)
    assert await claim(other, "evt_2", 6) == Claim(Verdict.CLAIMED, 2)
    record = await the_event(home, "evt_2")
    assert (record.state, record.reason, record.next_at) == (EventState.WRITING, None, None)


async def test_what_was_given_back_with_a_pending_file_is_orphaned(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await claim(ledger, "evt_1")
    file = a_file(["evt_1"])
    await ledger.begin_files([file])
    await ledger.give_back([GivenBack("evt_1", "the lake did not answer", at(5))])

    answer = await claim(other, "evt_1", 6)

    assert answer.verdict is Verdict.ORPHANED
    assert answer.file is not None
    await other.discard_files([answer.file.file_id])
    assert await claim(other, "evt_1", 7) == Claim(Verdict.CLAIMED, 2)


async def test_what_is_unwanted_by_now_is_skipped_when_it_could_be_claimed(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")
    await ledger.give_back([GivenBack("evt_1", "why", at(5))])

    unwanted = a_candidate("evt_1", skip_reason="not wanted")

    assert await verdict(ledger, unwanted, 6) is Verdict.SETTLED
    record = await the_event(home, "evt_1")
    assert (record.state, record.reason) == (EventState.SKIPPED, "not wanted")


async def test_an_event_keeps_the_times_and_message_of_its_first_receipt(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, a_candidate("evt_1", received=0, message_id="m-1"))
    await ledger.give_back([GivenBack("evt_1", "why", at(5))])

    await claim(ledger, a_candidate("evt_1", received=60, message_id="m-2"), 60)

    record = await the_event(home, "evt_1")
    assert (record.received_at, record.message_id) == (at(0), "m-1")


async def test_connectors_of_one_database_do_not_see_each_others_events(home: Home) -> None:
    ledger, other = await home.ledger("w1", "c1"), await home.ledger("w2", "c2")
    file_id = await store(ledger, "evt_1")

    assert await claim(other, "evt_1", 1) == Claim(Verdict.CLAIMED, 1)
    await other.discard_files([file_id])
    await other.commit_files([file_id], at(9))
    record = await home.reader("c1").event("evt_1")
    assert record is not None
    assert record.stored_at == at(3)
    assert list(await other.orphans(at(9999))) == []


async def test_a_claim_whose_answer_was_lost_is_made_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await home.ledger()

    with pytest.raises(TransientError), losing_the_answer(ledger, monkeypatch):
        await claim(ledger, "evt_1")
    assert (await the_event(home, "evt_1")).state is EventState.WRITING

    assert await claim(ledger, "evt_1", 1) == Claim(Verdict.CLAIMED, 2)
    assert await verdict(ledger, "evt_1", 2) is Verdict.BUSY


def losing_the_answer(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> "Losing":
    return Losing(ledger, monkeypatch)


class Losing:
    """Inside, the ledger does its work, and then fails: as a connection lost during commit."""

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ledger = ledger
        self._monkeypatch = monkeypatch

    def __enter__(self) -> None:
        lost = TransientError("database-failing")
        if isinstance(self._ledger, MemoryLedger):
            self._ledger.faults.after("claim", lost)
            return

        @asynccontextmanager
        async def lossy(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
            async with writing(engine) as connection:
                yield connection
            raise lost

        self._monkeypatch.setattr(sql_ledger, "writing", lossy)

    def __exit__(self, *_: object) -> None:
        self._monkeypatch.undo()


# Two workers at once


async def test_of_two_workers_each_event_is_claimed_by_one(home: Home) -> None:
    workers = [await home.process("w1"), await home.process("w2")]
    ids = [f"evt_{number:03}" for number in range(200)]
    orders = [ids, ids[::-1]]
    claimed: list[list[str]] = [[], []]

    async def work(worker: int) -> None:
        order = orders[worker]
        for start in range(0, len(order), 40):
            part = order[start : start + 40]
            answers = await workers[worker].claim([a_candidate(name) for name in part], at(0))
            for name, answer in zip(part, answers, strict=True):
                assert answer.verdict in (Verdict.CLAIMED, Verdict.BUSY)
                if answer.verdict is Verdict.CLAIMED:
                    claimed[worker].append(name)

    await asyncio.gather(work(0), work(1))

    assert sorted(claimed[0] + claimed[1]) == ids


@pytest.mark.parametrize("left_behind", ["given back", "claimed by the dead"])
async def test_of_two_workers_each_event_is_taken_over_by_one(home: Home, left_behind: str) -> None:
    before = await home.ledger("w0")
    ids = [f"evt_{number:03}" for number in range(100)]
    await before.claim([a_candidate(name) for name in ids], at(0))
    if left_behind == "given back":
        await before.give_back([GivenBack(name, "why", at(1)) for name in ids])
    workers = [await home.process("w1"), await home.process("w2")]

    answers = await asyncio.gather(
        workers[0].claim([a_candidate(name) for name in ids], at(40)),
        workers[1].claim([a_candidate(name) for name in reversed(ids)], at(40)),
    )

    claims = [*zip(ids, answers[0], strict=True), *zip(reversed(ids), answers[1], strict=True)]
    assert sorted(name for name, one in claims if one.verdict is Verdict.CLAIMED) == ids
    assert {one.attempts for _, one in claims if one.verdict is Verdict.CLAIMED} == {2}


async def test_two_workers_may_settle_the_same_orphans(home: Home) -> None:
    dead = await home.ledger("w0")
    ids = [f"evt_{number:02}" for number in range(20)]
    await dead.claim([a_candidate(name) for name in ids], at(0))
    files = [a_file([name]) for name in ids]
    await dead.begin_files(files)
    workers = [await home.process("w1"), await home.process("w2")]

    first, second = workers
    assert len(await first.orphans(at(40))) == len(await second.orphans(at(40))) == 20
    committed, discarded = files[:10], files[10:]
    await asyncio.gather(
        *(worker.commit_files([file.file_id for file in committed], at(41)) for worker in workers),
        *(worker.discard_files([file.file_id for file in discarded]) for worker in workers),
    )

    assert list(await first.orphans(at(50))) == []
    answers = await first.claim([a_candidate(name) for name in ids], at(50))
    assert [one.verdict for one in answers] == [Verdict.SETTLED] * 10 + [Verdict.CLAIMED] * 10


# Files


async def test_begun_files_are_pending_and_their_events_know_them(home: Home) -> None:
    ledger = await home.ledger()
    await ledger.claim([a_candidate("evt_1"), a_candidate("evt_2")], at(0))
    file = a_file(["evt_1", "evt_2"], created=2)

    assert await ledger.begin_files([file]) == frozenset()

    record = await home.reader().file(file.file_id)
    assert record is not None
    assert (record.state, record.stored_at) == (FileState.PENDING, None)
    assert (record.path, record.sha256, record.size) == (file.path, file.sha256, len(file.body))
    assert (record.event_count, record.event_ids) == (2, ("evt_1", "evt_2"))
    event = await the_event(home, "evt_2")
    assert (event.file_id, event.fetched_at) == (file.file_id, at(1))
    assert (event.state, event.reason) == (EventState.WRITING, None)


async def test_an_event_without_its_resource_is_stored_with_the_reason(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")
    file = a_file(["evt_1"], status=404)
    await ledger.begin_files([file])
    await ledger.commit_files([file.file_id], at(3))

    record = await the_event(home, "evt_1")

    assert record.state is EventState.STORED
    assert record.reason == "unavailable: Benchling answered 404 for the resource"


async def test_beginning_the_same_files_again_changes_nothing(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")
    file = a_file(["evt_1"])
    await ledger.begin_files([file])
    before = await home.reader().file(file.file_id)

    assert await ledger.begin_files([file]) == frozenset()
    assert await home.reader().file(file.file_id) == before


async def test_a_file_with_a_claim_that_was_lost_is_refused_as_a_whole(home: Home) -> None:
    slow, fast = await home.ledger("w1"), await home.ledger("w2")
    await slow.claim([a_candidate(f"evt_{number}") for number in range(3)], at(0))
    await claim(fast, "evt_0", 31)
    lost, kept = a_file(["evt_0", "evt_1"]), a_file(["evt_2"])

    assert await slow.begin_files([lost, kept]) == frozenset([lost.file_id])

    assert await home.reader().file(lost.file_id) is None
    assert (await the_event(home, "evt_1")).file_id is None
    assert (await the_event(home, "evt_2")).file_id == kept.file_id


async def test_a_file_with_an_event_nobody_claimed_is_refused(home: Home) -> None:
    ledger = await home.ledger()
    file = a_file(["evt_1"])

    assert await ledger.begin_files([file]) == frozenset([file.file_id])


async def test_a_file_with_an_event_of_another_file_is_refused(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")
    first, second = a_file(["evt_1"]), a_file(["evt_1"])
    await ledger.begin_files([first])

    assert await ledger.begin_files([second]) == frozenset([second.file_id])
    assert (await the_event(home, "evt_1")).file_id == first.file_id


async def test_one_file_id_never_stands_for_other_bytes(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")
    file = a_file(["evt_1"])
    await ledger.begin_files([file])

    other = replace(file, body=b"other", sha256="0" * 64)

    assert await ledger.begin_files([other]) == frozenset([file.file_id])
    record = await home.reader().file(file.file_id)
    assert record is not None
    assert record.sha256 == file.sha256


async def test_committed_files_are_a_success_and_their_events_stored(home: Home) -> None:
    ledger = await home.ledger()
    file_id = await store(ledger, "evt_1")

    record = await home.reader().file(file_id)
    assert record is not None
    assert (record.state, record.stored_at) == (FileState.SUCCESS, at(3))
    event = await the_event(home, "evt_1")
    assert (event.state, event.stored_at) == (EventState.STORED, at(3))
    assert (event.file_id, event.fetched_at) == (file_id, at(1))


async def test_committing_again_changes_nothing(home: Home) -> None:
    ledger = await home.ledger()
    file_id = await store(ledger, "evt_1")

    await ledger.commit_files([file_id, "unknown"], at(99))

    record = await home.reader().file(file_id)
    assert record is not None
    assert record.stored_at == at(3)
    assert (await the_event(home, "evt_1")).stored_at == at(3)


async def test_given_back_events_of_a_file_that_stands_in_the_lake_become_stored(
    home: Home,
) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")
    file = a_file(["evt_1"])
    await ledger.begin_files([file])
    await ledger.give_back([GivenBack("evt_1", "why", at(5))])

    await ledger.commit_files([file.file_id], at(6))

    record = await the_event(home, "evt_1")
    assert (record.state, record.next_at) == (EventState.STORED, None)


async def test_a_discarded_file_is_forgotten_and_its_events_may_go_into_another(
    home: Home,
) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")
    file = a_file(["evt_1"], status=403)
    await ledger.begin_files([file])

    await ledger.discard_files([file.file_id, "unknown"])

    assert await home.reader().file(file.file_id) is None
    record = await the_event(home, "evt_1")
    assert (record.state, record.file_id, record.fetched_at) == (EventState.WRITING, None, None)
    assert record.reason is None
    assert await ledger.begin_files([a_file(["evt_1"])]) == frozenset()


async def test_a_stored_file_is_never_discarded(home: Home) -> None:
    ledger = await home.ledger()
    file_id = await store(ledger, "evt_1")

    await ledger.discard_files([file_id])

    assert (await the_event(home, "evt_1")).state is EventState.STORED
    assert await home.reader().file(file_id) is not None


async def test_no_files_are_no_work(home: Home) -> None:
    ledger = await home.ledger()

    assert await ledger.begin_files([]) == frozenset()
    await ledger.commit_files([], at(0))
    await ledger.discard_files([])
    await ledger.give_back([])
    await ledger.quarantine([], at(0))

    assert (await home.reader().events(EventFilter())).rows == ()


# Back on the queue, and quarantine


async def test_given_back_events_are_retrying_with_reason_and_time(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")

    await ledger.give_back([GivenBack("evt_1", "benchling-failing: 503", at(35))])

    record = await the_event(home, "evt_1")
    assert (record.state, record.attempts) == (EventState.RETRYING, 1)
    assert (record.reason, record.next_at) == ("benchling-failing: 503", at(35))


async def test_only_ones_own_claims_can_be_given_back(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await store(ledger, "evt_1")
    await claim(other, "evt_2")

    await ledger.give_back([GivenBack(name, "why", at(5)) for name in ("evt_1", "evt_2", "evt_3")])

    assert (await the_event(home, "evt_1")).state is EventState.STORED
    assert (await the_event(home, "evt_2")).state is EventState.WRITING


async def test_a_reason_may_hold_any_text(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")

    await ledger.give_back([GivenBack("evt_1", "ü \0 \udc80 \N{DNA DOUBLE HELIX}", at(5))])

    record = await the_event(home, "evt_1")
    assert record.reason == "ü \N{REPLACEMENT CHARACTER} ? \N{DNA DOUBLE HELIX}"


async def test_a_stray_message_is_kept_with_its_raw_bytes_and_the_reason(home: Home) -> None:
    ledger = await home.ledger()
    body = b"\xff\x00 not JSON"

    await ledger.quarantine([a_stray("m-1", body, received=1)], at(2))

    record = await the_event(home, "m-1")
    assert (record.event_id, record.message_id) == (None, "m-1")
    assert record.state is EventState.QUARANTINED
    assert record.reason == "event-not-json: The message body is not JSON."
    assert (record.sent_at, record.received_at, record.attempts) == (at(-10), at(1), 0)
    assert await home.reader().body("m-1") == body


async def test_quarantining_again_changes_nothing(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await ledger.quarantine([a_stray("m-1", b"first")], at(0))
    before = await the_event(home, "m-1")

    await other.quarantine([a_stray("m-1", b"second", received=9), a_stray("m-2")], at(9))

    assert await the_event(home, "m-1") == before
    assert await home.reader().body("m-1") == b"first"
    assert len((await home.reader().events(EventFilter())).rows) == 2


async def test_two_workers_may_quarantine_the_same_messages(home: Home) -> None:
    workers = [await home.ledger("w1"), await home.ledger("w2")]
    strays: list[StrayMessage] = [a_stray(f"m-{number}") for number in range(50)]

    await asyncio.gather(
        workers[0].quarantine(strays, at(0)), workers[1].quarantine(strays[::-1], at(0))
    )

    assert len((await home.reader().events(EventFilter())).rows) == 50


async def test_a_message_that_reuses_an_id_leaves_the_event_as_it_was(home: Home) -> None:
    ledger = await home.ledger()
    await store(ledger, "evt_1")

    await ledger.quarantine([a_stray("m-evt_1")], at(5))

    assert (await the_event(home, "evt_1")).state is EventState.STORED
    assert (await the_event(home, "m-evt_1")).state is EventState.QUARANTINED


# Workers


async def test_orphans_are_the_pending_files_of_dead_workers(home: Home) -> None:
    dead, living, ledger = [await home.ledger(name) for name in ("w1", "w2", "w3")]
    orphan, stored = a_file(["evt_1"]), a_file(["evt_2"])
    await dead.claim([a_candidate("evt_1"), a_candidate("evt_2")], at(0))
    await dead.begin_files([orphan, stored])
    await dead.commit_files([stored.file_id], at(1))
    await living.claim([a_candidate("evt_3")], at(20))
    await living.begin_files([a_file(["evt_3"])])
    await ledger.claim([a_candidate("evt_4")], at(0))
    await ledger.begin_files([a_file(["evt_4"])])

    assert list(await ledger.orphans(at(29))) == []
    found = await ledger.orphans(at(31))

    assert [(file.file_id, file.path, file.sha256) for file in found] == [
        (orphan.file_id, orphan.path, orphan.sha256)
    ]


async def test_a_heartbeat_tells_how_many_workers_of_the_connector_are_alive(home: Home) -> None:
    first, second = await home.ledger("w1"), await home.ledger("w2")
    elsewhere = await home.ledger("w3", "c2")
    assert await first.heartbeat(at(0)) == 1
    assert await elsewhere.heartbeat(at(0)) == 1
    assert await second.heartbeat(at(1)) == 2
    assert await first.heartbeat(at(10)) == 2
    assert await first.heartbeat(at(32)) == 1
    assert await second.heartbeat(at(33)) == 2
    await second.sign_off(at(34))
    assert await first.heartbeat(at(35)) == 1


async def test_a_heartbeat_prolongs_the_lease_of_all_claims(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await ledger.claim([a_candidate("evt_1"), a_candidate("evt_2")], at(0))
    await ledger.begin_files([a_file(["evt_2"])])

    await ledger.heartbeat(at(25))

    assert await verdict(other, "evt_1", 54.9) is Verdict.BUSY
    assert await verdict(other, "evt_2", 54.9) is Verdict.BUSY
    assert await verdict(other, "evt_1", 55) is Verdict.CLAIMED
    assert await verdict(other, "evt_2", 55) is Verdict.ORPHANED


async def test_the_lease_is_as_long_as_it_was_asked_for(home: Home) -> None:
    ledger, other = await home.ledger("w1", lease_s=5), await home.ledger("w2")
    await claim(ledger, "evt_1", 0)

    assert await verdict(other, "evt_1", 4.9) is Verdict.BUSY
    assert await verdict(other, "evt_1", 5) is Verdict.CLAIMED


async def test_a_worker_that_signs_off_is_dead_at_once(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await claim(ledger, "evt_1", 0)

    await ledger.sign_off(at(1))

    assert await verdict(other, "evt_1", 1) is Verdict.CLAIMED


async def test_a_worker_that_claims_after_it_signed_off_is_alive_again(home: Home) -> None:
    ledger, other = await home.ledger("w1"), await home.ledger("w2")
    await ledger.heartbeat(at(0))
    await ledger.sign_off(at(1))

    await claim(ledger, "evt_1", 2)

    assert await verdict(other, "evt_1", 3) is Verdict.BUSY


# Reading


async def some_events(home: Home) -> None:
    """Five events and a stray, received one second after the other; three are stored."""
    ledger = await home.ledger()
    candidates = [
        a_candidate(
            an_event(f"evt_{number}", type=type_, schema_id=schema_id, resource_id=resource_id),
            received=number,
        )
        for number, (type_, schema_id, resource_id) in enumerate(
            [
                ("v2.entry.created", "ts_1", "etr_1"),
                ("v2.entry.updated.fields", "ts_2", "etr_1"),
                ("v2.assayRun.created", "assaysch_1", "run_1"),
                ("v2.[x]_%.created", None, None),
                ("v2-alpha.stageEntry.created", "TS_1", "etr_2"),
            ]
        )
    ]
    await ledger.claim(candidates, at(0))
    await ledger.quarantine([a_stray("m-stray", received=5)], at(5))
    files = [a_file([one.event], created=i + 10) for i, one in enumerate(candidates[:3])]
    await ledger.begin_files(files)
    await ledger.commit_files([file.file_id for file in files[:2]], at(20))
    await ledger.give_back([GivenBack("evt_3", "why", at(30))])


EVENT_QUERIES = [
    (EventFilter(), ["m-stray", "evt_4", "evt_3", "evt_2", "evt_1", "evt_0"]),
    (EventFilter(event_type="v2.entry.created"), ["evt_0"]),
    (EventFilter(event_type="v2.entry.*"), ["evt_1", "evt_0"]),
    (EventFilter(event_type="V2.entry.*"), []),
    (EventFilter(event_type="*.created"), ["evt_4", "evt_3", "evt_2", "evt_0"]),
    (EventFilter(event_type="v?.*"), ["evt_3", "evt_2", "evt_1", "evt_0"]),
    (EventFilter(event_type="v2.[x]_%.*"), ["evt_3"]),
    (EventFilter(event_type="v2._ntry.*"), []),
    (EventFilter(event_type="v2.%.*"), []),
    (EventFilter(resource_type="entry"), ["evt_1", "evt_0"]),
    (EventFilter(resource_type="*Entry"), ["evt_4"]),
    (EventFilter(resource_id="etr_1"), ["evt_1", "evt_0"]),
    (EventFilter(resource_id="etr_*"), []),
    (EventFilter(schema_id="ts_1"), ["evt_0"]),
    (EventFilter(schema_id="ts_?"), ["evt_1", "evt_0"]),
    (EventFilter(state=EventState.WRITING), ["evt_4", "evt_2"]),
    (EventFilter(state=EventState.STORED), ["evt_1", "evt_0"]),
    (EventFilter(state=EventState.RETRYING), ["evt_3"]),
    (EventFilter(state=EventState.QUARANTINED), ["m-stray"]),
    (EventFilter(since=at(2), until=at(4)), ["evt_3", "evt_2"]),
    (EventFilter(resource_type="entry", schema_id="ts_2", since=at(0)), ["evt_1"]),
    (EventFilter(event_type="\udc80"), []),
]


async def test_events_are_listed_by_what_is_asked_for_newest_first(home: Home) -> None:
    await some_events(home)

    for which, wanted in EVENT_QUERIES:
        page = await home.reader().events(which)
        assert [record.event_id or record.message_id for record in page.rows] == wanted, which
        assert page.next is None


FILE_QUERIES = [
    (FileFilter(), [12, 11, 10]),
    (FileFilter(resource_type="entry"), [11, 10]),
    (FileFilter(resource_type="assay*"), [12]),
    (FileFilter(schema_id="ts_1"), [10]),
    (FileFilter(schema_id="*_?"), [12, 11, 10]),
    (FileFilter(state=FileState.PENDING), [12]),
    (FileFilter(state=FileState.SUCCESS), [11, 10]),
    (FileFilter(since=at(11)), [12, 11]),
    (FileFilter(until=at(11)), [10]),
]


async def test_files_are_listed_by_what_is_asked_for_newest_first(home: Home) -> None:
    await some_events(home)

    for which, wanted in FILE_QUERIES:
        page = await home.reader().files(which)
        assert [one.created_at for one in page.rows] == [at(seconds) for seconds in wanted], which
        assert {record.event_ids for record in page.rows} <= {()}
        assert page.next is None


async def test_pages_follow_each_other_without_gap_or_double_while_more_arrives(
    home: Home,
) -> None:
    ledger = await home.ledger()
    # Several at the same moment: time alone does not tell where a page ended.
    await ledger.claim([a_candidate(f"evt_{n}", received=n // 4) for n in range(10)], at(0))
    reader = home.reader()
    whole = [record.event_id for record in (await reader.events(EventFilter())).rows]
    seen: list[str | None] = []
    cursor = None

    for expected in (3, 3, 3, 1):
        page = await reader.events(EventFilter(), 3, cursor)
        assert len(page.rows) == expected
        seen += [record.event_id for record in page.rows]
        cursor = page.next
        await claim(ledger, a_candidate(f"evt_new{len(seen)}", received=99))

    assert cursor is None
    assert seen == whole


async def test_files_have_pages_too(home: Home) -> None:
    await some_events(home)
    reader = home.reader()

    first = await reader.files(FileFilter(), 2)
    second = await reader.files(FileFilter(), 2, first.next)

    assert [len(first.rows), len(second.rows)] == [2, 1]
    assert second.next is None


async def test_a_page_that_ends_with_the_last_row_has_no_next_one(home: Home) -> None:
    await some_events(home)

    assert (await home.reader().events(EventFilter(), 6)).next is None


NO_CURSORS = ["", "x", "MTI", "OTk5OTk5OTk5OTk5OTk5OTk5OTk6MQ", "MTotMQ", "\udc80", "ü"]


async def test_what_is_no_cursor_is_refused(home: Home) -> None:
    for cursor in NO_CURSORS:
        with pytest.raises(BadCursorError):
            await home.reader().events(EventFilter(), 1, cursor)


async def test_a_thousand_rows_and_more_come_at_once_without_a_limit(home: Home) -> None:
    ledger = await home.ledger()
    await ledger.claim([a_candidate(f"evt_{number}") for number in range(1_001)], at(0))
    reader = home.reader()

    assert len((await reader.events(EventFilter())).rows) == 1_001
    page = await reader.events(EventFilter(), 1_000)
    assert len(page.rows) == 1_000
    assert len((await reader.events(EventFilter(), None, page.next)).rows) == 1


async def test_unknown_names_are_none(home: Home) -> None:
    reader = home.reader()

    assert await reader.event("evt_1") is None
    assert await reader.file("f") is None
    assert await reader.body("m") is None
    assert await reader.event("\udc80\0") is None


async def test_a_decoded_message_is_not_found_by_its_message_id(home: Home) -> None:
    await claim(await home.ledger(), a_candidate("evt_1", message_id="m-1"))

    assert await home.reader().event("m-1") is None


async def test_a_reader_sees_all_connectors_or_the_one_it_is_for(home: Home) -> None:
    first, second = await home.ledger("w1", "c1"), await home.ledger("w2", "c2")
    file_id = await store(first, "evt_1")
    await second.claim([a_candidate("evt_2")], at(0))
    await second.quarantine([a_stray("m-1")], at(0))

    assert len((await home.reader().events(EventFilter())).rows) == 3
    reader = home.reader("c1")
    assert [record.event_id for record in (await reader.events(EventFilter())).rows] == ["evt_1"]
    assert await reader.event("evt_2") is None
    assert await reader.body("m-1") is None
    assert await reader.file(file_id) is not None
    assert (await home.reader("c2").files(FileFilter())).rows == ()
    assert await home.reader("c2").file(file_id) is None


# Pruning

DAY = 86_400.0


async def known(home: Home, connector_id: str | None = None) -> set[str]:
    """All that the ledger has rows of."""
    events = await home.reader(connector_id).events(EventFilter())
    return {event.event_id or event.message_id for event in events.rows}


async def test_what_was_received_and_stored_before_is_forgotten_and_its_file_stays(
    home: Home,
) -> None:
    ledger = await home.ledger()
    old_file = await store(ledger, "evt_1", "evt_2")
    await ledger.claim([a_candidate("evt_new", received=DAY)], at(DAY))
    new_file = a_file(["evt_new"])
    await ledger.begin_files([new_file])
    await ledger.commit_files([new_file.file_id], at(DAY))

    assert await ledger.prune(at(DAY), 100) == Pruned(2, None)

    assert await known(home) == {"evt_new"}
    file = await home.reader().file(old_file)
    assert file is not None
    assert (file.state, file.event_count, file.event_ids) == (FileState.SUCCESS, 2, ())


async def test_what_is_skipped_is_forgotten_like_what_is_stored(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, a_candidate("evt_1", skip_reason="not wanted"))

    assert await ledger.prune(at(1), 100) == Pruned(1, None)
    assert await known(home) == set()


async def test_what_is_not_settled_is_never_forgotten(home: Home) -> None:
    ledger = await home.ledger()
    await ledger.claim([a_candidate(f"evt_{what}") for what in ("writing", "file", "back")], at(0))
    await ledger.begin_files([a_file(["evt_file"])])
    await ledger.give_back([GivenBack("evt_back", "why", at(1))])
    await ledger.quarantine([a_stray("m-1")], at(0))

    assert await ledger.prune(at(1000 * DAY), 100) == Pruned(0, None)
    assert await known(home) == {"evt_writing", "evt_file", "evt_back", "m-1"}


async def test_what_came_long_ago_and_was_stored_lately_is_remembered(home: Home) -> None:
    ledger = await home.ledger()
    await claim(ledger, "evt_1")
    await ledger.give_back([GivenBack("evt_1", "why", at(20 * DAY))])
    await store(ledger, "evt_1", seconds=40 * DAY)

    assert (await ledger.prune(at(40 * DAY), 100)).events == 0
    assert await verdict(ledger, "evt_1", 41 * DAY) is Verdict.SETTLED
    assert (await ledger.prune(at(41 * DAY), 100)).events == 1


async def test_a_message_that_was_decided_about_goes_with_its_body_when_that_is_old(
    home: Home,
) -> None:
    ledger, people = await home.ledger(), home.quarantine()
    await ledger.quarantine([a_stray("m-1"), a_stray("m-2")], at(0))
    decision = Decision("m-1", "c1", Resolution.DISCARDED, "anna", "not needed")
    assert await people.resolve([decision], at(5 * DAY)) == frozenset()

    assert (await ledger.prune(at(5 * DAY), 100)).events == 0
    assert await people.message("m-1") is not None
    assert (await ledger.prune(at(6 * DAY), 100)).events == 1
    assert await known(home) == {"m-2"}
    assert await people.message("m-1") is None
    assert await people.message("m-2") is not None


async def test_an_event_that_was_forgotten_is_a_new_one(home: Home) -> None:
    ledger = await home.ledger()
    await store(ledger, "evt_1")
    await ledger.prune(at(DAY), 100)

    assert await claim(ledger, "evt_1", 2 * DAY) == Claim(Verdict.CLAIMED, 1)


async def test_a_step_takes_the_oldest_and_the_next_goes_on_after_what_stays(home: Home) -> None:
    ledger = await home.ledger()
    await ledger.claim([a_candidate(f"evt_{n}", received=n) for n in (1, 3, 4)], at(0))
    files = [a_file([f"evt_{n}"]) for n in (1, 4)]
    await ledger.begin_files(files)
    await ledger.commit_files([file.file_id for file in files], at(5))
    await claim(ledger, a_candidate("evt_2", received=2, skip_reason="no"))
    await claim(ledger, a_candidate("evt_9", received=DAY, skip_reason="no"))

    first = await ledger.prune(at(DAY), 2)
    assert (first.events, await known(home)) == (2, {"evt_3", "evt_4", "evt_9"})
    second = await ledger.prune(at(DAY), 2, first.next)
    assert (second.events, await known(home)) == (1, {"evt_3", "evt_9"})
    assert await ledger.prune(at(DAY), 2, second.next) == Pruned(0, None)
    assert (await ledger.prune(at(DAY), 2)).events == 0


async def test_another_connectors_events_are_its_own_to_forget(home: Home) -> None:
    ledger, other = await home.ledger("w1", "c1"), await home.ledger("w2", "c2")
    await store(ledger, "evt_1")
    await store(other, "evt_1")

    assert (await ledger.prune(at(DAY), 100)).events == 1
    assert (await known(home, "c1"), await known(home, "c2")) == (set(), {"evt_1"})


async def test_two_workers_that_prune_at_once_forget_each_event_once(home: Home) -> None:
    first, second = await home.process("w1"), await home.process("w2")
    await first.claim([a_candidate(f"evt_{n}", skip_reason="no") for n in range(200)], at(0))

    async def sweep(ledger: Ledger) -> int:
        gone, step = 0, await ledger.prune(at(DAY), 20)
        while step.next is not None:
            gone, step = gone + step.events, await ledger.prune(at(DAY), 20, step.next)
        return gone + step.events

    assert sum(await asyncio.gather(sweep(first), sweep(second))) == 200
    assert await known(home) == set()


async def test_workers_long_gone_are_forgotten_and_what_they_had_is_a_dead_ones(
    home: Home,
) -> None:
    gone, ledger = await home.ledger("w1"), await home.ledger("w2")
    await claim(gone, "evt_1")
    await gone.claim([a_candidate("evt_2")], at(0))
    await gone.begin_files([file := a_file(["evt_2"])])
    await ledger.heartbeat(at(2 * DAY))

    await ledger.prune(at(DAY), 100)

    assert await ledger.heartbeat(at(0)) == 1
    assert [one.file_id for one in await ledger.orphans(at(0))] == [file.file_id]
    assert await verdict(ledger, "evt_1") is Verdict.CLAIMED


async def test_a_cursor_that_no_step_gave_is_refused(home: Home) -> None:
    with pytest.raises(BadCursorError):
        await (await home.ledger()).prune(at(0), 1, "?")


# The twin

STEPS = {"claim": 6, "begin": 6, "commit": 4, "discard": 2, "back": 2, "orphans": 1, "beat": 1}
STEPS |= {"prune": 1}


@dataclass(frozen=True)
class Step:
    """Something that a worker may do."""

    name: str
    seconds: float
    candidates: list[Candidate]
    files: list[RawFile]

    async def on(self, ledger: Ledger) -> object:
        """Does it; gives the ledger's answer."""
        now, file_ids = at(self.seconds), [file.file_id for file in self.files]
        match self.name:
            case "claim":
                return list(await ledger.claim(self.candidates, now))
            case "begin":
                return await ledger.begin_files(self.files)
            case "commit":
                await ledger.commit_files(file_ids, now)
            case "discard":
                await ledger.discard_files(file_ids)
            case "back":
                back = [GivenBack(one.event.id, "why", now) for one in self.candidates]
                await ledger.give_back(back)
            case "orphans":
                return list(await ledger.orphans(now))
            case "beat":
                await ledger.heartbeat(now)
            case "prune":
                return (await ledger.prune(at(self.seconds - 24), 100)).events
        return None


def steps(chance: random.Random, count: int) -> Iterator[Step]:
    """A made-up life of a few events."""
    seconds, files = 0.0, [a_file([f"evt_{number}"]) for number in range(9)]
    for _ in range(count):
        seconds += chance.choice([0, 1, 1, 12])
        name = chance.choices(list(STEPS), list(STEPS.values()))[0]
        some = chance.sample(range(9), chance.randint(1, 3))
        if name == "begin":
            for number in some:
                files[number] = a_file([f"evt_{number}"], created=seconds)
        candidates = [
            a_candidate(
                an_event(f"evt_{number}", content=chance.choice(["", "", "", "other"])),
                received=seconds,
                skip_reason=chance.choice([None, None, None, None, None, "not wanted"]),
            )
            for number in some
        ]
        yield Step(name, seconds, candidates, [files[number] for number in some])


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_three_workers_do_the_answers_are_those_of_the_ledger_in_memory(
    home: Home, seed: int
) -> None:
    twin, chance = MemoryHome(), random.Random(seed)
    pairs = [(await home.ledger(name), await twin.ledger(name)) for name in ("w1", "w2", "w3")]
    verdicts = set()

    for step in steps(chance, 150):
        ledger, memory = chance.choice(pairs)
        answer = await step.on(ledger)
        assert answer == await step.on(memory)
        if step.name == "claim":
            verdicts |= {claim.verdict for claim in cast("list[Claim]", answer)}

    events = [await one.reader().events(EventFilter()) for one in (home, twin)]
    files = [await one.reader().files(FileFilter()) for one in (home, twin)]
    assert set(events[0].rows) == set(events[1].rows)
    assert set(files[0].rows) == set(files[1].rows)
    assert verdicts == set(Verdict)
