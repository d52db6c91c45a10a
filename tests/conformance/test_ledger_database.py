"""What the ledger's databases must do beyond the port: schema, durability, faults, speed."""

import asyncio
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.command import upgrade as alembic_upgrade
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

import benchling_connector.database.migrate as migrate_module
from benchling_connector.adapters.ledger import SqlLedger, open_reader
from benchling_connector.database import connection as connection_module
from benchling_connector.database.connection import open_engine, reading, writing
from benchling_connector.database.identity import (
    Identity,
    Rename,
    connector_identity,
    known_identity,
)
from benchling_connector.database.migrate import HEAD, schema_status, upgrade
from benchling_connector.database.tables import BLOCK_SIZE, connectors
from benchling_connector.domain.errors import (
    ConfigurationError,
    ConnectorError,
    InvalidConfiguration,
    TransientError,
)
from benchling_connector.domain.records import EventFilter, EventState, FileFilter, FileState
from benchling_connector.ports import GivenBack, Verdict
from tests.ledger_homes import empty_postgres, sql_home
from tests.ledgers import NOON, a_candidate, a_file, a_stray, an_event, at
from tests.postgres import Postgres

on_postgresql = pytest.mark.xdist_group("postgresql")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=on_postgresql)])
async def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that nobody has used yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/made/on/demand/connector.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return await postgres.make_database()


