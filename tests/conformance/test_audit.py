"""The audit: nothing is changed, removed or put in without its being found."""

import asyncio
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from benchling_connector.database.connection import writing
from benchling_connector.database.platform_tables import audit, audit_head
from benchling_connector.domain.access import Caller, Role, Way
from benchling_connector.domain.audit import (
    AuditFilter,
    AuditRecord,
    Deed,
    Head,
    Verdict,
    hash_of,
    head_of,
)
from benchling_connector.domain.errors import TransientError
from benchling_connector.platform import audit as audit_module
from tests.ledgers import NOON
from tests.people import ROOT, People, people_on

ANN = Caller("ann", Way.SESSION, Role.OPERATOR, "10.0.0.1")


async def write(people: People, count: int) -> list[AuditRecord]:
    async with people.services.desk.writing() as connection:
        for number in range(count):
            people.clock.move(seconds=1)
            deed = Deed(
                (ANN, ROOT)[number % 2],
                "connector.edited",
                connector_id="c1",
                subject=f"label {number}",
                old={"name": "a"},
                new={"name": "ü \N{SNOWMAN}", "n": number},
                reason="because",
            )
            await people.services.desk.record(connection, deed)
    return await people.audit()


async def unlock(people: People) -> None:
    """As somebody does who owns the database."""
    if not people.is_sqlite:
        await people.run("SET session_replication_role = replica")
        await people.run(
            "ALTER TABLE audit DISABLE TRIGGER USER", "ALTER TABLE audit_head DISABLE TRIGGER USER"
        )
        return
    async with people.services.desk.reading() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        )
        names = list(rows.scalars())
    await people.run(*(f"DROP TRIGGER {name}" for name in names))


@pytest.fixture
async def open_people(people: People):
    """A platform whose database no longer refuses anything; its triggers are back afterwards."""
    await unlock(people)
    yield people
    if not people.is_sqlite:
        await people.run(
            "ALTER TABLE audit ENABLE TRIGGER USER", "ALTER TABLE audit_head ENABLE TRIGGER USER"
        )


async def found(people: People, noted: Head | None = None) -> int:
    """The number at which verifying finds the first thing wrong."""
    verdict = await people.services.audit.verify(noted)
    assert verdict.finding is not None
    assert verdict.finding.sentence.endswith(".")
    return verdict.finding.number


async def test_an_untouched_audit_is_intact(people: People) -> None:
    records = await write(people, 5)

    verdict = await people.services.audit.verify()

    assert verdict == Verdict(5, Head(5, records[-1].hash), None)


async def test_an_empty_audit_is_intact(people: People) -> None:
    assert await people.services.audit.verify() == Verdict(0, Head(0, "0" * 64), None)


async def test_a_long_audit_is_read_in_pieces(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "AT_ONCE", 3)
    await write(people, 10)
    pieces: list[int] = []
    some = audit_module._some

    async def counting(*arguments: Any) -> Sequence[AuditRecord]:
        records = await some(*arguments)
        pieces.append(len(records))
        return records

    monkeypatch.setattr(audit_module, "_some", counting)

    verdict = await people.services.audit.verify()
    assert (verdict.intact, verdict.entries) == (True, 10)
    assert pieces == [3, 3, 3, 1, 0]
    pieces.clear()
    assert [one.number for one in await people.audit()] == list(range(1, 11))
    assert pieces == [3, 3, 3, 1]


async def test_entries_of_many_at_once_stand_in_one_chain(people: People) -> None:
    async def act(which: People) -> None:
        async with which.services.desk.writing() as connection:
            await which.services.desk.record(connection, Deed(ROOT, "connector.edited"))

    async with people_on(people.url, people.clock) as other:
        await asyncio.gather(*(act(one) for one in (people, other) * 10))

    verdict = await people.services.audit.verify()
    assert (verdict.intact, verdict.entries) == (True, 20)


