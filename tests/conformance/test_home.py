"""What a worker asks and tells its home: the same in memory and in both databases."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from benchling_connector.adapters.ledger import SqlLedger
from benchling_connector.database.connection import open_engine, reading, writing
from benchling_connector.database.platform_tables import commands, samples
from benchling_connector.database.tables import connectors, workers
from benchling_connector.domain.commands import CommandStatus, JobStatus
from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.domain.lifecycle import Mode
from benchling_connector.domain.records import FileState
from benchling_connector.platform.home import DatabaseHome
from benchling_connector.ports import Beat, Situation
from tests.conformance.conftest import KINDS
from tests.houses import IDLING, House, MemoryHouse, SqlHouse, a_command, unsealed
from tests.ledger_homes import empty_postgres, empty_sqlite
from tests.ledgers import NOON, a_candidate, a_file, at


async def build(
    kind: str, request: pytest.FixtureRequest, folder: Path, templates: Path
) -> AsyncIterator[SqlHouse]:
    if kind == "sqlite":
        url = await empty_sqlite(templates / "ledger.db", folder / "connector.db")
    else:
        url = await empty_postgres(request.getfixturevalue("postgres"))
    engine = open_engine(url)
    made = SqlHouse(engine)
    await made.build()
    yield made
    await engine.dispose()


@pytest.fixture(params=KINDS)
async def house(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    if request.param == "memory":
        yield MemoryHouse()
        return
    async for made in build(request.param, request, tmp_path, tmp_path_factory.getbasetemp()):
        yield made


@pytest.fixture(params=KINDS[1:])
async def sql(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SqlHouse]:
    async for made in build(request.param, request, tmp_path, tmp_path_factory.getbasetemp()):
        yield made


async def test_the_situation_is_what_is_wanted_now(house: House) -> None:
    await house.want(Mode.RUNNING, 3, "debug")
    assert await house.worker().situation() == Situation(Mode.RUNNING, 3, "debug")


async def test_a_connector_that_nobody_created_is_running_and_not_configured(
    sql: SqlHouse,
) -> None:
    assert await sql.worker().situation() == Situation(Mode.RUNNING, None, None)


async def test_a_connector_that_was_deleted_is_disabled(sql: SqlHouse) -> None:
    async with writing(sql.engine) as connection:
        await connection.execute(update(connectors).values(deleted_at=NOON))
    assert (await sql.worker().situation()).mode is Mode.DISABLED


async def test_a_configuration_comes_with_its_secrets_and_the_connectors_name(
    house: House,
) -> None:
    await house.configure(1, {"client_id": "old"})
    await house.configure(2, {"client_id": "app", "client_secret": "s3cret"})
    assert await house.worker().configuration(2) == {
        "connector_name": "benchling",
        "client_id": "app",
        "client_secret": "s3cret",
    }


async def test_a_version_that_there_is_not_is_a_configuration_error(sql: SqlHouse) -> None:
    with pytest.raises(ConfigurationError, match="no version 9"):
        await sql.worker().configuration(9)


async def test_the_log_level_holds_for_all_workers(house: House) -> None:
    await house.worker("w1").set_log_level("debug")
    assert (await house.worker("w2").situation()).log_level == "debug"


# Signs of life


async def rows(sql: SqlHouse) -> list[dict[str, object]]:
    async with reading(sql.engine) as connection:
        query = select(workers).order_by(workers.c.worker_id)
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def test_a_beat_tells_who_it_is_what_it_does_and_how_it_is(sql: SqlHouse) -> None:
    await sql.worker().beat(IDLING, at(0))
    await sql.worker().beat(Beat(Mode.RUNNING, 2, '{"health": "HEALTHY"}'), at(10))
    (row,) = await rows(sql)
    assert row == {
        "worker_id": "w1",
        "connector_id": "c1",
        "host": "lab-7",
        "pid": 4711,
        "process": "process-of-w1",
        "started_by": "hand",
        "version": "1.0",
        "mode": "RUNNING",
        "config_version": 2,
        "report": '{"health": "HEALTHY"}',
        "started_at": at(0),
        "seen_at": at(10),
        "lease_until": at(10),
        "ended_at": None,
        "lost_at": None,
    }


async def test_a_beat_never_cuts_the_lease_of_the_ledger_short(sql: SqlHouse) -> None:
    ledger = SqlLedger(sql.engine, "c1", "w1")
    await ledger.heartbeat(at(0), "{}")
    await sql.worker().beat(IDLING, at(1))
    (row,) = await rows(sql)
    assert row["lease_until"] == at(30)


async def test_who_only_beats_holds_no_claims(sql: SqlHouse) -> None:
    await sql.worker().beat(IDLING, at(0))
    assert await SqlLedger(sql.engine, "c1", "w2").heartbeat(at(1)) == 1


async def test_a_worker_that_ended_its_work_lives_on_until_it_leaves(sql: SqlHouse) -> None:
    ledger, home = SqlLedger(sql.engine, "c1", "w1"), sql.worker()
    await ledger.heartbeat(at(0))
    await ledger.sign_off(at(1))
    (row,) = await rows(sql)
    assert (row["lease_until"], row["ended_at"]) == (at(1), None)
    await home.leave(at(2))
    (row,) = await rows(sql)
    assert row["ended_at"] == at(2)


async def test_what_a_worker_did_not_end_before_it_works_anew_can_be_claimed(
    sql: SqlHouse,
) -> None:
    before = SqlLedger(sql.engine, "c1", "w1")
    await before.claim([a_candidate("evt_1"), a_candidate("evt_2")], at(0))
    await before.claim([a_candidate("evt_3")], at(0))
    begun, stopped = a_file(["evt_2"]), a_file(["evt_3"])
    await before.begin_files([begun, stopped])
    await before.note_refusal(stopped.file_id, 1, "No.", FileState.ERROR)

    anew = SqlLedger(sql.engine, "c1", "w1")
    await anew.begin_anew()
    await anew.heartbeat(at(1))

    left = [file.file_id for file in await anew.orphans(at(1))]
    assert left == [begun.file_id, stopped.file_id]
    verdicts = await anew.claim([a_candidate(f"evt_{number}") for number in (1, 2, 3)], at(2))
    assert [one.verdict.name for one in verdicts] == ["CLAIMED", "ORPHANED", "ORPHANED"]


async def test_what_was_measured_is_written_down_once(sql: SqlHouse) -> None:
    home = sql.worker()
    await home.sample({"cpu": 0.5}, at(0))
    await home.sample({"cpu": 0.5}, at(0))
    async with reading(sql.engine) as connection:
        row = (await connection.execute(select(samples))).one()
    assert (row.connector_id, row.worker_id, row.resolution, row.at) == ("c1", "w1", 10, at(0))
    assert json.loads(row.content) == {"cpu": 0.5}


# Commands


async def test_commands_are_taken_oldest_first_and_once(house: House) -> None:
    await house.send(a_command("b", created_at=at(-1)))
    await house.send(a_command("a"))
    home = house.worker()
    taken = await home.take(at(1))
    assert [command.command_id for command in taken] == ["b", "a"]
    assert not await home.take(at(2))
    assert not await house.worker("w2").take(at(2))
    now = await house.command("a")
    assert (now.status, now.worker_id, now.started_at) == (CommandStatus.PROCESSING, "w1", at(1))


async def test_two_workers_never_get_the_same_command(sql: SqlHouse) -> None:
    for number in range(20):
        await sql.send(a_command(f"{number:02}"))
    taken = await asyncio.gather(*(sql.worker(f"w{n}").take(at(1)) for n in range(5)))
    ids = [command.command_id for some in taken for command in some]
    assert sorted(ids) == [f"{number:02}" for number in range(20)]


async def test_a_command_comes_with_the_secrets_of_its_body(house: House) -> None:
    body = {"config": {"client_id": "app", "client_secret": "s3cret"}}
    await house.send(a_command("a", body=body))
    (command,) = await house.worker().take(at(1))
    assert command.body == body


def without_key(sql: SqlHouse) -> DatabaseHome:
    """`w1`, where no secret can be read."""

    def refuse(*_: str) -> str:
        raise ConfigurationError("client-secret-missing", "There is no key.")

    return DatabaseHome(sql.engine, "c1", sql.worker()._worker, decrypt=refuse, new_id=str)


async def test_a_command_whose_secrets_cannot_be_read_has_failed(sql: SqlHouse) -> None:
    await sql.send(a_command("a", body={"config": {"client_secret": "s3cret"}}))
    await sql.send(a_command("b"))
    taken = await without_key(sql).take(at(1))
    assert [command.command_id for command in taken] == ["b"]
    ended = await sql.command("a")
    assert ended.status is CommandStatus.FAILURE
    assert ended.answer == {"code": "client-secret-missing", "error": "There is no key."}


@pytest.mark.parametrize("end", ["answered", "a job", "unreadable", "expired", "interrupted"])
async def test_the_secrets_of_a_command_are_forgotten_when_it_ends(sql: SqlHouse, end: str) -> None:
    body = {"config": {"client_secret": "s3cret"}}
    await sql.send(a_command("a", body=body, expires_at=at(5)))
    home = sql.worker()
    if end == "expired":
        await home.tidy(at(6))
    elif end == "unreadable":
        await without_key(sql).take(at(1))
    else:
        (command,) = await home.take(at(1))
        async with reading(sql.engine) as connection:
            assert await connection.scalar(select(commands.c.secrets)) is not None
        if end == "answered":
            await home.answer("a", CommandStatus.SUCCESS, {}, at(2))
        elif end == "a job":
            await home.begin_job("RunCheck", command, None, at(2))
        else:
            await sql.worker("w2").tidy(at(200))
    assert (await sql.command("a")).ended_at is not None
    async with reading(sql.engine) as connection:
        assert await connection.scalar(select(commands.c.secrets)) is None


async def test_what_has_expired_is_not_given_and_ends(house: House) -> None:
    await house.send(a_command("a", expires_at=at(5)))
    home = house.worker()
    await home.tidy(at(4.9))
    assert (await house.command("a")).status is CommandStatus.PENDING
    assert not await home.take(at(5))
    await home.tidy(at(5))
    ended = await house.command("a")
    assert (ended.status, ended.ended_at) == (CommandStatus.EXPIRED, at(5))


async def test_an_answer_ends_a_command_once(house: House) -> None:
    await house.send(a_command("a"))
    home = house.worker()
    await home.take(at(1))
    await home.answer("a", CommandStatus.SUCCESS, {"mode": "RUNNING"}, at(2))
    await home.answer("a", CommandStatus.FAILURE, {}, at(3))
    ended = await house.command("a")
    assert ended.status is CommandStatus.SUCCESS
    assert ended.answer == {"mode": "RUNNING"}
    assert ended.ended_at == at(2)


async def test_nobody_answers_a_command_that_another_has_taken(house: House) -> None:
    await house.send(a_command("a"))
    await house.worker("w1").take(at(1))
    await house.worker("w2").answer("a", CommandStatus.SUCCESS, {}, at(2))
    assert (await house.command("a")).status is CommandStatus.PROCESSING


async def test_a_job_ends_its_command_and_shows_how_far_it_is(house: House) -> None:
    await house.send(a_command("a"))
    home = house.worker()
    (command,) = await home.take(at(1))
    job_id = await home.begin_job("RunCheck", command, 5, at(2))
    ended = await house.command("a")
    assert (ended.status, ended.answer) == (CommandStatus.SUCCESS, {"jobId": job_id})
    assert ended.job_id == job_id

    await home.progress(job_id, at(3), done=2, message="two")
    job = await house.job(job_id)
    assert (job.kind, job.status, job.done, job.total) == ("RunCheck", JobStatus.RUNNING, 2, 5)
    assert (job.message, job.created_by, job.worker_id, job.ended_at) == ("two", "ann", "w1", None)

    await home.progress(job_id, at(4), done=5, status=JobStatus.SUCCESS, answer={"n": 5})
    await home.progress(job_id, at(5), done=1)
    job = await house.job(job_id)
    assert (job.status, job.done, job.answer) == (JobStatus.SUCCESS, 5, {"n": 5})
    assert job.ended_at == at(4)


# What the dead leave behind


async def begun(house: House) -> str:
    """A command that `w1` carries out, and a job: the job's ID."""
    home = house.worker("w1")
    await home.beat(IDLING, at(0))
    await house.worker("w2").beat(IDLING, at(0))
    for command_id in ("a", "b"):
        await house.send(a_command(command_id))
    (_, second) = await home.take(at(1))
    return await home.begin_job("RunCheck", second, None, at(1))