@pytest.fixture
async def other_url(new_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Another one of the same kind."""
    if new_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/other.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return await postgres.make_database()


@asynccontextmanager
async def opened(url: str, *, read_only: bool = False) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(url, read_only=read_only)
    try:
        yield engine
    finally:
        await engine.dispose()


async def upgraded(url: str) -> None:
    async with opened(url) as engine:
        await upgrade(engine)


async def run(url: str, statement: str) -> None:
    async with opened(url) as engine, writing(engine) as connection:
        await connection.execute(text(statement))


# Schema


async def test_an_empty_database_is_brought_to_the_newest_schema_once(new_url: str) -> None:
    assert (await schema_status(new_url)).state == "absent"

    await upgraded(new_url)
    await upgraded(new_url)

    status = await schema_status(new_url)
    assert (status.state, status.current, status.head) == ("current", HEAD, HEAD)


async def test_four_may_bring_it_there_at_once(new_url: str) -> None:
    await asyncio.gather(*(upgraded(new_url) for _ in range(4)))

    assert (await schema_status(new_url)).state == "current"


def test_the_revision_that_a_start_looks_for_is_the_newest_one() -> None:
    config = Config()
    folder = Path(migrate_module.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_the_migrations_make_the_very_tables_that_a_new_database_gets(
    new_url: str, other_url: str
) -> None:
    async with opened(new_url) as engine, writing(engine) as connection:
        await connection.run_sync(migrate_module._run_alembic)
    await upgraded(other_url)

    assert await schema_of(new_url) == await schema_of(other_url)
    assert await schema_status(new_url) == await schema_status(other_url)


async def test_a_database_of_the_first_version_is_brought_to_the_newest_schema(
    new_url: str, other_url: str
) -> None:
    def first_version(connection: Connection) -> None:
        folder = Path(migrate_module.__file__).parent / "migrations"
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(folder))
        alembic_upgrade(config, "0001")

    async with opened(new_url) as engine, writing(engine) as connection:
        await connection.run_sync(first_version)
    assert (await schema_status(new_url)).state == "older"
    await upgraded(new_url)
    await upgraded(other_url)

    assert await schema_of(new_url) == await schema_of(other_url)


SCHEMA = {
    "sqlite": "SELECT name, sql FROM sqlite_master",
    "postgresql": """
        SELECT concat_ws('.', table_name, column_name),
            concat_ws(' ', data_type, is_nullable, column_default)
        FROM information_schema.columns
        WHERE table_schema = 'public'
        UNION ALL
        SELECT indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public'
        UNION ALL
        SELECT concat_ws('.', conrelid::regclass, conname), pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL
        SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL
        SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """,
}


async def schema_of(url: str) -> dict[str, str]:
    async with opened(url) as engine, reading(engine) as connection:
        rows = await connection.execute(text(SCHEMA[engine.dialect.name]))
        return {name: " ".join((definition or "").split()) for name, definition in rows}


async def test_a_schema_of_a_newer_version_is_refused_by_everybody(new_url: str) -> None:
    await upgraded(new_url)
    await run(new_url, "UPDATE alembic_version SET version_num = '9999'")

    for attempt in (upgraded(new_url), schema_status(new_url), read(new_url)):
        with pytest.raises(ConfigurationError) as refused:
            await attempt
        assert refused.value.code == "database-schema-newer"


async def test_a_reader_does_not_touch_a_schema_of_an_older_version(new_url: str) -> None:
    await upgraded(new_url)
    await run(new_url, "UPDATE alembic_version SET version_num = '0000'")

    with pytest.raises(InvalidConfiguration, match="older version"):
        await read(new_url)


def test_a_start_on_a_new_or_a_current_database_does_without_alembic(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from benchling_connector.database.connection import open_engine
from benchling_connector.database.migrate import upgrade
async def start():
    engine = open_engine(sys.argv[1])
    await upgrade(engine)
    await engine.dispose()
asyncio.run(start())
print("alembic" in sys.modules)
"""
    command = [sys.executable, "-c", program, f"sqlite:///{tmp_path}/connector.db"]

    told = [subprocess.check_output(command, text=True).strip() for _ in range(2)]

    assert told == ["False", "False"]


# Who the connector is


async def identity(
    engine: AsyncEngine, connector_id: str | None, name: str, **more: Any
) -> Identity:
    """Who this is; a new one is `new`."""
    more = {"now": NOON, "new_id": lambda: "new", **more}
    return await connector_identity(engine, connector_id, name, **more)


async def test_a_new_connector_gets_an_identity_and_keeps_it(new_url: str) -> None:
    ids = iter(["made-1", "made-2"])
    async with opened(new_url) as engine:
        await upgrade(engine)
        for _ in range(2):
            made = await identity(engine, None, "first", new_id=lambda: next(ids))
            assert made == Identity("made-1", "first")


async def test_a_configured_identity_wins_and_is_recorded(new_url: str) -> None:
    async with opened(new_url) as engine:
        await upgrade(engine)
        await identity(engine, None, "first")

        for _ in range(2):
            assert await identity(engine, "mine", "first") == Identity("mine", "first")


async def test_among_several_connectors_the_name_tells(new_url: str) -> None:
    async with opened(new_url) as engine:
        await upgrade(engine)
        await identity(engine, "c1", "first")
        await identity(engine, "c2", "second", now=at(1))

        assert (await identity(engine, None, "second", now=at(2))).connector_id == "c2"
        assert (await identity(engine, None, "third", now=at(3))).connector_id == "new"


async def test_a_connector_keeps_its_name_unless_another_one_was_given(new_url: str) -> None:
    renames: list[Rename] = []

    async def record(_: AsyncConnection, rename: Rename) -> None:
        renames.append(rename)

    async with opened(new_url) as engine:
        await upgrade(engine)
        await identity(engine, "c1", "lab")

        kept = await identity(engine, "c1", "benchling", record=record)
        assert (kept, renames) == (Identity("c1", "lab"), [])
        for _ in range(2):
            given = await identity(engine, "c1", "office", renames=True, record=record, now=at(1))
            assert given == Identity("c1", "office")
        assert renames == [Rename("c1", "lab", "office")]
        async with reading(engine) as connection:
            (row,) = (await connection.execute(select(connectors))).all()
            assert (row.name, row.updated_at) == ("office", at(1))


async def test_a_queue_has_one_connector_until_that_takes_from_another(new_url: str) -> None:
    async with opened(new_url) as engine:
        await upgrade(engine)
        for _ in range(2):
            await identity(engine, "c1", "lab", queue="q")
        with pytest.raises(InvalidConfiguration, match=r"lab \(c1\)") as refused:
            await identity(engine, "c2", "office", queue="q")
        assert refused.value.code == "queue-taken"
        assert await known_identity(engine, "c2", "office") is None

        await identity(engine, "c1", "lab", queue="another")
        await identity(engine, "c2", "office", queue="q")
        with pytest.raises(InvalidConfiguration, match="office"):
            await identity(engine, "c1", "lab", queue="q")


async def test_of_connectors_that_start_at_once_on_one_queue_one_gets_it(new_url: str) -> None:
    await upgraded(new_url)

    async def start(number: int) -> Identity:
        async with opened(new_url) as engine:
            return await identity(engine, f"c{number}", "lab", queue="q")

    ends = await asyncio.gather(*map(start, range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ends) == ["Identity"] + ["InvalidConfiguration"] * 3


async def test_workers_that_start_at_once_share_one_new_identity(new_url: str) -> None:
    await upgraded(new_url)

    async def start(number: int) -> str:
        async with opened(new_url) as engine:
            made = await identity(engine, None, "x", new_id=lambda: f"made-{number}")
            return made.connector_id

    assert len(set(await asyncio.gather(*(start(number) for number in range(4))))) == 1


# SQLite


async def test_a_commit_in_sqlite_survives_a_power_cut(tmp_path: Path) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "fullfsync": 1,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }
    url = f"sqlite:///{tmp_path}/connector.db"
    async with opened(url) as engine, writing(engine) as connection:
        found = {name: await connection.scalar(text(f"PRAGMA {name}")) for name in wanted}

    assert found == wanted


async def test_a_write_to_sqlite_takes_the_lock_at_its_beginning(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/connector.db") as engine:
        await upgrade(engine)
        with sqlite3.connect(tmp_path / "connector.db", timeout=0) as other:
            async with reading(engine) as connection:
                await connection.execute(text("SELECT 1"))
                other.execute("BEGIN IMMEDIATE")
                other.rollback()
            async with writing(engine) as connection:
                await connection.execute(text("SELECT 1"))
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.execute("BEGIN IMMEDIATE")
        other.close()


async def test_a_reader_sees_what_is_committed_while_a_worker_writes(tmp_path: Path) -> None:
    async with sql_home(f"sqlite:///{tmp_path}/connector.db") as home:
        ledger = await home.ledger()
        await ledger.claim([a_candidate("evt_1")], at(0))
        async with writing(home.engine) as connection:
            await connection.execute(text("UPDATE events SET state = 'stored'"))

            async with open_reader(home.url) as reader:
                (record,) = (await reader.events(EventFilter())).rows

        assert record.state is EventState.WRITING


async def test_a_reader_works_while_nobody_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/connector.db"
    async with sql_home(url) as home:
        await (await home.ledger()).claim([a_candidate("evt_1")], at(0))

    assert await read(url) == 1


async def test_a_reader_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="There is no database at"):
        await read(f"sqlite:///{tmp_path}/data/connector.db")

    assert list(tmp_path.iterdir()) == []


async def test_a_reader_tells_a_database_that_no_connector_has_used(tmp_path: Path) -> None:
    (tmp_path / "connector.db").touch()

    with pytest.raises(InvalidConfiguration, match="No connector has used"):
        await read(f"sqlite:///{tmp_path}/connector.db")


async def test_odd_characters_in_a_path_are_no_matter(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a %23#b/c&d ü.db"
    await upgraded(url)

    assert (tmp_path / "a %23#b" / "c&d ü.db").exists()
    assert await read(url) == 0


async def read(url: str) -> int:
    async with open_reader(url) as reader:
        return len((await reader.events(EventFilter())).rows)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:secret@host/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file.db?mode=ro",
        "connector.db",
        "",
        "postgresql:secret",
    ],
)
def test_what_is_no_database_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        open_engine(url)

    assert "secret" not in str(refused.value)
    assert [field.key for field in refused.value.fields] == ["database_url"]


