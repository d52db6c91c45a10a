"""`events` and `files`: what a user sees of the ledger."""

import asyncio
import contextlib
import os
import pty
import subprocess
import termios
from pathlib import Path

import pytest
import yaml

from benchling_connector.adapters.ledger import open_ledger
from benchling_connector.cli import showing
from benchling_connector.ports import GivenBack
from tests.acceptance.in_process import Program
from tests.acceptance.world import PROGRAM
from tests.ledgers import NOON, a_candidate, a_file, a_stray, an_event, at
from tests.postgres import Postgres

FILE = "6f1c9a52-5f0e-4a8e-9d6a-2f7b61a1c001"
PENDING_FILE = "6f1c9a52-5f0e-4a8e-9d6a-2f7b61a1c002"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a ledger in it; nobody writes there."""
    folder = tmp_path_factory.mktemp("home") / "data"
    asyncio.run(fill(f"sqlite:///{folder}/connector.db"))
    return folder


async def fill(database_url: str) -> None:
    """An event in every state, one second after the other."""
    async with open_ledger(
        database_url,
        connector_id="c1",
        connector_name="benchling",
        worker_id="w1",
        now=NOON,
        new_id=str,
    ) as ledger:
        events = [
            an_event("evt_0"),
            an_event("evt_1", type="v2.assayRun.created", schema_id=None, resource_id="run_1"),
            an_event("evt_2"),
        ]
        await ledger.claim(
            [a_candidate(one, received=number) for number, one in enumerate(events)], at(0)
        )
        await ledger.claim([a_candidate("evt_3", received=3, skip_reason="not wanted")], at(3))
        await ledger.quarantine(
            [a_stray("m-text", b"no JSON \xc3\xa9", received=4), a_stray("m-bytes", b"\xff\0")],
            at(4),
        )
        stored = a_file([events[0]], FILE, created=2, status=404)
        pending = a_file([events[1]], PENDING_FILE, created=3)
        await ledger.begin_files([stored, pending])
        await ledger.commit_files([FILE], at(5))
        await ledger.give_back([GivenBack("evt_2", "lake-failing: full", at(60))])


# events ls


def test_events_ls_prints_every_event_with_the_promised_fields_in_order(
    home: Path, program: Program
) -> None:
    told = program("events", "ls", "--data-dir", str(home), "--json")

    document = told.document()
    assert (told.status, list(document), document["next"]) == (0, ["events", "next"], None)
    states = {row["eventId"] or row["messageId"]: row["state"] for row in document["events"]}
    assert states == {
        "m-text": "quarantined",
        "evt_3": "skipped",
        "evt_2": "retrying",
        "evt_1": "writing",
        "m-bytes": "quarantined",
        "evt_0": "stored",
    }
    assert list(document["events"][-1].items()) == [
        ("eventId", "evt_0"),
        ("messageId", "m-evt_0"),
        ("eventType", "v2.entry.created"),
        ("resourceType", "entry"),
        ("resourceId", "etr_1"),
        ("schemaId", "ts_1"),
        ("state", "stored"),
        ("reason", "unavailable: Benchling answered 404 for the resource"),
        ("fileId", FILE),
        ("attempts", 1),
        ("receivedAt", "2026-03-01T12:00:00.000000Z"),
        ("storedAt", "2026-03-01T12:00:05.000000Z"),
    ]


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (["--type", "v2.assay*"], ["evt_1"]),
        (["--resource-type", "assayRun"], ["evt_1"]),
        (["--resource", "run_1"], ["evt_1"]),
        (["--schema", "ts_?", "--state", "stored"], ["evt_0"]),
        (["--state", "retrying"], ["evt_2"]),
        (
            ["--since", "2026-03-01T12:00:01Z", "--until", "2026-03-01 13:00:03+01:00"],
            ["evt_2", "evt_1"],
        ),
        (["--since", "1h"], []),
        (["--until", "2026-03-01"], []),
        (["--connector", "c1", "--type", "*.created", "--limit", "1"], ["evt_3"]),
    ],
)
def test_events_ls_takes_filters(
    home: Path, program: Program, flags: list[str], wanted: list[str]
) -> None:
    told = program("events", "ls", "--data-dir", str(home), "--json", *flags)

    assert [row["eventId"] for row in told.document()["events"]] == wanted


def test_events_ls_goes_on_where_the_page_before_ended(home: Path, program: Program) -> None:
    listing = ("events", "ls", "--data-dir", str(home), "--json")
    whole = program(*listing).document()["events"]

    first = program(*listing, "--limit", "4").document()
    second = program(*listing, "--limit", "4", "--cursor", first["next"]).document()

    assert first["events"] + second["events"] == whole
    assert second["next"] is None


@pytest.mark.parametrize("limit", [None, 3, 4, 5])
def test_events_ls_reads_page_by_page_whatever_the_limit(
    home: Path, program: Program, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    listing = ("events", "ls", "--data-dir", str(home), "--json")
    whole = program(*listing).document()["events"]
    monkeypatch.setattr(showing, "AT_ONCE", 2)

    document = program(*listing, *(["--limit", str(limit)] if limit else [])).document()

    assert document["events"] == whole[:limit]
    assert (document["next"] is None) == (limit is None)


def test_an_empty_list_is_a_document_too(home: Path, program: Program) -> None:
    told = program("events", "ls", "--data-dir", str(home), "--json", "--resource", "unknown")

    assert told.document() == {"events": [], "next": None}
    assert told.stderr == ""


def test_people_get_a_table_and_the_talk_on_stderr(home: Path, program: Program) -> None:
    told = program("events", "ls", "--data-dir", str(home), "--limit", "5")

    lines = told.stdout.splitlines()
    assert lines[0].split("  ")[0] == "RECEIVED (UTC)"
    assert len(lines) == 6
    assert "2026-03-01 12:00:04" in lines[1]
    assert "(message) m-text" in lines[1]
    assert "lake-failing: full" in told.stdout
    assert told.stderr.startswith("5 events.\nThere are more: --cursor ")


def test_nothing_is_cut_off_in_a_pipe_however_narrow_the_terminal(
    home: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    told = program("events", "ls", "--data-dir", str(home), "--state", "stored")

    assert FILE in told.stdout.splitlines()[1]
    assert told.stderr == "1 event.\n"


@pytest.mark.parametrize("columns", [40, 200])
def test_ids_stand_in_one_piece_on_a_terminal_however_narrow(home: Path, columns: int) -> None:
    """So that they can be copied: the terminal goes on in its next line, the text does not."""
    main, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (50, columns))
    for listing in ("ls", "--state", "stored"), ("show", "evt_0"):
        subprocess.run(
            [*PROGRAM, "events", *listing, "--data-dir", str(home)],
            check=True,
            stdout=terminal,
            stderr=subprocess.PIPE,
            env={**os.environ, "TERM": "dumb"},
        )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while some := os.read(main, 4096):
            shown += some
    os.close(main)
    lines = shown.decode().splitlines()
    assert sum(FILE in line and "evt_0" in line for line in lines) == 1
    assert any(f"date=2026-03-01/{FILE}.json" in line for line in lines)


# events show


def test_events_show_prints_all_that_is_known_of_an_event(home: Path, program: Program) -> None:
    told = program("events", "show", "evt_0", "--data-dir", str(home), "--json")

    document = told.document()
    assert told.status == 0
    assert list(document)[12:] == [
        "createdAt",
        "bridgedAt",
        "sentAt",
        "fetchedAt",
        "nextAt",
        "filePath",
    ]
    assert document["createdAt"] == "2026-03-01T11:59:39.999999Z"
    assert document["fetchedAt"] == "2026-03-01T12:00:01.000000Z"
    assert document["filePath"] == (
        f"resource_type=entry/schema_id=ts_1/date=2026-03-01/{FILE}.json"
    )


def test_show_tells_people_a_line_for_each_fact(home: Path, program: Program) -> None:
    told = program("events", "show", "evt_0", "--data-dir", str(home))
    assert told.status == 0
    lines = {" ".join(line.split()) for line in told.stdout.splitlines()}
    assert "event id evt_0" in lines
    assert "state stored" in lines
    told = program("files", "show", FILE, "--data-dir", str(home))
    assert f"file id {FILE}" in {" ".join(line.split()) for line in told.stdout.splitlines()}


def test_events_show_tells_when_an_event_comes_again(home: Path, program: Program) -> None:
    document = program("events", "show", "evt_2", "--data-dir", str(home), "--json").document()

    assert document["nextAt"] == "2026-03-01T12:01:00.000000Z"
    assert (document["filePath"], document["fileId"]) == (None, None)
    assert "body" not in document


def test_events_show_gives_the_raw_body_of_a_quarantined_message(
    home: Path, program: Program
) -> None:
    text, raw = (
        program("events", "show", message_id, "--data-dir", str(home), "--json").document()
        for message_id in ("m-text", "m-bytes")
    )

    assert text["body"] == "no JSON é"
    assert text["reason"] == "event-not-json: The message body is not JSON."
    assert raw["bodyBase64"] == "/wA="
    assert "body" not in raw


# files


def test_files_ls_prints_every_file_with_its_fields_in_order(home: Path, program: Program) -> None:
    told = program("files", "ls", "--data-dir", str(home), "--json")

    document = told.document()
    assert (list(document), document["next"]) == (["files", "next"], None)
    assert [row["fileId"] for row in document["files"]] == [PENDING_FILE, FILE]
    row = document["files"][1]
    assert list(row) == [
        "fileId",
        "path",
        "resourceType",
        "schemaId",
        "eventCount",
        "size",
        "sha256",
        "state",
        "createdAt",
        "storedAt",
        "errorCount",
        "errorMessage",
    ]
    assert (row["state"], row["eventCount"]) == ("SUCCESS", 1)
    assert (row["errorCount"], row["errorMessage"]) == (0, None)
    assert row["createdAt"] == "2026-03-01T12:00:02.000000Z"
    assert row["storedAt"] == "2026-03-01T12:00:05.000000Z"
    assert document["files"][0]["storedAt"] is None


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (["--state", "pending"], [PENDING_FILE]),
        (["--schema", "ts_*"], [FILE]),
        (["--resource-type", "assay*"], [PENDING_FILE]),
        (["--since", "2026-03-01T12:00:03Z"], [PENDING_FILE]),
        (["--limit", "1"], [PENDING_FILE]),
    ],
)
def test_files_ls_takes_filters(
    home: Path, program: Program, flags: list[str], wanted: list[str]
) -> None:
    told = program("files", "ls", "--data-dir", str(home), "--json", *flags)

    assert [row["fileId"] for row in told.document()["files"]] == wanted


def test_files_ls_has_a_table_for_people(home: Path, program: Program) -> None:
    told = program("files", "ls", "--data-dir", str(home))

    assert FILE in told.stdout
    assert told.stderr == "2 files.\n"


def test_files_show_prints_a_file_with_its_events(home: Path, program: Program) -> None:
    document = program("files", "show", FILE, "--data-dir", str(home), "--json").document()

    assert document["eventIds"] == ["evt_0"]
    assert document["path"].endswith(f"{FILE}.json")


# Which ledger


def test_the_configuration_file_tells_where_the_ledger_is(
    home: Path, program: Program, tmp_path: Path
) -> None:
    file = tmp_path / "connector.yaml"
    keys = {
        "benchling_url": "https://acme.benchling.com",
        "client_id": "id",
        "client_secret": "secret",
        "sqs_url": "https://sqs.us-east-1.amazonaws.com/111122223333/events",
        "aws_region": "us-east-1",
        "data_dir": str(home),
    }
    file.write_text(yaml.safe_dump(keys))

    assert program("files", "show", FILE, "-c", str(file)).status == 0


def test_the_environment_tells_it_to_who_gives_no_flag(
    home: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHLING_CONNECTOR_DATA_DIR", str(home))
    assert program("files", "show", FILE).status == 0

    monkeypatch.setenv("BENCHLING_CONNECTOR_DATABASE_URL", "sqlite:////nowhere/connector.db")
    assert program("files", "show", FILE).status == 3
    assert program("files", "show", FILE, "--data-dir", str(home)).status == 0


@pytest.mark.xdist_group("postgresql")
def test_the_ledger_may_be_in_postgresql(postgres: Postgres, program: Program) -> None:
    url = asyncio.run(postgres.make_database())
    asyncio.run(fill(url))

    told = program("events", "ls", "--database-url", url, "--type", "v?.entry.*", "--json")

    assert [row["eventId"] for row in told.document()["events"]] == ["evt_3", "evt_2", "evt_0"]


# What may go wrong


@pytest.mark.parametrize("group", ["events", "files"])
def test_an_unknown_id_is_told_and_fails(home: Path, program: Program, group: str) -> None:
    told = program(group, "show", "unknown", "--data-dir", str(home), "--json")

    assert (told.status, told.stdout) == (1, "")
    assert told.stderr == f"The ledger knows no {group.removesuffix('s')} 'unknown'.\n"


@pytest.mark.parametrize("verb", [("events", "ls"), ("files", "show", "x")])
def test_no_ledger_is_a_configuration_error_and_none_is_made(
    program: Program, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    told = program(*verb, "--data-dir", str(tmp_path / "data"))

    assert (told.status, told.stdout) == (3, "")
    assert f"There is no database at {tmp_path}/data/connector.db" in told.stderr
    assert "--data-dir" in told.stderr
    assert not (tmp_path / "data").exists()


def test_a_database_that_cannot_be_reached_is_a_service_that_fails(
    program: Program, tmp_path: Path
) -> None:
    url = f"postgresql://me:hidden@/x?host={tmp_path}"

    told = program("events", "ls", "--database-url", url, "--json")

    assert told.status == 4
    assert "PostgreSQL cannot be reached" in told.stderr
    assert "hidden" not in told.stdout + told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize(
    "flags",
    [
        ["--since", "yesterday"],
        ["--until", "2026-13-01"],
        ["--since", "1h", "--until", "2h"],
        ["--state", "lost"],
        ["--limit", "0"],
        ["--cursor", "no-cursor"],
        ["--unknown"],
    ],
)
def test_wrong_usage_is_told(home: Path, program: Program, flags: list[str]) -> None:
    told = program("events", "ls", "--data-dir", str(home), "--json", *flags)

    assert (told.status, told.stdout) == (2, "")
    assert flags[0] in told.stderr