async def is_interrupted(house: House, job_id: str) -> bool:
    command, job = await house.command("a"), await house.job(job_id)
    interrupted = command.status is CommandStatus.FAILURE
    if interrupted:
        assert isinstance(command.answer, dict)
        assert command.answer["code"] == "command-interrupted"
    assert (job.status is JobStatus.FAILURE) == interrupted
    return interrupted


async def test_what_a_living_worker_does_goes_on(house: House) -> None:
    job_id = await begun(house)
    await house.worker("w2").tidy(at(90))
    assert not await is_interrupted(house, job_id)


async def test_what_a_worker_did_that_was_silent_for_too_long_has_failed(house: House) -> None:
    job_id = await begun(house)
    await house.worker("w2").tidy(at(91))
    assert await is_interrupted(house, job_id)


async def test_what_a_worker_did_that_left_has_failed(house: House) -> None:
    job_id = await begun(house)
    await house.worker("w1").leave(at(2))
    await house.worker("w2").tidy(at(2))
    assert await is_interrupted(house, job_id)


async def test_what_a_worker_did_whose_process_is_gone_has_failed_at_once(house: House) -> None:
    job_id = await begun(house)
    house.kill("w1")
    await house.worker("w2").tidy(at(2))
    assert await is_interrupted(house, job_id)


async def test_a_worker_tidies_up_after_its_own_connector_only(sql: SqlHouse) -> None:
    await sql.send(a_command("a", expires_at=at(1)))
    worker = sql.worker()
    other = DatabaseHome(sql.engine, "c2", worker._worker, decrypt=unsealed, new_id=str)
    await other.tidy(at(2))
    assert (await sql.command("a")).status is CommandStatus.PENDING


async def test_a_database_that_is_away_is_a_passing_error(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/connector.db")
    house = SqlHouse(engine)
    with pytest.raises(TransientError):
        await house.worker().situation()
    await engine.dispose()