# Faults


async def test_a_file_that_is_no_database_is_a_fault_that_passes(tmp_path: Path) -> None:
    (tmp_path / "connector.db").write_bytes(b"these are no tables" * 100)

    assert "not a database" in await sentence(upgraded(f"sqlite:///{tmp_path}/connector.db"))


async def test_a_folder_in_place_of_the_file_is_a_fault_that_passes(tmp_path: Path) -> None:
    assert "unable to open" in await sentence(upgraded(f"sqlite:///{tmp_path}"))


async def test_a_file_in_place_of_the_folder_is_a_fault_that_passes(tmp_path: Path) -> None:
    (tmp_path / "data").touch()

    assert f"file exists: {tmp_path}/data" in await sentence(
        upgraded(f"sqlite:///{tmp_path}/data/x/y.db")
    )


async def test_a_database_that_may_only_be_read_is_a_fault_that_passes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/connector.db"
    await upgraded(url)

    async with opened(url, read_only=True) as engine:
        assert "readonly" in await sentence(SqlLedger(engine, "c1", "w1").heartbeat(NOON))


async def test_a_full_disk_is_a_fault_that_passes(tmp_path: Path) -> None:
    async with sql_home(f"sqlite:///{tmp_path}/connector.db") as home:
        ledger = await home.ledger()
        async with writing(home.engine) as connection:
            pages = await connection.scalar(text("PRAGMA page_count"))
            await connection.execute(text(f"PRAGMA max_page_count={pages}"))

        many = [a_candidate(f"evt_{number}") for number in range(500)]
        assert "disk is full" in await sentence(ledger.claim(many, at(0)))

        async with writing(home.engine) as connection:
            await connection.execute(text("PRAGMA max_page_count=1000000"))
        assert len(await ledger.claim(many, at(0))) == 500