async def test_what_fails_leaves_no_entry_and_no_gap(people: People) -> None:
    await write(people, 1)

    async def fail() -> None:
        async with people.services.desk.writing() as connection:
            await people.services.desk.record(connection, Deed(ROOT, "connector.edited"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await write(people, 1)

    verdict = await people.services.audit.verify()
    assert (verdict.intact, verdict.entries) == (True, 2)


# The database refuses

COLUMNS = "number, at, actor, way, action, previous_hash, hash"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE number = 2",
        "DELETE FROM audit WHERE number = 3",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET number = 1",
        "UPDATE audit_head SET number = number + 2",
        "INSERT INTO audit_head (id, number, hash) VALUES (2, 0, 'x')",
        f"INSERT INTO audit ({COLUMNS}) VALUES (9, '2026-01-01', 'a', 'cli', 'b', 'c', 'd')",
        f"INSERT INTO audit ({COLUMNS}) VALUES (0, '2026-01-01', 'a', 'cli', 'b', 'c', 'd')",
    ],
)
async def test_the_database_itself_refuses_to_change_it(people: People, statement: str) -> None:
    before = await write(people, 3)

    with pytest.raises(TransientError):
        await people.run(statement)

    assert await people.audit() == before
    assert (await people.services.audit.verify()).intact


async def test_sqlite_refuses_to_replace_an_entry(people: People) -> None:
    before = await write(people, 3)
    if not people.is_sqlite:
        pytest.skip("SQLite's own statement")
    names = ", ".join(column.name for column in audit.c)

    with pytest.raises(TransientError, match="append-only"):
        await people.run(f"INSERT OR REPLACE INTO audit SELECT {names} FROM audit WHERE number = 2")

    assert await people.audit() == before


async def test_postgresql_refuses_to_empty_it(people: People) -> None:
    before = await write(people, 3)
    if people.is_sqlite:
        pytest.skip("PostgreSQL's own statement")

    with pytest.raises(TransientError):
        await people.run("TRUNCATE audit")

    assert await people.audit() == before


# Somebody who owns the database


TAMPERED = {
    "at": NOON + timedelta(microseconds=1),
    "actor": "nobody",
    "way": "token",
    "origin": None,
    "action": "connector.viewed",
    "connector_id": None,
    "subject": "",
    "old": None,
    "new": '{"name": "x"}',
    "reason": "because ",
    "previous_hash": "0" * 64,
    "hash": "1" * 64,
}


@pytest.mark.parametrize("column", TAMPERED)
async def test_a_change_of_any_column_is_found(open_people: People, column: str) -> None:
    await write(open_people, 5)
    async with writing(open_people.services.desk.engine) as connection:
        await connection.execute(
            update(audit).where(audit.c.number == 3).values({column: TAMPERED[column]})
        )

    assert await found(open_people) == 3


def test_no_column_is_left_out() -> None:
    assert [*TAMPERED] == [field.name for field in fields(AuditRecord)][1:]


async def test_a_change_of_the_number_is_found(open_people: People) -> None:
    await write(open_people, 5)
    await open_people.run("UPDATE audit SET number = 9 WHERE number = 3")

    assert await found(open_people) == 3


@pytest.mark.parametrize("number", [1, 3, 5])
async def test_an_entry_that_was_removed_is_found(open_people: People, number: int) -> None:
    await write(open_people, 5)
    await open_people.run(f"DELETE FROM audit WHERE number = {number}")

    assert await found(open_people) == number


async def test_an_audit_that_was_emptied_is_found(open_people: People) -> None:
    await write(open_people, 5)
    await open_people.run("DELETE FROM audit")

    assert await found(open_people) == 1


async def put(people: People, record: AuditRecord) -> None:
    async with writing(people.services.desk.engine) as connection:
        values = {column.name: getattr(record, column.name) for column in audit.c}
        await connection.execute(insert(audit).values(values))


def forged(record: AuditRecord, **changes: object) -> AuditRecord:
    """With a hash that fits."""
    changed = replace(record, **changes)  # type: ignore[arg-type]
    return replace(changed, hash=hash_of(changed))


async def test_an_entry_put_before_the_first_is_found(open_people: People) -> None:
    records = await write(open_people, 3)
    await put(open_people, forged(records[0], number=0))

    assert await found(open_people) == 0


async def test_an_entry_put_in_between_is_found(open_people: People) -> None:
    records = await write(open_people, 5)
    await open_people.run(
        "UPDATE audit SET number = number + 100 WHERE number > 3",
        "UPDATE audit SET number = number - 99 WHERE number > 100",
    )
    await put(open_people, forged(records[2], number=4, previous_hash=records[2].hash))

    assert await found(open_people) == 5


async def test_an_entry_put_behind_the_end_is_found(open_people: People) -> None:
    records = await write(open_people, 3)
    await put(open_people, forged(records[2], number=4, previous_hash=records[2].hash))

    assert await found(open_people) == 4


