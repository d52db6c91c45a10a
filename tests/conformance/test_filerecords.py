"""Records of files as the Tetra Data Platform has them, and key-value stores: both databases."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from benchling_connector.adapters.ledger import SqlLedger
from benchling_connector.database.platform_tables import connector_data
from benchling_connector.database.tables import files
from benchling_connector.domain.access import Caller, Way
from benchling_connector.domain.audit import AuditFilter
from benchling_connector.domain.errors import InvalidInput, NotFound
from benchling_connector.domain.filerecords import (
    FileOrder,
    FileQuery,
    FileStatus,
    FilesToRetry,
    NewFile,
)
from benchling_connector.domain.records import FileState
from benchling_connector.platform.retrying import MOST_NAMED
from benchling_connector.platform.values import NewValue
from tests.conformance.test_ledger_database import plan
from tests.ledgers import a_candidate, a_file, at
from tests.platforms import ANN, Platform


async def test_the_ledgers_raw_files_are_records(platform: Platform) -> None:
    made = await platform.connector()
    async with platform.desk.writing() as connection:
        for number, (file_id, state) in enumerate(
            (("f1", "SUCCESS"), ("f2", "PENDING"), ("f3", "ERROR"))
        ):
            await connection.execute(
                insert(files).values(
                    connector_id=made.connector_id,
                    file_id=file_id,
                    path=f"p/{file_id}",
                    sha256="0",
                    size=9,
                    resource_type="entry",
                    event_count=2,
                    state=state,
                    worker_id="w",
                    created_at=at(number),
                    stored_at=at(9) if state == "SUCCESS" else None,
                    error_count=5 if state == "ERROR" else 0,
                    error_message="No." if state == "ERROR" else None,
                )
            )
    service = platform.services.files
    found, total = await service.list(made.connector_id, FileQuery())
    assert total == 3
    assert [(one.file_id, one.status, one.error_count) for one in found] == [
        ("f3", FileStatus.ERROR, 5),
        ("f2", FileStatus.PENDING, 0),
        ("f1", FileStatus.SUCCESS, 0),
    ]
    assert found[2].metadata["eventCount"] == 2
    assert (found[2].updated_at, found[1].updated_at) == (at(9), at(1))
    counts = await service.counts(made.connector_id)
    assert counts.total == 3
    assert {one for one, count in counts.by_status.items() if count} == {
        FileStatus.SUCCESS,
        FileStatus.PENDING,
        FileStatus.ERROR,
    }
    saved, failures = await service.save(
        made.connector_id, [NewFile("f1", "mine", "p", FileStatus.ERROR)]
    )
    assert (saved, failures) == ((), ("mine",))


async def test_records_are_saved_and_changed_by_either_id(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.files
    new = NewFile(None, "ext-1", "a/b", metadata={"k": [1, None]})
    (first,), _ = await service.save(made.connector_id, [new])
    assert (first.status, first.error_count, first.metadata) == (
        FileStatus.PENDING,
        0,
        {"k": [1, None]},
    )
    platform.time.pass_by(seconds=1)
    change = NewFile(first.file_id, status=FileStatus.ERROR, error_count=1, error_message="No.")
    (second,), _ = await service.save(made.connector_id, [change])
    assert second == replace(
        first,
        status=FileStatus.ERROR,
        error_count=1,
        error_message="No.",
        updated_at=platform.time(),
    )
    (third,), _ = await service.save(made.connector_id, [NewFile(None, "ext-1", path="c")])
    assert (third.file_id, third.path) == (first.file_id, "c")
    assert (await service.list(made.connector_id, FileQuery()))[1] == 1


async def test_what_cannot_be_saved_is_told_and_the_rest_is_saved(platform: Platform) -> None:
    made = await platform.connector()
    said = [
        NewFile("one", "ext-1", "a"),
        NewFile("two", "ext-2", "b"),
        NewFile("one", "ext-2"),
        NewFile(None, "ext-3"),
        NewFile(),
    ]
    saved, failures = await platform.services.files.save(made.connector_id, said)
    assert [one.file_id for one in saved] == ["one", "two"]
    assert failures == ("ext-2", "ext-3", "")


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        (FileQuery(), "edcba"),
        (FileQuery(descending=False, take=2, skip=1), "bc"),
        (FileQuery(file_ids=("a", "c", "x")), "ca"),
        (FileQuery(exclude_file_ids=("a", "c")), "edb"),
        (FileQuery(unique_external_ids=("ext-b",), exclude_unique_external_ids=("ext-a",)), "b"),
        (FileQuery(statuses=(FileStatus.ERROR, FileStatus.SKIPPED)), "ed"),
        (FileQuery(max_errors=3), "dcba"),
        (FileQuery(created_after=at(0), created_before=at(3)), "cb"),
        (FileQuery(updated_after=at(2)), "ed"),
        (FileQuery(updated_before=at(1)), "a"),
        (FileQuery(order=FileOrder.FILEPATH), "abcde"),
        (FileQuery(order=FileOrder.ERROR_COUNT, descending=False), "abcde"),
    ],
)
async def test_every_filter_and_order_of_the_platform_works(
    platform: Platform, which: FileQuery, wanted: str
) -> None:
    made = await platform.connector()
    statuses = ("PENDING", "PROCESSING", "SUCCESS", "SKIPPED", "ERROR")
    for number, (name, status) in enumerate(zip("abcde", statuses, strict=True)):
        new = NewFile(name, f"ext-{name}", f"p/{9 - number}", FileStatus(status), number)
        await platform.services.files.save(made.connector_id, [new])
        platform.time.pass_by(seconds=1)
    found, total = await platform.services.files.list(made.connector_id, which)
    assert "".join(one.file_id for one in found) == wanted
    if which.take > 5:
        assert total == len(wanted)


async def test_records_of_both_kinds_stand_in_one_list(platform: Platform) -> None:
    made = await platform.connector()
    await platform.services.files.save(made.connector_id, [NewFile("mine", "ext", "p")])
    async with platform.desk.writing() as connection:
        await connection.execute(
            insert(files).values(
                connector_id=made.connector_id,
                file_id="raw",
                path="p",
                sha256="0",
                size=9,
                resource_type="entry",
                schema_id="ts_1",
                event_count=1,
                state="SUCCESS",
                worker_id="w",
                created_at=at(5),
            )
        )
    found, total = await platform.services.files.list(made.connector_id, FileQuery())
    assert ([one.file_id for one in found], total) == (["raw", "mine"], 2)
    assert found[0].metadata["schemaId"] == "ts_1"
    assert found[1].metadata == {}


async def test_values_are_kept_changed_and_forgotten(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.values
    await service.save(ANN, made.connector_id, [NewValue("b", {"x": 1}), NewValue("a", None)])
    platform.time.pass_by(seconds=1)
    await service.save(ANN, made.connector_id, [NewValue("b", [2], secure=True)])
    found = await service.get(made.connector_id, secure=True)
    assert [(one.key, one.value, one.secure) for one in found] == [
        ("a", None, False),
        ("b", [2], True),
    ]
    assert found[1].created_at < found[1].updated_at == platform.time()
    hidden = await service.get(made.connector_id, ["b"], secure=False)
    assert hidden[0].value is None
    await service.delete(ANN, made.connector_id, ["a", "none"])
    assert [one.key for one in await service.get(made.connector_id, secure=False)] == ["b"]
    assert (await platform.audited())[1:] == ["data.saved", "data.saved", "data.deleted"]


async def test_a_connectors_own_values_are_none_of_the_audits(platform: Platform) -> None:
    made = await platform.connector()
    itself = Caller("lab", Way.CONNECTOR, None, connector_id=made.connector_id)
    await platform.services.values.save(itself, made.connector_id, [NewValue("a", 1)])
    assert await platform.audited() == ["connector.created"]


async def test_a_value_moved_to_another_key_is_not_decrypted(platform: Platform) -> None:
    made = await platform.connector()
    service = platform.services.values
    await service.save(ANN, made.connector_id, [NewValue("a", "secret", secure=True)])
    async with platform.desk.writing() as connection:
        await connection.execute(update(connector_data).values(key="b"))
        assert await connection.scalar(select(connector_data.c.key)) == "b"
    with pytest.raises(Exception, match="cannot be decrypted"):
        await service.get(made.connector_id, secure=True)


async def test_a_connector_that_there_is_not_has_no_records_and_no_values(
    platform: Platform,
) -> None:
    services = platform.services
    with pytest.raises(NotFound):
        await services.files.list("none", FileQuery())
    with pytest.raises(NotFound):
        await services.values.get("none", secure=False)
    with pytest.raises(InvalidInput):
        await services.values.save(ANN, "none", [NewValue("", 1)])


async def stopped_files(platform: Platform) -> tuple[str, str]:
    """Two connectors: with ERROR files of both kinds, made at 0, 1 and 2 seconds, and with one."""
    lab, other = await platform.connector("lab"), await platform.connector("other")
    async with platform.desk.writing() as connection:
        for made, file_id, state, seconds in (
            (lab, "f0", "ERROR", 0),
            (lab, "f1", "ERROR", 1),
            (lab, "f2", "PENDING", 2),
            (lab, "f3", "SUCCESS", 2),
            (other, "f4", "ERROR", 1),
        ):
            await connection.execute(
                insert(files).values(
                    connector_id=made.connector_id,
                    file_id=file_id,
                    path=f"p/{file_id}",
                    sha256="0",
                    size=9,
                    resource_type="entry",
                    event_count=2,
                    state=state,
                    worker_id="w",
                    created_at=at(seconds),
                    error_count=5 if state == "ERROR" else 3,
                    error_message="No.",
                )
            )
    platform.time.pass_by(seconds=2)
    new = NewFile("x1", "ext", "a/b", FileStatus.ERROR, 5, "No.")
    await platform.services.files.save(lab.connector_id, [new])
    return lab.connector_id, other.connector_id


@pytest.mark.parametrize(
    ("which", "meant"),
    [
        (FilesToRetry(), ["f0", "f1", "x1"]),
        (FilesToRetry(since=at(1)), ["f1", "x1"]),
        (FilesToRetry(since=at(3)), []),
        (FilesToRetry(file_ids=("f1", "x1", "f3", "f4", "unknown")), ["f1", "x1"]),
    ],
)
async def test_stopped_files_are_tried_again_by_ids_all_or_since(
    platform: Platform, which: FilesToRetry, meant: list[str]
) -> None:
    connector_id, _ = await stopped_files(platform)
    service = platform.services.retries
    planned = await service.stopped(connector_id, which)
    assert [one.file_id for one in planned] == meant
    platform.time.pass_by(seconds=1)

    assert await service.retry(ANN, connector_id, which) == planned
    assert await service.retry(ANN, connector_id, which) == ()

    found, _ = await platform.services.files.list(connector_id, FileQuery())
    errors = {one.file_id: (one.status, one.error_count, one.error_message) for one in found}
    for name in ("f0", "f1", "x1"):
        again = (FileStatus.PENDING, 0, None) if name in meant else (FileStatus.ERROR, 5, "No.")
        assert errors[name] == again
    assert errors["f2"] == (FileStatus.PENDING, 3, "No.")
    assert errors["f3"] == (FileStatus.SUCCESS, 3, "No.")
    if "x1" in meant:
        (theirs,) = [one for one in found if one.file_id == "x1"]
        assert theirs.updated_at == platform.time()


async def test_a_retry_of_all_connectors_is_audited_for_each_with_the_files(
    platform: Platform,
) -> None:
    lab, other = await stopped_files(platform)
    before = len(await platform.audited())
    await platform.services.retries.retry(ANN, None, FilesToRetry(), "mended")
    rows = await platform.services.audit.newest(AuditFilter(action="files.retried"), 9)
    entries = {one.connector_id: one for one in rows}
    assert {name: json.loads(one.new or "") for name, one in entries.items()} == {
        lab: {"status": "PENDING", "files": ["f0", "f1", "x1"]},
        other: {"status": "PENDING", "files": ["f4"]},
    }
    assert {(one.actor, one.old, one.reason) for one in rows} == {
        (ANN.name, '{"status":"ERROR"}', "mended")
    }
    assert len(await platform.audited()) == before + 2


async def test_the_audit_counts_the_files_of_a_large_retry(platform: Platform) -> None:
    made = await platform.connector()
    new = [NewFile(f"x{number}", None, "p", FileStatus.ERROR) for number in range(MOST_NAMED + 1)]
    await platform.services.files.save(made.connector_id, new)
    await platform.services.retries.retry(ANN, made.connector_id, FilesToRetry())
    rows = await platform.services.audit.newest(AuditFilter(action="files.retried"), 9)
    assert [json.loads(one.new or "")["files"] for one in rows] == [MOST_NAMED + 1]


async def test_a_retry_that_finds_nothing_is_no_deed(platform: Platform) -> None:
    made = await platform.connector()
    before = await platform.audited()
    assert await platform.services.retries.retry(ANN, made.connector_id, FilesToRetry()) == ()
    assert await platform.audited() == before
    with pytest.raises(NotFound):
        await platform.services.retries.retry(ANN, "nobody", FilesToRetry())
    with pytest.raises(NotFound):
        await platform.services.retries.stopped("nobody", FilesToRetry())


async def test_no_statement_of_a_retry_reads_a_whole_table(platform: Platform) -> None:
    connector_id, _ = await stopped_files(platform)
    statements: list[tuple[str, Sequence[Any]]] = []

    @event.listens_for(platform.desk.engine.sync_engine, "before_cursor_execute")
    def note(
        _: object, __: object, statement: str, parameters: Sequence[Any], *___: object
    ) -> None:
        if statement.startswith("UPDATE files"):
            statements.append((statement, parameters))

    which = FilesToRetry(since=at(0))
    await platform.services.retries.retry(ANN, connector_id, which)
    event.remove(platform.desk.engine.sync_engine, "before_cursor_execute", note)
    ((statement, parameters),) = statements
    assert await plan(platform.desk.engine, statement, parameters) == []


async def test_the_holder_of_a_retried_file_finds_it_pending(platform: Platform) -> None:
    made = await platform.connector()
    ledger = SqlLedger(platform.desk.engine, made.connector_id, "w1")
    await ledger.claim([a_candidate("evt_1")], at(0))
    file = a_file(["evt_1"])
    await ledger.begin_files([file])
    await ledger.note_refusal(file.file_id, 1, "No.", FileState.ERROR)
    assert await ledger.stopped([file.file_id]) == {file.file_id}

    await platform.services.retries.retry(ANN, made.connector_id, FilesToRetry())

    assert await ledger.stopped([file.file_id]) == frozenset()
    await ledger.note_refusal(file.file_id, 1, "No, again.", FileState.ERROR)
    assert await ledger.stopped([file.file_id]) == {file.file_id}