async def test_a_database_that_another_program_locks_is_a_fault_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "BUSY_TIMEOUT_MS", 20)
    async with sql_home(f"sqlite:///{tmp_path}/connector.db") as home:
        ledger = await home.ledger()
        other = sqlite3.connect(tmp_path / "connector.db")
        other.execute("BEGIN IMMEDIATE")

        assert "locked" in await sentence(ledger.heartbeat(at(0)))

        other.close()
        await ledger.heartbeat(at(1))


async def test_a_broken_rule_of_the_database_is_told_without_values(new_url: str) -> None:
    async with sql_home(new_url) as home:
        ledger = SqlLedger(home.engine, "unknown-connector", "w1")

        assert "unknown-connector" not in await sentence(ledger.heartbeat(at(0)))


@on_postgresql
async def test_a_postgresql_that_is_not_there_is_a_fault_that_passes(tmp_path: Path) -> None:
    told = await sentence(upgraded(f"postgresql://me:secret@/x?host={tmp_path}"))

    assert told == "PostgreSQL cannot be reached: no such file or directory."


@on_postgresql
async def test_an_unknown_database_or_user_is_a_fault_that_passes(postgres: Postgres) -> None:
    url = postgres.url("unknown").replace("postgres@", "postgres:secret@")
    assert "there is no database of that name" in await sentence(upgraded(url))

    url = postgres.url("postgres").replace("postgres@", "nobody:secret@")
    assert "it refuses the user or the password" in await sentence(upgraded(url))


@on_postgresql
async def test_the_ledger_outlives_a_stop_of_postgresql(postgres: Postgres) -> None:
    async with sql_home(await empty_postgres(postgres)) as home:
        ledger = await home.ledger()
        await ledger.claim([a_candidate("evt_1")], at(0))

        await asyncio.to_thread(postgres.stop)
        try:
            assert "connection was lost" in await sentence(ledger.heartbeat(at(1)))
            assert "cannot be reached" in await sentence(ledger.heartbeat(at(2)))
        finally:
            await asyncio.to_thread(postgres.start)

        await ledger.heartbeat(at(3))
        (again,) = await ledger.claim([a_candidate("evt_1")], at(4))
        assert again.attempts == 1


@on_postgresql
async def test_a_connection_that_is_cut_is_a_fault_that_passes(postgres: Postgres) -> None:
    async with sql_home(await empty_postgres(postgres)) as home:
        ledger = await home.ledger()
        await postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ledger'"
        )

        assert "PostgreSQL" in await sentence(ledger.heartbeat(at(1)))
        await ledger.heartbeat(at(2))