async def test_an_entry_replaced_with_a_hash_that_fits_is_found(open_people: People) -> None:
    records = await write(open_people, 5)
    await open_people.run("DELETE FROM audit WHERE number = 3")
    await put(open_people, forged(records[2], actor="nobody"))

    assert await found(open_people) == 4


async def test_a_last_entry_replaced_with_a_hash_that_fits_is_found(open_people: People) -> None:
    records = await write(open_people, 5)
    await open_people.run("DELETE FROM audit WHERE number = 5")
    await put(open_people, forged(records[4], actor="nobody"))

    assert await found(open_people) == 5


async def test_a_head_that_is_gone_is_found(open_people: People) -> None:
    await write(open_people, 3)
    await open_people.run("DELETE FROM audit_head")

    assert await found(open_people) == 3


async def set_head(people: People, record: AuditRecord) -> None:
    async with writing(people.services.desk.engine) as connection:
        await connection.execute(update(audit_head).values(number=record.number, hash=record.hash))


async def test_an_end_written_wholly_anew_is_found_by_a_head_noted_elsewhere(
    open_people: People,
) -> None:
    records = await write(open_people, 5)
    noted = Head(records[4].number, records[4].hash)
    await open_people.run("DELETE FROM audit WHERE number > 3")
    fourth = forged(records[3], actor="nobody")
    fifth = forged(records[4], previous_hash=fourth.hash)
    for one in (fourth, fifth):
        await put(open_people, one)
    await set_head(open_people, fifth)

    assert (await open_people.services.audit.verify()).intact
    assert await found(open_people, noted) == 5


async def test_an_audit_cut_off_with_its_head_is_found_by_a_head_noted_elsewhere(
    open_people: People,
) -> None:
    records = await write(open_people, 5)
    await open_people.run("DELETE FROM audit WHERE number > 3")
    await set_head(open_people, records[2])

    assert (await open_people.services.audit.verify()).intact
    assert await found(open_people, Head(5, records[4].hash)) == 4


async def test_a_noted_head_that_holds_is_no_finding(people: People) -> None:
    records = await write(people, 3)
    noted = Head(2, records[1].hash)

    assert (await people.services.audit.verify(noted)).intact
    assert head_of(str(noted)) == noted


@pytest.mark.parametrize(
    "change",
    ["at = 'yesterday'", "at = 5", "actor = x'00ff'", "new = 7", "hash = x'00'"],
)
async def test_what_sqlite_keeps_in_a_column_of_another_kind_is_found(
    open_people: People, change: str
) -> None:
    if not open_people.is_sqlite:
        pytest.skip("PostgreSQL keeps nothing but its kind")
    await write(open_people, 5)
    await open_people.run(f"UPDATE audit SET {change} WHERE number = 4")

    assert await found(open_people) == 4


# Reading


async def test_a_list_is_newest_first_and_goes_on_before_a_number(people: People) -> None:
    await write(people, 5)

    first = await people.services.audit.newest(AuditFilter(), 2)
    rest = await people.services.audit.newest(AuditFilter(), 9, first[-1].number)

    assert [one.number for one in (*first, *rest)] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("which", "numbers"),
    [
        (AuditFilter(actor="ann"), [5, 3, 1]),
        (AuditFilter(actor="an\0"), []),
        (AuditFilter(action="connector.*"), [5, 4, 3, 2, 1]),
        (AuditFilter(action="connector%"), []),
        (AuditFilter(action="connector?edited"), [5, 4, 3, 2, 1]),
        (AuditFilter(connector_id="c2"), []),
        (AuditFilter(subject="label 1"), [2]),
        (AuditFilter(since=NOON + timedelta(seconds=4)), [5, 4]),
        (AuditFilter(until=NOON + timedelta(seconds=2)), [1]),
    ],
)
async def test_a_list_is_narrowed_down(
    people: People, which: AuditFilter, numbers: list[int]
) -> None:
    await write(people, 5)

    assert [one.number for one in await people.services.audit.newest(which, 9)] == numbers


async def test_refusals_at_once_are_each_counted_and_none_fails(people: People) -> None:
    refusals = people.services.refusals
    for number in range(3):
        for _ in range(2):
            caller = Caller("x", Way.TOKEN, None, f"10.0.0.{number}")
            await refusals.note(Deed(caller, "access.refused"))
    people.clock.move(minutes=2)
    await asyncio.gather(*(refusals.note(Deed(ROOT, "access.refused")) for _ in range(5)))

    counted = [one.new for one in await people.audit() if one.new]
    assert len(counted) == 3