@pytest.mark.parametrize("turns", [1, 5, 10, 20, 40])
async def test_a_claim_that_is_cancelled_leaves_the_ledger_usable(new_url: str, turns: int) -> None:
    async with sql_home(new_url) as home:
        ledger = await home.ledger()
        candidates = [a_candidate(f"evt_{number}") for number in range(50)]
        task = asyncio.create_task(ledger.claim(candidates, at(0)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        answers = await ledger.claim(candidates, at(1))

        assert {answer.verdict for answer in answers} <= {Verdict.CLAIMED, Verdict.BUSY}
        assert task.cancelled() == (answers[0].verdict is Verdict.CLAIMED)


async def sentence(attempt: Awaitable[object]) -> str:
    """The sentence of the fault that the attempt meets; it holds no secret."""
    with pytest.raises(ConnectorError) as met:
        await attempt
    assert isinstance(met.value, TransientError)
    assert met.value.code == "database-failing"
    assert met.value.__cause__ is None
    assert "secret" not in met.value.sentence
    return met.value.sentence


# Speed


async def test_no_statement_reads_a_whole_table(new_url: str) -> None:
    async with sql_home(new_url) as home:
        ledger, other = await home.ledger("w1"), await home.ledger("w2")
        statements: list[tuple[str, Sequence[object]]] = []

        @event.listens_for(home.engine.sync_engine, "before_cursor_execute")
        def note(
            _: Connection, __: object, statement: str, parameters: Sequence[Any], *___: object
        ) -> None:
            many = isinstance(parameters, list)
            statements.append((statement, parameters[0] if many else parameters))

        candidates = [a_candidate(f"evt_{number}") for number in range(4)]
        files = [a_file([one.event]) for one in candidates]
        await ledger.claim(candidates, at(0))
        await ledger.begin_files(files)
        await ledger.begin_files(files)
        await ledger.commit_files([files[0].file_id], at(1))
        await ledger.discard_files([file.file_id for file in files[1:3]])
        await ledger.note_refusal(files[3].file_id, 1, "No.", FileState.ERROR)
        await ledger.stopped([file.file_id for file in files])
        await ledger.give_back([GivenBack("evt_1", "why", at(1))])
        await ledger.heartbeat(at(1))
        await ledger.quarantine([a_stray("m-1")], at(1))
        await other.claim(candidates, at(99))
        await other.orphans(at(99))
        step = await ledger.prune(at(99), 1)
        await ledger.prune(at(99), 9, step.next)
        reader = home.reader()
        await reader.event("evt_1")
        await reader.event("m-1")
        await reader.body("m-1")
        await reader.file(files[0].file_id)
        await reader.events(EventFilter(resource_id="etr_1"))
        for state in set(EventState) - {EventState.STORED}:
            await reader.events(EventFilter(state=state))
        page = await reader.events(EventFilter(), 1)
        await reader.events(EventFilter(), 1, page.next)
        await reader.events(EventFilter(since=at(0), until=at(1)))
        await reader.files(FileFilter(state=FileState.PENDING))
        await reader.files(FileFilter(state=FileState.ERROR))
        await reader.files(FileFilter(), 1)
        await ledger.begin_anew()

        event.remove(home.engine.sync_engine, "before_cursor_execute", note)
        scans = [
            (statement, step)
            for statement, parameters in statements
            if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))
            for step in await plan(home.engine, statement, parameters)
        ]
        assert len(statements) > 30
        assert scans == []


async def test_a_resources_events_are_found_wherever_they_stand_in_the_table(new_url: str) -> None:
    async with sql_home(new_url) as home:
        ledger, reader = await home.ledger(), home.reader()
        mine = EventFilter(resource_id="etr_mine")
        assert (await reader.events(mine)).rows == ()
        events = [an_event(f"evt_{n}", resource_id="etr_mine") for n in range(4)]
        others = [an_event(f"evt_x{n}", resource_id="etr_other") for n in range(4)]
        await ledger.claim([a_candidate(one) for one in events + others], at(0))
        for number, key in enumerate((3, BLOCK_SIZE - 1, BLOCK_SIZE, 9 * BLOCK_SIZE)):
            await run(new_url, f"UPDATE events SET id = -{key} WHERE event_id = 'evt_{number}'")
        await run(new_url, f"UPDATE events SET id = id + 5 * {BLOCK_SIZE} WHERE id > 0")
        await run(new_url, "UPDATE events SET id = -id WHERE id < 0")

        found = await reader.events(mine)
        first = await reader.events(mine, 3)
        rest = await reader.events(mine, 3, first.next)

    assert [one.event_id for one in found.rows] == ["evt_3", "evt_2", "evt_1", "evt_0"]
    assert first.rows + rest.rows == found.rows


async def plan(engine: AsyncEngine, statement: str, parameters: Sequence[object]) -> list[str]:
    """The steps of a statement's plan that read all rows of a table, where an index could do."""
    async with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            rows = await connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}",
                tuple(parameters),
            )
            steps = [row.detail for row in rows]
            return [one for one in steps if re.fullmatch("SCAN [a-z]+", one)]
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = await connection.exec_driver_sql(
            f"EXPLAIN {statement}",
            tuple(parameters),
        )
        return [row[0] for row in rows if "Seq Scan" in row[0]]
